package changeset_test

import (
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// The tests of this file are the worked examples of spec/changeset.md section 3 and the first half of its section 10, whose
// numbers they name.

const (
	s1 = "3f0003466f6f"        // 0 = Foo
	s2 = s1 + "3f0103626172"   // 1 = bar
	p0 = s2 + "040001fb000100" // Update Foo[123].bar
)

func foo(op changeset.Op) changeset.Instruction {
	return changeset.Instruction{Op: op, Table: "Foo", Key: value.IntKey(123), Field: "bar"}
}

func updateFoo(v value.Value) changeset.Instruction {
	in := foo(changeset.Update)
	in.Value = v
	return in
}

func at(in changeset.Instruction, path ...any) changeset.Instruction {
	for _, element := range path {
		switch e := element.(type) {
		case int:
			in.Path = append(in.Path, changeset.Step{Pos: uint32(e), IsPos: true})
		case string:
			in.Path = append(in.Path, changeset.Step{Key: e})
		}
	}
	return in
}

func with(in changeset.Instruction, change func(in *changeset.Instruction)) changeset.Instruction {
	change(&in)
	return in
}

func decimal(t testing.TB, s string) value.Value {
	d, err := value.ParseDecimal(s)
	require.NoError(t, err)
	return value.FromDecimal(d)
}

func column(class, field string, c schema.Collection, f changeset.SchemaFields) changeset.Instruction {
	return changeset.Instruction{Op: changeset.AddColumn, Table: class, Field: field, Collection: c, Schema: &f}
}

func table(class string, f changeset.SchemaFields) changeset.Instruction {
	return changeset.Instruction{Op: changeset.AddTable, Table: class, Schema: &f}
}

func TestWorkedExamples(t *testing.T) {
	oid, _ := value.ParseObjectID("0123456789abcdef01234567")
	uuid, _ := value.ParseUUID("00112233-4455-6677-8899-aabbccddeeff")
	text := func(s string) string { return hex.EncodeToString([]byte{byte(len(s))}) + hex.EncodeToString([]byte(s)) }
	nan := updateFoo(value.Null())
	nan.Default = true
	create := func(k value.Key) changeset.Instruction {
		return changeset.Instruction{Op: changeset.CreateObject, Table: "Foo", Key: k}
	}
	for _, c := range []struct {
		hex string
		in  changeset.Instruction
	}{
		// E1, E2
		{"3f00 06506572736f6e 3f01 035f6964 00 00 00 01 0a 00", table("Person", changeset.SchemaFields{KeyField: "_id", KeyType: value.KindObjectID})},
		{"3f00 0741646472657373 00 00 01", table("Address", changeset.SchemaFields{TableKind: schema.Embedded})},
		{"3f00 054576656e74 3f01 035f6964 00 00 02 01 0b 00", table("Event", changeset.SchemaFields{TableKind: schema.Asymmetric, KeyField: "_id", KeyType: value.KindUUID})},
		{s1 + "3f01 00 00 00 00 01 40 00", table("Foo", changeset.SchemaFields{KeyType: value.KindGlobalKey})},
		{s1 + "3f01 035f6964 00 00 00 01 03 01", table("Foo", changeset.SchemaFields{KeyField: "_id", KeyType: value.KindString, KeyNull: true})},
		// E3
		{s2 + "06 00 01 01 00 00", column("Foo", "bar", schema.Single, changeset.SchemaFields{Type: value.KindInt})},
		{s2 + "06 00 01 03 01 00", column("Foo", "bar", schema.Single, changeset.SchemaFields{Type: value.KindString, Nullable: true})},
		{s2 + "06 00 01 00 01 00", column("Foo", "bar", schema.Single, changeset.SchemaFields{Type: value.KindMixed, Nullable: true})},
		{s2 + "3f02 03446f67 06 00 01 09 01 00 02", column("Foo", "bar", schema.Single, changeset.SchemaFields{Type: value.KindLink, Nullable: true, LinkTarget: "Dog"})},
		{s2 + "3f02 03446f67 06 00 01 09 00 01 02", column("Foo", "bar", schema.List, changeset.SchemaFields{Type: value.KindLink, LinkTarget: "Dog"})},
		{s2 + "06 00 01 03 00 02 03", column("Foo", "bar", schema.Dictionary, changeset.SchemaFields{Type: value.KindString, KeyType: value.KindString})},
		{s2 + "3f02 03446f67 06 00 01 09 01 02 02 03", column("Foo", "bar", schema.Dictionary, changeset.SchemaFields{Type: value.KindLink, Nullable: true, LinkTarget: "Dog", KeyType: value.KindString})},
		{s2 + "06 00 01 08 00 03", column("Foo", "bar", schema.Set, changeset.SchemaFields{Type: value.KindDecimal})},
		// E4
		{s1 + "02 00 01 fb 00", create(value.IntKey(123))},
		{s1 + "02 00 01 40", create(value.IntKey(-1))},
		{s1 + "02 00 00", create(value.NullKey())},
		{s1 + "3f01 03616263 02 00 03 01", create(value.StringKey("abc"))},
		{s1 + "02 00 0a 0123456789abcdef01234567", create(value.ObjectIDKey(oid))},
		{s1 + "02 00 0b 00112233445566778899aabbccddeeff", create(value.UUIDKey(uuid))},
		{s1 + "02 00 40 07 ac02", create(value.GlobalKey(7, 300))},
		// E5
		{s1 + "03 00 01 c0 00", changeset.Instruction{Op: changeset.EraseObject, Table: "Foo", Key: value.IntKey(64)}},
		{s1 + "01 00", changeset.Instruction{Op: changeset.EraseTable, Table: "Foo"}},
		{s2 + "07 00 01", changeset.Instruction{Op: changeset.EraseColumn, Table: "Foo", Field: "bar"}},
		// E6, E16
		{p0 + "00 00", updateFoo(value.Null())},
		{p0 + "00 01", nan},
		{p0 + "01 ab42 00", updateFoo(value.Int(-300))},
		{p0 + "02 01 00", updateFoo(value.Bool(true))},
		{p0 + "03" + text("Hi!") + "00", updateFoo(value.String("Hi!"))},
		{p0 + "03 02 c3a6 00", updateFoo(value.String("æ"))},
		{p0 + "04 03 00ff10 00", updateFoo(value.Binary([]byte{0, 0xff, 0x10}))},
		{p0 + "05 80e2cfaa06 c0a9d33a 00", updateFoo(value.FromTimestamp(value.Timestamp{Seconds: 1700000000, Nanoseconds: 123000000}))},
		{p0 + "05 40 ffc9b5ee41 00", updateFoo(value.FromTimestamp(value.Timestamp{Seconds: -1, Nanoseconds: -500000000}))},
		{p0 + "06 0000c03f 00", updateFoo(value.Float(1.5))},
		{p0 + "07 000000000000f83f 00", updateFoo(value.Double(1.5))},
		{p0 + "08 9a08 41 00 00", updateFoo(decimal(t, "10.50"))},
		{p0 + "08 01 00 01 00", updateFoo(decimal(t, "-1"))},
		{p0 + "08 d295fcf1e49df8b9c3edbfc8ee31 00 00 00", updateFoo(decimal(t, "123456789012345678901234567890"))},
		{p0 + "08 00 e0c700 01 00", updateFoo(decimal(t, "-inf"))},
		{p0 + "08 00 e0cb00 00 00", updateFoo(decimal(t, "nan"))},
		{p0 + "0a 0123456789abcdef01234567 00", updateFoo(value.FromObjectID(oid))},
		{p0 + "0b 00112233445566778899aabbccddeeff 00", updateFoo(value.FromUUID(uuid))},
		{p0 + "41 00", updateFoo(value.Marker(value.KindObject))},
		{p0 + "42 00", updateFoo(value.Marker(value.KindDictionary))},
		{p0 + "44 00", updateFoo(value.Marker(value.KindList))},
		{p0 + "01 ffffffffffffffffff00 00", updateFoo(value.Int(math.MaxInt64))},
		// E7 to E14
		{s2 + "3f02 03446f67 3f03 03726578 040001fb000100 09 02 03 03 00", updateFoo(value.FromLink("Dog", value.StringKey("rex")))},
		{s2 + "3f02 026b31 04 00 01 fb00 01 01 40 02 43 00", at(updateFoo(value.Marker(value.KindErased)), "k1")},
		{s2 + "04 00 01 fb00 01 01 02 01 05 c600", with(at(updateFoo(value.Int(5)), 2), func(in *changeset.Instruction) { in.PriorSize = 70 })},
		{s2 + "3f02 026b31 04 00 01 fb00 01 02 01 40 02 01 05 00", at(updateFoo(value.Int(5)), 1, "k1")},
		{s2 + "05 00 01 fb00 01 00 44", with(foo(changeset.AddInteger), func(in *changeset.Instruction) { in.Add = -5 })},
		{s2 + "08 00 01 fb00 01 01 00 03 01 78 00", with(at(foo(changeset.ArrayInsert), 0), func(in *changeset.Instruction) { in.Value = value.String("x") })},
		{s2 + "08 00 01 fb00 01 01 03 41 03", with(at(foo(changeset.ArrayInsert), 3), func(in *changeset.Instruction) { in.Value, in.PriorSize = value.Marker(value.KindObject), 3 })},
		{s2 + "09 00 01 fb00 01 01 04 01 05", with(at(foo(changeset.ArrayMove), 4), func(in *changeset.Instruction) { in.Dest, in.PriorSize = 1, 5 })},
		{s2 + "0a 00 01 fb00 01 01 c000 c100", with(at(foo(changeset.ArrayErase), 64), func(in *changeset.Instruction) { in.PriorSize = 65 })},
		{s2 + "0b 00 01 fb00 01 00 02", with(foo(changeset.Clear), func(in *changeset.Instruction) { in.Collection = schema.Dictionary })},
		{s2 + "3f02 016b 0b 00 01 fb00 01 01 40 02 01", with(at(foo(changeset.Clear), "k"), func(in *changeset.Instruction) { in.Collection = schema.List })},
		{s2 + "0c 00 01 fb00 01 00 01 09", with(foo(changeset.SetInsert), func(in *changeset.Instruction) { in.Value = value.Int(9) })},
		{s2 + "3f02 03446f67 0d 00 01 fb00 01 00 09 02 01 01", with(foo(changeset.SetErase), func(in *changeset.Instruction) { in.Value = value.FromLink("Dog", value.IntKey(1)) })},
	} {
		b := unhex(t, c.hex)
		require.Equal(t, []changeset.Instruction{c.in}, decode(t, b, c.hex), c.hex)
		encoded, err := changeset.Encode(&changeset.Changeset{Instructions: []changeset.Instruction{c.in}})
		require.NoError(t, err)
		require.Equal(t, hex.EncodeToString(b), hex.EncodeToString(encoded))
	}
}

// E15: a whole transaction as a client streams it, and re-encoded. (Its unreferenced string is left out here.)
func TestWholeTransaction(t *testing.T) {
	rex, person := value.StringKey("rex"), value.IntKey(7)
	set := func(v value.Value, field string, path ...any) changeset.Instruction {
		return at(changeset.Instruction{Op: changeset.Update, Table: "Person", Key: person, Field: field, Value: v}, path...)
	}
	ins := []changeset.Instruction{
		{Op: changeset.CreateObject, Table: "Dog", Key: rex},
		{Op: changeset.CreateObject, Table: "Person", Key: person},
		set(value.Int(41), "age"),
		set(value.FromLink("Dog", rex), "dog"),
		set(value.Marker(value.KindObject), "home"),
		set(value.String("Elm"), "home", "street"),
		with(at(changeset.Instruction{Op: changeset.ArrayInsert, Table: "Person", Key: person, Field: "nums"}, 0), func(in *changeset.Instruction) { in.Value = value.Int(100) }),
	}
	original := unhex(t, "3f0003446f67 3f0103726578 02000301 3f0206506572736f6e 02020107 3f0303616765 04020107030001 2900 3f0403646f67 0402010704000900030100"+
		"3f0504686f6d65 0402010705004100 3f060441646472 3f0706737472656574 04020107050140070303456c6d00 3f08046e756d73 08020107080100 01e40000")
	require.Len(t, original, 124)
	require.Equal(t, ins, decode(t, original, "E15"))
	streamed := "3f0003446f67 3f0103726578 02000301 3f0206506572736f6e 02020107 3f0303616765 04020107030001 2900 3f0403646f67 0402010704000900030100" +
		"3f0504686f6d65 0402010705004100 3f0606737472656574 04020107050140060303456c6d00 3f07046e756d73 08020107070100 01e40000"
	require.Equal(t, strings.ReplaceAll(streamed, " ", ""), hex.EncodeToString(record(t, ins)))
	encoded, err := changeset.Append([]byte("kept"), &changeset.Changeset{Instructions: ins})
	require.NoError(t, err)
	require.Equal(t, "kept3f0003", string(encoded[:4])+hex.EncodeToString(encoded[4:7]))
	require.Equal(t, ins, decode(t, encoded[4:], "re-encoded"))
}

// 1, 2, 14: integers.
func TestIntegers(t *testing.T) {
	for v, want := range map[int64]string{
		0: "00", 1: "01", 63: "3f", 64: "c000", 127: "ff00", 128: "8001", 300: "ac02", 8191: "ff3f", 8192: "80c000", 1000000: "c0843d", 1700000000: "80e2cfaa06",
		-1: "40", -2: "41", -6: "45", -64: "7f", -65: "c040", -128: "ff40", -300: "ab42", math.MaxInt64: "ffffffffffffffffff00", math.MinInt64: "ffffffffffffffffff40",
	} {
		in := with(foo(changeset.AddInteger), func(in *changeset.Instruction) { in.Add = v })
		b := unhex(t, s2+"050001fb000100"+want)
		require.Equal(t, []changeset.Instruction{in}, decode(t, b, want))
		require.Equal(t, b, record(t, []changeset.Instruction{in}))
	}
	global := changeset.Instruction{Op: changeset.CreateObject, Table: "Foo", Key: value.GlobalKey(1<<63, math.MaxUint64)}
	b := unhex(t, s1+"020040 80808080808080808001 ffffffffffffffffff01")
	require.Equal(t, []changeset.Instruction{global}, decode(t, b, "uint64"))
	require.Equal(t, b, record(t, []changeset.Instruction{global}))

	prior := func(field string) error {
		_, err := changeset.Decode(unhex(t, s2+"0a0001fb00010100"+field))
		return err
	}
	for _, good := range []string{"ffffffff0f", "00", "8000", "8080808000"} {
		require.NoError(t, prior(good), good)
	}
	for _, bad := range []string{"", "80", "ffffffff10", "808080808000", "40", "41", "8041", "7f", "ffffffff4f"} {
		var e *changeset.BadChangesetError
		require.ErrorAs(t, prior(bad), &e, bad)
		require.Equal(t, changeset.ReasonInteger, e.Reason)
	}
}

// 3: decimals.
func TestDecimalCoefficients(t *testing.T) {
	for text, want := range map[string]string{"0": "00", "63": "3f", "64": "c000", "127": "ff00", "128": "8001"} {
		in := updateFoo(decimal(t, text))
		require.Equal(t, p0+"08"+want+"000000", hex.EncodeToString(record(t, []changeset.Instruction{in})))
	}
	read := func(field string) (value.Value, error) {
		c, err := changeset.Decode(unhex(t, p0+"08"+field))
		if err != nil {
			return value.Null(), err
		}
		return c.Instructions[0].Value, nil
	}
	v, err := read("7f000000")
	require.NoError(t, err)
	require.Equal(t, "127", v.Decimal().String())
	for name, field := range map[string]string{
		"18 bytes": strings.Repeat("80", 17) + "01000000", "114 bits": strings.Repeat("ff", 16) + "02000000", "cut": "8080",
		"exponent too big": "01c0ffff0f0000", "exponent too small": "01a1f0400000", "exponent of a million": "01c0843d0000",
	} {
		_, err := read(field)
		require.ErrorIs(t, err, changeset.ErrBadChangeset, name)
	}
	_, err = read(strings.Repeat("ff", 16) + "01000000") // 113 bits
	require.NoError(t, err)
}

// 5, 6, 13: definitions anywhere, or none.
func TestDefinitions(t *testing.T) {
	erase := changeset.Instruction{Op: changeset.EraseTable, Table: "Foo"}
	for _, text := range []string{s1 + "0100", s2 + "0100", s1 + "0100 3f0103626172", s1 + "3f0100 0100", "3f0000 3f0103466f6f 0101"} {
		require.Equal(t, []changeset.Instruction{erase}, decode(t, unhex(t, text), text))
	}
	require.Empty(t, decode(t, nil, ""))
	require.Empty(t, decode(t, unhex(t, s2), ""))
	encoded, err := changeset.Encode(&changeset.Changeset{})
	require.NoError(t, err)
	require.Empty(t, encoded)
	var many strings.Builder // more than are compared one by one
	for i := range 40 {
		many.WriteString("3f" + hex.EncodeToString([]byte{byte(i), 1, byte('a' + i)}))
	}
	require.Equal(t, "z", decode(t, unhex(t, many.String()+"0119"), "")[0].Table)
	for _, twice := range []string{"3f2801" + hex.EncodeToString([]byte{'a'}), "3f2801" + hex.EncodeToString([]byte{'a' + 39})} {
		_, err := changeset.Decode(unhex(t, many.String()+twice))
		var bad *changeset.BadChangesetError
		require.ErrorAs(t, err, &bad)
		require.Equal(t, changeset.ReasonStringTwice, bad.Reason)
	}
}

// 11, 12: each condition with its reason and place.
func TestReasons(t *testing.T) {
	class58 := "3f003a" + strings.Repeat("6e", 58)
	for _, c := range []struct {
		hex    string
		reason changeset.Reason
		offset int
	}{
		{"3f", changeset.ReasonInteger, 1},                                 // V1
		{s1 + "0e", changeset.ReasonOpcode, 6},                             // V2
		{"3f0103466f6f", changeset.ReasonStringIndex, 1},                   // V3
		{s1 + "3f0103466f6f", changeset.ReasonStringTwice, 7},              // V4
		{"3f00f0ffff07", changeset.ReasonTooLong, 2},                       // V5
		{"3f0004466f6f", changeset.ReasonTruncated, 3},                     // V6
		{s1 + "0101", changeset.ReasonStringUndefined, 7},                  // V7
		{p0 + "0c00", changeset.ReasonDataType, 19},                        // V8
		{p0 + "4000", changeset.ReasonPayload, 19},                         // V9
		{s1 + "020002", changeset.ReasonKeyType, 8},                        // V10
		{s2 + "0600010100 04", changeset.ReasonCollection, 17},             // V11
		{s1 + "000003", changeset.ReasonTableKind, 8},                      // V12
		{s1 + "00000000 02", changeset.ReasonPrimaryKeyType, 10},           // V13
		{s2 + "0a0001fb00 010000", changeset.ReasonNoIndex, 19},            // V14
		{p0 + "0500 8080808008 00", changeset.ReasonTimestamp, 20},         // V15
		{p0 + "0880", changeset.ReasonDecimal, 20},                         // V16
		{s1 + "0141", changeset.ReasonInteger, 7},                          // R1
		{"8002", changeset.ReasonOpcode, 0},                                // R2
		{p0 + "8304", changeset.ReasonDataType, 19},                        // R3
		{s2 + "040001fb0001 01 8080808010", changeset.ReasonInteger, 19},   // R4
		{p0 + "05 01 40 00", changeset.ReasonTimestamp, 20},                // R6
		{p0 + "05 00 8094ebdc03 00", changeset.ReasonTimestamp, 20},        // R6
		{s2 + "060001 41 00 00", changeset.ReasonColumnType, 15},           // R7
		{s2 + "060001 01 00 02 01", changeset.ReasonDictionaryKeyType, 18}, // R8
		{p0 + "04f1ffff07", changeset.ReasonTooLong, 20},                   // R10
		{p0 + "04ffffffffffffffffff01", changeset.ReasonTooLong, 20},       // R10
		{class58 + "000001", changeset.ReasonClassName, 62},                // R11
	} {
		b := unhex(t, c.hex)
		result, err := changeset.Decode(b)
		require.Nil(t, result)
		require.ErrorIs(t, err, changeset.ErrBadChangeset, c.hex)
		var bad *changeset.BadChangesetError
		require.True(t, errors.As(err, &bad))
		require.Equal(t, c.reason, bad.Reason, "%s: %v", c.hex, err)
		require.Equal(t, c.offset, bad.Offset, "%s: %v", c.hex, err)
		require.Zero(t, bad.Index)
		require.NotEmpty(t, bad.Text)
	}
	_, err := changeset.Decode(unhex(t, s1+"0100 0100 0205"))
	var bad *changeset.BadChangesetError
	require.ErrorAs(t, err, &bad)
	require.Equal(t, 2, bad.Index, "the number of the instruction")
	require.Equal(t, "bad changeset at byte 11, instruction 2: string 5 is not defined (yet) (STRING_UNDEFINED)", err.Error())
	// R5: any negative number announces a key.
	require.Equal(t, []changeset.Step{{Key: "bar"}}, decode(t, unhex(t, s2+"040001fb0001 01 44 01 00 00"), "")[0].Path)
}

func TestNotEncodable(t *testing.T) {
	long := strings.Repeat("x", changeset.MaxString+1)
	for name, in := range map[string]changeset.Instruction{
		"op":                with(foo(changeset.Update), func(in *changeset.Instruction) { in.Op = 14 }),
		"class name":        {Op: changeset.EraseTable, Table: strings.Repeat("n", 58)},
		"string":            updateFoo(value.String(long)),
		"binary":            updateFoo(value.BinaryString(long + "x")),
		"key":               {Op: changeset.CreateObject, Table: "A", Key: value.StringKey(long)},
		"path key":          at(updateFoo(value.Null()), long),
		"field":             {Op: changeset.EraseColumn, Table: "A", Field: long},
		"timestamp":         updateFoo(value.FromTimestamp(value.Timestamp{Seconds: 1, Nanoseconds: -1})),
		"global key":        updateFoo(value.Marker(value.KindGlobalKey)),
		"unknown kind":      updateFoo(value.Marker(99)),
		"link class":        updateFoo(value.FromLink(strings.Repeat("n", 58), value.IntKey(1))),
		"link key":          updateFoo(value.FromLink("A", value.StringKey(long))),
		"no position":       foo(changeset.ArrayInsert),
		"key last":          at(foo(changeset.ArrayErase), 1, "k"),
		"collection":        with(foo(changeset.Clear), func(in *changeset.Instruction) { in.Collection = 4 }),
		"no table fields":   {Op: changeset.AddTable, Table: "A"},
		"table kind":        table("A", changeset.SchemaFields{TableKind: 3}),
		"key type":          table("A", changeset.SchemaFields{KeyField: "_id", KeyType: value.KindDouble}),
		"key field":         table("A", changeset.SchemaFields{KeyField: long, KeyType: value.KindInt}),
		"no column fields":  {Op: changeset.AddColumn, Table: "A", Field: "f"},
		"column type":       column("A", "f", schema.Single, changeset.SchemaFields{Type: value.KindObject}),
		"column collection": column("A", "f", 4, changeset.SchemaFields{Type: value.KindInt}),
		"dictionary keys":   column("A", "f", schema.Dictionary, changeset.SchemaFields{Type: value.KindInt}),
		"link target":       column("A", "f", schema.Single, changeset.SchemaFields{Type: value.KindLink, LinkTarget: strings.Repeat("n", 58)}),
	} {
		good := updateFoo(value.Int(1))
		_, err := changeset.Encode(&changeset.Changeset{Instructions: []changeset.Instruction{good, in}})
		require.ErrorIs(t, err, changeset.ErrBadChangeset, name)
		var bad *changeset.BadChangesetError
		require.ErrorAs(t, err, &bad)
		require.Equal(t, 1, bad.Index)
		require.Less(t, len(err.Error()), 2000)
		var r changeset.Recorder
		require.NoError(t, r.Record(&good))
		before := r.Clone()
		require.ErrorIs(t, r.Record(&in), changeset.ErrBadChangeset, name)
		require.Equal(t, before, r.Bytes(), "nothing is appended")
		require.Equal(t, 1, r.Len())
		require.NoError(t, r.Record(&good))
		require.ErrorIs(t, r.Err(), changeset.ErrBadChangeset)
		r.Reset()
		require.NoError(t, r.Err())
	}
	_, err := changeset.EncodeKey(value.GlobalKey(1, 2))
	require.ErrorIs(t, err, changeset.ErrBadChangeset)
	_, err = changeset.EncodeKey(value.StringKey(long))
	require.ErrorIs(t, err, changeset.ErrBadChangeset)
	_, err = changeset.DecodeKey("AAA=") // a null key, and a byte more
	require.ErrorIs(t, err, changeset.ErrBadChangeset)
}

// The recorder keeps nothing of the instruction: its strings may change afterwards.
func TestRecorderCopies(t *testing.T) {
	name := []byte("some name")
	var r changeset.Recorder
	for i := range 3000 { // enough for the buffer to move, and for Reset to let go of it
		copy(name, []byte{byte('a' + i%3), byte('a' + i/3%10), byte('a' + i/30%10), byte('a' + i/300)})
		in := changeset.Instruction{Op: changeset.CreateObject, Table: "T", Key: value.StringKey(aliased(name))}
		require.NoError(t, r.Record(&in))
	}
	copy(name, "xxxxxxxxx")
	c, err := changeset.Decode(r.Bytes())
	require.NoError(t, err)
	require.Len(t, c.Instructions, 3000)
	seen := map[string]bool{}
	for i := range c.Instructions {
		seen[c.Instructions[i].Key.Str()] = true
	}
	require.Len(t, seen, 3000)
	first := c.Instructions[:1]
	r.Reset()
	require.Empty(t, r.Bytes())
	require.Zero(t, r.Len())
	require.NoError(t, r.Record(&first[0]))
	require.Equal(t, record(t, first), r.Bytes())
}

func TestCheckText(t *testing.T) {
	good := []changeset.Instruction{updateFoo(value.String("æ")), updateFoo(value.Binary([]byte{0xff})), table("A", changeset.SchemaFields{KeyField: "_id", KeyType: value.KindInt})}
	require.NoError(t, changeset.CheckText(&changeset.Changeset{Instructions: good}))
	bad := "a\xff"
	for _, in := range []changeset.Instruction{
		{Op: changeset.EraseTable, Table: bad}, {Op: changeset.EraseColumn, Table: "A", Field: bad}, {Op: changeset.EraseObject, Table: "A", Key: value.StringKey(bad)},
		updateFoo(value.String(bad)), updateFoo(value.FromLink(bad, value.IntKey(1))), updateFoo(value.FromLink("A", value.StringKey(bad))), at(updateFoo(value.Null()), bad),
		table("A", changeset.SchemaFields{KeyField: bad, KeyType: value.KindInt}), column("A", "f", schema.Single, changeset.SchemaFields{Type: value.KindLink, LinkTarget: bad}),
	} {
		err := changeset.CheckText(&changeset.Changeset{Instructions: append(good, in)})
		var e *changeset.BadChangesetError
		require.ErrorAs(t, err, &e)
		require.Equal(t, 3, e.Index)
		require.Equal(t, changeset.ReasonText, e.Reason)
		require.Equal(t, strings.ToValidUTF8(err.Error(), ""), err.Error())
	}
}
