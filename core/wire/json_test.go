package wire

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestJSONStrings(t *testing.T) {
	all := ""
	for c := range rune(0x80) {
		all += string(c)
	}
	written := string(appendJSONString(nil, all+"æ日😀"))
	require.Equal(t, `"\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d\u001e\u001f`+
		` !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`+"`abcdefghijklmnopqrstuvwxyz{|}~\x7fæ日😀\"", written)
	back, ok := jsonValue(written).asString()
	require.True(t, ok)
	require.Equal(t, all+"æ日😀", back)
	require.Equal(t, "\"a\uFFFDb\uFFFD\"", string(appendJSONString(nil, "a\xffb\xc3")))
	back, ok = jsonValue(`"\u0041\/\ud83d\ude00\u00E6"`).asString()
	require.True(t, ok)
	require.Equal(t, "A/😀æ", back)
}

func TestJSONRefuses(t *testing.T) {
	for _, text := range []string{"", " ", "{", "}", "{}{}", "{} x", "{,}", `{"a"}`, `{"a":}`, `{"a":1,}`, `{"a":1 "b":2}`, `{a:1}`, `{'a':1}`, `{"a":01}`, `{"a":.5}`, `{"a":1.}`, `{"a":-}`,
		`{"a":1e}`, `{"a":+1}`, `{"a":NaN}`, `{"a":tru}`, `{"a":True}`, `{"a":[1,]}`, `{"a":[1`, `{"a":"`, `{"a":"\x"}`, `{"a":"\u12"}`, `{"a":"\u12g4"}`, `{"a":"\ud83d"}`, `{"a":"\ud83dx"}`,
		`{"a":"\ud83d\u0041"}`, `{"a":"\ude00"}`, "{\"a\":\"\n\"}", "{\"a\":\"\xff\"}", "{\"a\":\"\xed\xa0\x80\"}", "\ufeff{}", "{\"a\":1\x00}", `{"a":1}/**/`,
		`{"a":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`, `{"a":` + strings.Repeat(`{"a":`, 100000), `"\`, `{"\`} {
		_, err := parseObject([]byte(text))
		require.Error(t, err, "%.60s", text)
		require.NotErrorIs(t, err, errNotObject, "%.60s", text)
	}
	for _, text := range []string{"[]", "5", "null", `"x"`, " true "} {
		_, err := parseObject([]byte(text))
		require.ErrorIs(t, err, errNotObject, text)
	}
}

func TestJSONNumbers(t *testing.T) {
	for text, want := range map[string]string{"0": "0 0 0", "7": "7 7 7", "-1": "x 18446744073709551615 -1", "1.9": "x x 1", "-1.9": "x x -1", "true": "x x 1", "false": "x x 0", "1e2": "x x 100",
		"18446744073709551615": "18446744073709551615 18446744073709551615 x", "18446744073709551616": "x x x", "-9223372036854775808": "x 9223372036854775808 x", "-9223372036854775809": "x x x",
		"2147483647.5": "2147483647", "2147483648": "2147483648 2147483648 x", "-2147483648": "x 18446744071562067968 -2147483648", "1e400": "x x x", "null": "x x x", `"5"`: "x x x", "[]": "x x x"} {
		v := jsonValue(text)
		show := func(n any, ok bool) string {
			if ok {
				return fmt.Sprint(n)
			}
			return "x"
		}
		u, uok := v.asUint()
		w, wok := v.asVersion()
		i, iok := v.asInt32()
		if text == "2147483647.5" {
			require.Equal(t, want, show(i, iok))
			continue
		}
		require.Equal(t, want, show(u, uok)+" "+show(w, wok)+" "+show(i, iok), text)
	}
}

func TestQueryBody(t *testing.T) {
	body := AppendQueryBody([]byte("before"), []Subscription{
		{Class: "Dog", Query: `name == "Rex"`}, {Class: "Person", Query: "TRUEPREDICATE", Name: "p"}, {Class: "Dog", Query: "age > 3", Name: "x"},
		{Class: "Dog", Query: "age > 3"}, {Class: "Cat", Query: "lives == 9", Name: "x"}, {Class: "Åse", Query: "a == 1"}, {Class: "Dog", Query: "age > 3", Name: "y"},
	})
	require.Equal(t, `before{"Cat":"(lives == 9)","Dog":"(age > 3) OR (name == \"Rex\")","Person":"(TRUEPREDICATE)","Åse":"(a == 1)"}`, string(body))
	queries, err := ParseQueryBody(body[len("before"):])
	require.NoError(t, err)
	require.Equal(t, []ClassQuery{{"Cat", "(lives == 9)"}, {"Dog", `(age > 3) OR (name == "Rex")`}, {"Person", "(TRUEPREDICATE)"}, {"Åse", "(a == 1)"}}, queries)
	queries, err = ParseQueryBody([]byte(` { "b" : "(x)" , "a":"" } `))
	require.NoError(t, err)
	require.Equal(t, []ClassQuery{{"a", ""}, {"b", "(x)"}}, queries)
	queries, err = ParseQueryBody(AppendQueryBody(nil, nil))
	require.NoError(t, err)
	require.Empty(t, queries)
	for _, bad := range []string{"", "[]", "null", "{", `{"Dog":5}`, `{"Dog":null}`, `{"Dog":["x"]}`, `{"Dog":"a","Cat":"b","Dog":"c"}`, `{"Dog":"a"}x`, `{"Dog":"a","D\u006fg":"b"}`} {
		_, err := ParseQueryBody([]byte(bad))
		require.ErrorIs(t, err, ErrJSON, bad)
	}
}

func TestBindData(t *testing.T) {
	for _, d := range []BindData{{}, {SchemaVersion: 1<<64 - 1, SessionReason: ReasonClientReset}, {MergeRules: "strict"}, {Migrated: true}, {Migrated: true, MigratedPartition: "\"a\nb\"", SchemaVersion: 3}} {
		back, err := ParseBindData(d.Append(nil))
		require.NoError(t, err)
		require.Equal(t, d, back)
	}
	older, err := ParseBindData([]byte(`{"sessionReason":1,"future":[{}]}`))
	require.NoError(t, err)
	require.Equal(t, BindData{SessionReason: ReasonClientReset}, older)
	for _, bad := range []string{"", "/path", "[]", `{"schemaVersion":-1}`, `{"schemaVersion":"1"}`, `{"schemaVersion":1.5}`, `{"sessionReason":null}`, `{"migratedPartition":5}`} {
		_, err := ParseBindData([]byte(bad))
		require.ErrorIs(t, err, ErrJSON, bad)
	}
}

func TestLogMessage(t *testing.T) {
	for m, want := range map[*LogMessage]string{
		{ConnectionID: "abc"}: "log_message 0 15\n{\"co_id\":\"abc\"}",
		{Session: 3}:          "log_message 3 2\n{}",
		{Session: 1, Level: LogWarn, Message: "h\"i", ConnectionID: "x"}: "log_message 1 41\n{\"co_id\":\"x\",\"level\":\"warn\",\"msg\":\"h\\\"i\"}",
	} {
		msg := appended(t, m)
		require.Equal(t, want, string(msg))
		back, err := ParseServerMessage(msg, Limits{})
		require.NoError(t, err)
		require.Equal(t, m, back)
	}
}

var surrogate = regexp.MustCompile(`(?i)\\ud[89a-f]`)

// FuzzJSON compares the scanner with encoding/json, which is laxer about encoding and about half surrogate pairs.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{"{}", `{"a":[1,-2.5e3,{"b":null}],"c":"\u00e6\n"}`, `{"a":"\ud83d\ude00","a":true}`, "[1]", `{"a":01}`, "{\"a\":\"\xff\"}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		object, err := parseObject(text)
		valid := json.Valid(text)
		switch {
		case err == nil || err == errNotObject:
			if !valid || !utf8.Valid(text) {
				t.Fatalf("accepted %q", text)
			}
		case valid && utf8.Valid(text) && !surrogate.Match(text) && strings.Count(string(text), "[")+strings.Count(string(text), "{") < maxJSONDepth:
			t.Fatalf("refused %q: %v", text, err)
		}
		if err != nil {
			return
		}
		var plain map[string]json.RawMessage
		if json.Unmarshal(text, &plain) != nil {
			t.Fatalf("not an object: %q", text)
		}
		for key, value := range plain {
			if string(object.get(key)) != string(value) {
				t.Fatalf("%q is %q, not %q", key, object.get(key), value)
			}
		}
	})
}

