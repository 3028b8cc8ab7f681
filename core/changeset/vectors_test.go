package changeset_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/vectortest"
	"realmsync/tests/vectors"
)

// vector is a line of vectors/changeset or vectors/apply.
type vector struct {
	Name         string
	Hex          string
	Streaming    *string `json:"hex_streaming"`
	Instructions json.RawMessage
	Category     string
	Note         string
	Base64       string
	PK           json.RawMessage
	Result       json.RawMessage
	Error        json.RawMessage
}

// eachVector calls fn for each line of a file, and fails if there are none.
func eachVector(t testing.TB, file string, fn func(v *vector)) {
	t.Helper()
	n := 0
	require.NoError(t, vectors.Lines(file, func(line []byte) error {
		n++
		v := &vector{}
		if err := json.Unmarshal(line, v); err != nil {
			return err
		}
		fn(v)
		return nil
	}))
	require.NotZero(t, n, file)
}

func (v *vector) bytes(t testing.TB) []byte { return unhex(t, v.Hex) }

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	require.NoError(t, err)
	return b
}

func (v *vector) instructions(t testing.TB) []changeset.Instruction {
	t.Helper()
	ins, err := vectortest.ParseInstructions(v.Instructions)
	require.NoError(t, err, v.Name)
	return ins
}

func decode(t testing.TB, b []byte, name string) []changeset.Instruction {
	t.Helper()
	c, err := changeset.Decode(b)
	require.NoError(t, err, name)
	if len(c.Instructions) == 0 {
		return nil
	}
	return c.Instructions
}

func record(t testing.TB, ins []changeset.Instruction) []byte {
	t.Helper()
	var r changeset.Recorder
	for i := range ins {
		require.NoError(t, r.Record(&ins[i]))
	}
	return r.Clone()
}

func TestEncodeVectors(t *testing.T) {
	lines, streaming, recorded := 0, 0, 0
	eachVector(t, "changeset/encode.jsonl", func(v *vector) {
		lines++
		want := v.instructions(t)
		require.Equal(t, want, decode(t, v.bytes(t), v.Name), v.Name)
		stream := v.Hex
		if v.Streaming != nil {
			stream = *v.Streaming
			require.Equal(t, want, decode(t, unhex(t, stream), v.Name), v.Name)
		}
		encoded, err := changeset.Encode(&changeset.Changeset{Instructions: want})
		require.NoError(t, err, v.Name)
		require.Equal(t, want, decode(t, encoded, v.Name), v.Name)
		live := record(t, want)
		require.Equal(t, want, decode(t, live, v.Name), v.Name)
		// The original numbers its recorded strings in another order, and defines some that nothing refers to.
		if strings.HasPrefix(v.Name, "recorded") {
			recorded++
			if hex.EncodeToString(live) == stream {
				streaming++
			}
			return
		}
		if !strings.Contains(v.Name, "unreferenced") {
			require.Equal(t, v.Hex, hex.EncodeToString(encoded), v.Name)
			require.Equal(t, stream, hex.EncodeToString(live), v.Name)
		}
	})
	t.Logf("%d lines; of %d recorded ones, %d are recorded here with the same bytes", lines, recorded, streaming)
	require.NotZero(t, streaming)
}

func TestRejectVectors(t *testing.T) {
	lines := 0
	reasons := map[changeset.Reason]int{}
	eachVector(t, "changeset/reject.jsonl", func(v *vector) {
		lines++
		b := v.bytes(t)
		_, err := changeset.Decode(b)
		require.ErrorIs(t, err, changeset.ErrBadChangeset, v.Name)
		var bad *changeset.BadChangesetError
		require.ErrorAs(t, err, &bad, v.Name)
		require.True(t, bad.Offset >= 0 && bad.Offset <= len(b) && bad.Index >= 0, "%s: %v", v.Name, err)
		reasons[bad.Reason]++
	})
	t.Logf("%d lines refused: %v", lines, reasons)
}

// The notes of lines that a strict reader has to refuse (spec/changeset.md section 4, R1 to R8).
var strict = []string{"a strict reader shall refuse", "cut to its low 32 bits"}

