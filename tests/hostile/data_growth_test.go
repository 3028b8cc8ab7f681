package hostile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/value"
	"realmsync/core/wire"
)

// A device that brings more classes or properties than anybody has is refused whole, at once; before there were bounds it held everybody up for minutes.
func TestSchemasWithoutEnd(t *testing.T) {
	s := open(t, true)
	h := s.honest()
	for name, make := range map[string]func(i int) changeset.Instruction{
		"properties": func(i int) changeset.Instruction {
			return changeset.Instruction{Op: changeset.AddColumn, Table: "Dog", Field: fmt.Sprint("p", i), Schema: &changeset.SchemaFields{Type: value.KindInt}}
		},
		"classes": func(i int) changeset.Instruction {
			return changeset.Instruction{Op: changeset.AddTable, Table: fmt.Sprint("T", i), Schema: &changeset.SchemaFields{KeyField: "_id", KeyType: value.KindInt}}
		},
		"the same class": func(int) changeset.Instruction {
			return changeset.Instruction{Op: changeset.AddTable, Table: "Same", Schema: &changeset.SchemaFields{KeyField: "_id", KeyType: value.KindInt}}
		},
	} {
		n, code := 3_000, wire.CodeInvalidSchemaChange
		if name == "the same class" { // that is what clients do, but not so often
			n, code = 60_000, wire.CodeBadChangeset
		}
		var ins []changeset.Instruction
		for i := range n {
			ins = append(ins, make(i))
		}
		p := s.subscribed(shop)
		b, err := changeset.Encode(&changeset.Changeset{Instructions: ins})
		require.NoError(t, err)
		require.NoError(t, p.send(p.entry(b)))
		p.fails(t, name, int(code))
		_ = p.ws.CloseNow()
	}
	h.stop()
}

// Queries of programs that would take for ever with backtracking, on objects that nearly match.
func TestQueriesOfPrograms(t *testing.T) {
	s := open(t, true)
	h := s.honest()
	user := s.anonymous(shop)
	var docs []string
	for i := range 100 {
		docs = append(docs, fmt.Sprintf(`{"_id":%d,"name":"%s"}`, -1-i, strings.Repeat("a", 3000)))
	}
	require.Equal(t, 201, s.ask("POST", documents("Dog", ""), user.Access, "["+strings.Join(docs, ",")+"]").status)
	query := func(text string) answer {
		return s.ask("POST", dataAPI+"Dog/query", user.Access, `{"query":"`+text+`"}`)
	}
	for _, text := range []string{
		`name LIKE '` + strings.Repeat("*a", 60) + `*b'`, `name LIKE[c] '` + strings.Repeat("*?", 200) + `b'`, `name LIKE '` + strings.Repeat("?*", 1000) + `?????b'`, `NOT name LIKE '` + strings.Repeat("*", 3000) + `'`,
	} {
		require.Empty(t, query(text+" AND _id < 0").ids(), "%.80s", text)
	}
	const wrong, costly = "InvalidParameter", "ExecutionTimeLimitExceeded" // what is too deep or too long is not even read to its end
	for _, c := range []struct{ text, code string }{
		{`name MATCHES '(a+)+$'`, wrong}, {`name =~ 'a'`, wrong}, {deep("(", "age == 1", ")", 5000), costly}, {deep("NOT ", "age == 1", "", 100_000), costly},
		{"age == " + deep("(1 + ", "1", ")", 50_000), costly}, {`SUBQUERY(toys, $x, $x == 1).@count > 0`, wrong}, {`@links.@count > 0`, wrong}, {`age == $9`, wrong},
		{`age == ` + strings.Repeat("1 + ", 100_000) + "1", costly}, {strings.Repeat("age == 1 OR ", 200_000) + "age == 1", costly},
	} {
		a := query(c.text)
		a.refused(400, c.code)
		require.Less(t, len(a.body), 2<<10, "%.80s", c.text)
	}
	require.Len(t, query("_id < 0 SORT(name ASC) DISTINCT(name) LIMIT(5)").ids(), 1)
	require.Len(t, query("_id < 0 AND age < "+strings.Repeat("9", 10_000)).ids(), 100)
	h.stop()
}

// An integer of more digits than there are is the last one (query-language section 2), to whoever asks.
func TestNumbersBeyondNumbers(t *testing.T) {
	s := open(t, true)
	h := s.honest()
	p := s.subscribed(shop)
	d := dog(-7)
	d[2].Value = value.Int(1<<63 - 1)
	require.NoError(t, p.upload(d...))
	q := s.subscribed(shop)
	require.NoError(t, q.subscribe(string(dogQuery(t, "age == "+strings.Repeat("9", 10_000)))))
	require.NoError(t, q.mark())
	require.Contains(t, q.keys, int64(-7))
	h.stop()
}