func FuzzQueryBody(f *testing.F) {
	readLines(f, "wire/query_bodies.jsonl", func(line []byte) {
		var v struct{ Body string }
		require.NoError(f, json.Unmarshal(line, &v))
		f.Add([]byte(v.Body))
	})
	f.Fuzz(func(t *testing.T, body []byte) {
		queries, err := ParseQueryBody(body)
		if err != nil {
			return
		}
		var plain map[string]string
		if err := json.Unmarshal(body, &plain); err != nil || len(plain) != len(queries) {
			t.Fatalf("%q: %v, %v", body, queries, err)
		}
		b := jsonBuilder{}
		for _, q := range queries {
			if plain[q.Class] != q.Query {
				t.Fatalf("%q: class %q", body, q.Class)
			}
			b.string(q.Class, q.Query)
		}
		again, err := ParseQueryBody(b.end())
		if err != nil || fmt.Sprint(again) != fmt.Sprint(queries) {
			t.Fatalf("%q came back as %v: %v", body, again, err)
		}
	})
}

func FuzzBindData(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":0,"sessionReason":0}`))
	f.Add([]byte(`{"migratedPartition":"\"x\"","schemaVersion":7,"sessionReason":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := ParseBindData(data)
		if err != nil {
			return
		}
		if again, err := ParseBindData(d.Append(nil)); err != nil || again != d {
			t.Fatalf("%+v came back as %+v: %v", d, again, err)
		}
	})
}