func TestAcceptOddVectors(t *testing.T) {
	accepted, refused := 0, 0
	eachVector(t, "changeset/accept_odd.jsonl", func(v *vector) {
		refuse := strings.HasPrefix(v.Name, "AddColumn of type new object") || strings.HasPrefix(v.Name, "AddColumn dictionary with")
		for _, note := range strict {
			refuse = refuse || strings.Contains(v.Note, note)
		}
		// The bytes of this line say 926258176, which is a good number of nanoseconds.
		refuse = refuse && v.Name != "one billion nanoseconds"
		c, err := changeset.Decode(v.bytes(t))
		if err != nil {
			require.ErrorIs(t, err, changeset.ErrBadChangeset)
		}
		if refuse {
			refused++
			require.Error(t, err, v.Name)
			return
		}
		accepted++
		require.NoError(t, err, v.Name)
		want := v.instructions(t)
		require.Len(t, c.Instructions, len(want), v.Name)
		for i := range want {
			require.Equal(t, want[i], c.Instructions[i], v.Name)
		}
	})
	t.Logf("%d lines accepted, %d refused", accepted, refused)
}

func TestBase64KeyVectors(t *testing.T) {
	eachVector(t, "changeset/base64_pk.jsonl", func(v *vector) {
		key, err := changeset.DecodeKey(v.Base64)
		if v.Error != nil {
			require.ErrorIs(t, err, changeset.ErrBadChangeset, v.Name)
			return
		}
		require.NoError(t, err, v.Name)
		want, err := vectortest.ParseKey(v.PK)
		require.NoError(t, err, v.Name)
		require.Equal(t, want, key, v.Name)
		text, err := changeset.EncodeKey(key)
		require.NoError(t, err)
		require.Equal(t, v.Base64, text, v.Name)
	})
}

// Every line of the vectors and every cut of it is read or refused, never more.
func TestCutVectors(t *testing.T) {
	eachVector(t, "changeset/encode.jsonl", func(v *vector) {
		b := v.bytes(t)
		for n := range min(len(b), 200) {
			if _, err := changeset.Decode(b[:n]); err != nil {
				require.ErrorIs(t, err, changeset.ErrBadChangeset)
			}
		}
	})
}

func seed(f *testing.F) {
	for _, file := range []string{"encode", "reject", "accept_odd"} {
		eachVector(f, "changeset/"+file+".jsonl", func(v *vector) { f.Add(v.bytes(f)) })
	}
}

func FuzzDecode(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := changeset.Decode(data)
		if err != nil {
			if !errors.Is(err, changeset.ErrBadChangeset) || c != nil {
				t.Fatalf("%v with %v", err, c)
			}
			return
		}
		encoded, err := changeset.Encode(c)
		if err != nil {
			t.Fatalf("decoded instructions must be encodable: %v", err)
		}
		same(t, c, encoded)
		var r changeset.Recorder
		for i := range c.Instructions {
			if err := r.Record(&c.Instructions[i]); err != nil {
				t.Fatal(err)
			}
			_ = c.Instructions[i].Address()
		}
		same(t, c, r.Bytes())
		if len(r.Bytes()) != len(encoded) {
			t.Fatalf("both styles are of one length: %d, %d", len(r.Bytes()), len(encoded))
		}
		_ = changeset.CheckText(c)
	})
}

// same fails unless the bytes decode to these instructions.
func same(t *testing.T, c *changeset.Changeset, encoded []byte) {
	t.Helper()
	back, err := changeset.Decode(encoded)
	if err != nil {
		t.Fatalf("%x: %v", encoded, err)
	}
	if fmt.Sprintf("%#v", flat(c)) != fmt.Sprintf("%#v", flat(back)) {
		t.Fatalf("got\n%#v want\n%#v", flat(back), flat(c))
	}
}

// flat writes instructions without pointers.
func flat(c *changeset.Changeset) (out []any) {
	for _, in := range c.Instructions {
		link := in.Value.Link()
		fields := changeset.SchemaFields{}
		if in.Schema != nil {
			fields = *in.Schema
		}
		value := string(vectortest.FormatValue(in.Value))
		in.Value, in.Schema = in.Key.Value(), nil
		out = append(out, in, link, fields, value)
	}
	return out
}

func FuzzKey(f *testing.F) {
	eachVector(f, "changeset/base64_pk.jsonl", func(v *vector) { f.Add(v.Base64) })
	f.Add(base64.StdEncoding.EncodeToString([]byte{3, 0xff, 0xff, 0xff, 0x3f}))
	f.Fuzz(func(t *testing.T, text string) {
		key, err := changeset.DecodeKey(text)
		if err != nil {
			if !errors.Is(err, changeset.ErrBadChangeset) {
				t.Fatal(err)
			}
			return
		}
		again, err := changeset.EncodeKey(key)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := changeset.DecodeKey(again); err != nil || back != key {
			t.Fatalf("%v became %v, %v", key, back, err)
		}
	})
}
