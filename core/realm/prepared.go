package realm

import (
	"strings"

	"realmsync/core/rql"
	"realmsync/core/store"
	"realmsync/core/value"
)

// queryCache keeps parsed queries by text: programs ask the same few questions again and again, with other arguments.
type queryCache struct{ byText map[string]*prepared }

// maxPrepared bounds the cache; longer texts than maxPreparedText are not kept.
const (
	maxPrepared     = 128
	maxPreparedText = 4096
)

// prepared is a parsed query. One that looks up a primary key given as its argument also keeps a plan, per class, of which only the key has
// to be replaced: the look-up itself costs less than binding and compiling.
type prepared struct {
	query *rql.Query // without arguments
	plans map[uint32]*store.Plan
}

func (c *queryCache) prepare(text string) (*prepared, error) {
	if p := c.byText[text]; p != nil {
		return p, nil
	}
	text = strings.Clone(text) // the caller's may be C memory, and queries keep parts of it
	q, err := rql.Parse(text)
	if err != nil {
		return nil, err
	}
	p := &prepared{query: q}
	if len(text) <= maxPreparedText {
		if c.byText == nil || len(c.byText) >= maxPrepared {
			c.byText = map[string]*prepared{}
		}
		c.byText[text] = p
	}
	return p, nil
}

// learn keeps the plan if it is the look-up of the only argument.
func (p *prepared) learn(plan *store.Plan, class uint32, args []rql.Arg) {
	key, ok := plan.Key()
	if !ok || len(args) != 1 || args[0].Value() != key {
		return
	}
	if text := p.query.Text(); strings.ContainsAny(text, `'"`) || !strings.Contains(text, "$0") {
		return // the key is written in the text
	}
	if p.plans == nil {
		p.plans = map[uint32]*store.Plan{}
	}
	p.plans[class] = plan
}

// lookUp returns the plan for another key of the same type, nil if there is no such short cut.
func (p *prepared) lookUp(conn *store.Conn, class uint32, args []rql.Arg) *store.Plan {
	plan := p.plans[class]
	if plan == nil || len(args) != 1 || !plan.Current(conn) {
		return nil
	}
	key := args[0].Value()
	if have, _ := plan.Key(); have.Kind() != key.Kind() || key.Kind() == value.KindNull {
		return nil
	}
	return plan.AtKey(key)
}
