package merge

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// The notation of spec/merge.md section 1.4: "@10/2: U i=1; INS l[0]=7 n3 ‖ @30/2: ADD i+5". The class is T, the key 1 unless #5 says
// otherwise; the set is s.

// parseSide reads the changesets of one side. Without @ they have no time.
func parseSide(text string) (entries []*Entry, err error) {
	for i, part := range strings.Split(text, "‖") {
		e := &Entry{Version: uint64(i) + 1}
		part = strings.TrimSpace(part)
		if strings.HasPrefix(part, "@") {
			head, rest, _ := strings.Cut(part, ":")
			if _, err := fmt.Sscanf(head, "@%d/%d", &e.Timestamp, &e.FileIdent); err != nil {
				return nil, fmt.Errorf("%q: %w", head, err)
			}
			part = rest
		}
		if e.Changeset, err = parseChangeset(part); err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func parseChangeset(text string) (*changeset.Changeset, error) {
	c := &changeset.Changeset{}
	for part := range strings.SplitSeq(text, ";") {
		part = strings.TrimSpace(part)
		if part == "∅" || part == "" {
			continue
		}
		in, err := parseInstruction(part)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", part, err)
		}
		c.Instructions = append(c.Instructions, in)
	}
	return c, nil
}

var notationOps = map[string]changeset.Op{
	"U": changeset.Update, "ADD": changeset.AddInteger, "INS": changeset.ArrayInsert, "MOV": changeset.ArrayMove, "DEL": changeset.ArrayErase,
	"CLR": changeset.Clear, "S+": changeset.SetInsert, "S-": changeset.SetErase, "NEW": changeset.CreateObject, "RM": changeset.EraseObject,
}

func parseInstruction(text string) (in changeset.Instruction, err error) {
	words := strings.Fields(text)
	op, ok := notationOps[words[0]]
	if !ok {
		return parseSchemaInstruction(text)
	}
	in = changeset.Instruction{Op: op, Table: "T", Key: value.IntKey(1)}
	words = words[1:]
	if len(words) > 0 && words[0][0] == '#' {
		n, err := strconv.ParseInt(words[0][1:], 10, 64)
		if err != nil {
			return in, err
		}
		in.Key = value.IntKey(n)
		words = words[1:]
	}
	switch op {
	case changeset.CreateObject, changeset.EraseObject:
		return in, nil
	case changeset.SetInsert, changeset.SetErase:
		in.Field = "s"
		in.Value, err = parseValue(words[0])
		return in, err
	}
	for _, word := range words[1:] {
		switch {
		case word == "dflt":
			in.Default = true
		case word[0] == 'n':
			n, err := strconv.ParseUint(word[1:], 10, 32)
			if err != nil {
				return in, err
			}
			in.PriorSize = uint32(n)
		default:
			return in, fmt.Errorf("what is %q", word)
		}
	}
	cut := map[changeset.Op]string{changeset.Update: "=", changeset.ArrayInsert: "=", changeset.AddInteger: "+", changeset.ArrayMove: "→", changeset.Clear: ":"}[op]
	path, operand := words[0], ""
	if cut != "" {
		if path, operand, ok = strings.Cut(words[0], cut); !ok {
			return in, fmt.Errorf("no %q", cut)
		}
	}
	if in.Field, in.Path, err = parsePath(path); err != nil {
		return in, err
	}
	switch op {
	case changeset.Update, changeset.ArrayInsert:
		in.Value, err = parseValue(operand)
	case changeset.AddInteger:
		in.Add, err = strconv.ParseInt(operand, 10, 64)
	case changeset.ArrayMove:
		var n uint64
		n, err = strconv.ParseUint(operand, 10, 32)
		in.Dest = uint32(n)
	case changeset.Clear:
		in.Collection, ok = map[string]schema.Collection{"L": schema.List, "D": schema.Dictionary, "S": schema.Set}[operand]
		if !ok {
			err = fmt.Errorf("collection %q", operand)
		}
	}
	return in, err
}

func parsePath(text string) (field string, path []changeset.Step, err error) {
	for i, part := range strings.Split(text, ".") {
		names := strings.Split(part, "[")
		if i == 0 {
			field = names[0]
		} else {
			path = append(path, changeset.Step{Key: names[0]})
		}
		for _, position := range names[1:] {
			n, err := strconv.ParseUint(strings.TrimSuffix(position, "]"), 10, 32)
			if err != nil {
				return "", nil, err
			}
			path = append(path, changeset.Step{Pos: uint32(n), IsPos: true})
		}
	}
	return field, path, nil
}

func parseValue(text string) (value.Value, error) {
	switch text {
	case "null":
		return value.Null(), nil
	case "List":
		return value.Marker(value.KindList), nil
	case "Dict":
		return value.Marker(value.KindDictionary), nil
	case "Obj":
		return value.Marker(value.KindObject), nil
	case "Erased":
		return value.Marker(value.KindErased), nil
	}
	if text[0] == '"' {
		return value.String(strings.Trim(text, `"`)), nil
	}
	if link, ok := strings.CutPrefix(text, "→"); ok {
		class, key, _ := strings.Cut(link, "/")
		n, err := strconv.ParseInt(key, 10, 64)
		return value.FromLink(class, value.IntKey(n)), err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return value.Int(n), err
}

// parseSchemaInstruction reads +N(_id:int), -N, +T.z:int, +T.n:→N, -T.z, +N(embedded).
func parseSchemaInstruction(text string) (in changeset.Instruction, err error) {
	name, definition := text[1:], ""
	if at := strings.IndexAny(name, ":("); at >= 0 {
		name, definition = name[:at], name[at+1:]
	}
	in.Table, in.Field, _ = strings.Cut(name, ".")
	kinds := map[string]value.Kind{"int": value.KindInt, "string": value.KindString}
	switch {
	case text[0] == '-' && in.Field == "":
		in.Op = changeset.EraseTable
	case text[0] == '-':
		in.Op = changeset.EraseColumn
	case text[0] == '+' && in.Field == "":
		in.Op = changeset.AddTable
		in.Schema = &changeset.SchemaFields{}
		if definition == "embedded)" {
			in.Schema.TableKind = schema.Embedded
			break
		}
		field, kind, _ := strings.Cut(strings.TrimSuffix(definition, ")"), ":")
		in.Schema.KeyField, in.Schema.KeyType = field, kinds[kind]
	case text[0] == '+':
		in.Op = changeset.AddColumn
		in.Schema = &changeset.SchemaFields{Type: kinds[definition]}
		if target, ok := strings.CutPrefix(definition, "→"); ok {
			in.Schema.Type, in.Schema.LinkTarget, in.Schema.Nullable = value.KindLink, target, true
		} else if kinds[definition] == 0 {
			err = fmt.Errorf("type %q", definition)
		}
	default:
		err = fmt.Errorf("unknown instruction")
	}
	return in, err
}

func side(t testing.TB, text string) []*Entry {
	t.Helper()
	entries, err := parseSide(text)
	require.NoError(t, err)
	return entries
}

func instructions(t testing.TB, text string) []changeset.Instruction {
	t.Helper()
	c, err := parseChangeset(text)
	require.NoError(t, err)
	return c.Instructions
}

// copyEntries copies entries so that merging the copies leaves them as they are.
func copyEntries(entries []*Entry) []*Entry {
	out := make([]*Entry, len(entries))
	for i, e := range entries {
		c := *e
		out[i] = &c
	}
	return out
}

func merge(local, incoming []*Entry, allPairs bool) error {
	return mergeBy(Compatible, local, incoming, allPairs)
}

func mergeBy(rules Rules, local, incoming []*Entry, allPairs bool) error {
	m := merger{rules: rules.set(), allPairs: allPairs, fewest: true}
	return m.run(local, incoming)
}

func TestNotation(t *testing.T) {
	c, err := parseChangeset(`U #5 ml[1].k[0]="a" n3; MOV l[0]→2 n3; +T.n:→N; S- 1`)
	require.NoError(t, err)
	require.Equal(t, []string{`Update T[5].ml[1].k[0]`, `ArrayMove T[1].l[0]`, `AddColumn T.n`, `SetErase T[1].s`},
		slices.Collect(func(yield func(string) bool) {
			for i := range c.Instructions {
				if !yield(c.Instructions[i].Address()) {
					return
				}
			}
		}))
	require.Equal(t, "a", c.Instructions[0].Value.Str())
	require.EqualValues(t, 3, c.Instructions[0].PriorSize)
	require.EqualValues(t, 2, c.Instructions[1].Dest)
}
