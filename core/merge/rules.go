package merge

import (
	"fmt"

	"realmsync/core/changeset"
)

// Rules says by which rules changesets are merged. All peers of an app must use the same: two that don't can end in different states.
type Rules uint8

const (
	// Compatible are the rules of the original, with those of its defects that its clients have, too (spec/merge.md section 14). It is
	// the default, and the only choice for an app that is used by clients of the original.
	Compatible Rules = iota
	// Strict are the rules of the same section's last column, for apps all of whose peers are ours:
	//
	//   X1  making an embedded object at a dictionary key where there is one keeps it: see Apply; whoever replaces it erases it first
	//   X2  moving an element moves what others change inside of it
	//   X3  clearing a collection that is an element of a list follows the element, and is discarded with it
	//   X4  making a collection in mixed and clearing it is one assignment, of which the newer wins like of other values
	//   X8  erasing a property discards all concurrent changes of it
	//   X9  default values are refused but for the first write of a property in the changeset that creates the object
	Strict
)

// String returns the name that configurations and error texts use.
func (rules Rules) String() string {
	switch rules {
	case Compatible:
		return "compatible"
	case Strict:
		return "strict"
	default:
		return fmt.Sprintf("rules %d", uint8(rules))
	}
}

// ParseRules returns the rules of a name that String gives. Errors: an unknown name.
func ParseRules(name string) (Rules, error) {
	for _, rules := range []Rules{Compatible, Strict} {
		if name == rules.String() {
			return rules, nil
		}
	}
	return 0, fmt.Errorf("merge: there are no rules %q: they are %q and %q", name, Compatible, Strict)
}

// Changesets is Changesets by these rules.
func (rules Rules) Changesets(local, incoming []*Entry) error {
	set := rules.set()
	if set == nil {
		return fmt.Errorf("merge: there are no %v", rules)
	}
	m := merger{rules: set}
	return m.run(local, incoming)
}

// Apply applies a changeset that was merged by these rules: see changeset.Apply and changeset.ApplyStrict.
func (rules Rules) Apply(st changeset.State, c *changeset.Changeset) error {
	if rules == Strict {
		return changeset.ApplyStrict(st, c)
	}
	return changeset.Apply(st, c)
}

// ApplyEntry applies what a merge has made of an incoming entry.
//
// When an older removal of a dictionary entry meets a newer Clear of the collection in it, the Clear wins (R13), and the side that has removed the
// entry would have to clear what isn't there. The original refuses the whole changeset then: its server sends the client away for good, its client
// stops syncing (vectors/README.md section 8). Here the entry is made again, as an empty collection. That is what the other side has, too, and it
// takes back no write that the rules keep. The Updates that make such entries are put into the changeset, which then is dirty, for peers that
// have followed the removal before.
func (rules Rules) ApplyEntry(st changeset.State, e *Entry) error {
	if !e.Remakes {
		return rules.Apply(st, e.Changeset)
	}
	return rules.applyWith(st, e, changeset.Settings{Remake: true})
}

// ApplyForAll is ApplyEntry at the server, which tells others what it has applied, the original's clients among them unless the rules are strict: they
// stop syncing at a removal of null from a set of numbers, say, which they make themselves (changeset.Settings). They are told it in another way, and so
// is everybody who merges with it. The price: what others have put into that set at the same time is discarded, since they merge with a Clear (R25).
func (rules Rules) ApplyForAll(st changeset.State, e *Entry) error {
	return rules.applyWith(st, e, changeset.Settings{Remake: e.Remakes, SpellNulls: rules != Strict})
}

func (rules Rules) applyWith(st changeset.State, e *Entry, by changeset.Settings) error {
	by.Strict = rules == Strict
	c, err := changeset.ApplyWith(st, e.Changeset, by)
	if err == nil && c != e.Changeset {
		e.Changeset, e.Dirty = c, true
	}
	return err
}

// ruleSet is what rules consist of.
type ruleSet struct {
	flat   *[ops][ops]rule
	nested *[ops]nestedRule
	// prepare looks at the instructions of a changeset before they meet others.
	prepare func(w *work) error
	// erasesAll tells that EraseColumn has to do with all path instructions on the property, not only with Update.
	erasesAll bool
}

func (rules Rules) set() *ruleSet {
	switch rules {
	case Compatible:
		return &compatible
	case Strict:
		return &strict
	default:
		return nil
	}
}

var compatible = ruleSet{flat: &flat, nested: &nested, prepare: func(*work) error { return nil }}
