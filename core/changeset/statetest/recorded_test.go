package statetest

import (
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/tests/vectors"
)

// The Writer records as a conforming client.
func TestWriterConforms(t *testing.T) {
	for seed := range uint64(30) {
		st := World()
		w := Writer{Rand: rand.New(rand.NewPCG(seed, 1)), State: st, Keys: 4, Name: "own", Bare: seed%2 == 0, Items: true, Moves: true, Again: true, Strict: seed%3 == 0}
		for range 200 {
			require.NoError(t, CheckRecorded(st, &changeset.Changeset{Instructions: w.Operation()}), "seed %d", seed)
		}
	}
}

// What a conforming client doesn't record is found, and the state is as it was.
func TestFindsMistakes(t *testing.T) {
	key := value.IntKey(1)
	in := func(op changeset.Op, field string, v value.Value, path ...changeset.Step) changeset.Instruction {
		return changeset.Instruction{Op: op, Table: "T", Key: key, Field: field, Value: v, Path: path}
	}
	at := func(i uint32) changeset.Step { return changeset.Step{Pos: i, IsPos: true} }
	object, null := value.Marker(value.KindObject), value.Null()
	byDefault := func(in changeset.Instruction) changeset.Instruction {
		in.Default = true
		return in
	}
	clearSet := in(changeset.Clear, "s", null)
	clearSet.Collection = schema.Set
	for want, ins := range map[string][]changeset.Instruction{
		"there is such an object": {in(changeset.CreateObject, "", null)},
		"there is no such object": {in(changeset.EraseObject, "", null), in(changeset.EraseObject, "", null)},
		"8.2, 1":                  {in(changeset.ArrayInsert, "el", object, at(0)), {Op: changeset.Update, Table: "T", Key: key, Field: "el", Value: object, Path: []changeset.Step{at(0)}, PriorSize: 1}},
		"8.2, 2":                  {in(changeset.Update, "e", object), in(changeset.Update, "e", object)},
		"8.2, 4":                  {byDefault(in(changeset.Update, "e", null))},
		"8.2, 5":                  {{Op: changeset.Update, Table: "T", Key: value.IntKey(0), Field: "k", Value: value.FromLink("T", key)}, in(changeset.EraseObject, "", null)},
		"8.2, 6":                  {in(changeset.ArrayInsert, "l", value.Int(1), at(0)), in(changeset.Update, "l", value.Int(2), at(0))},
		"8.2, 7":                  {clearSet},
		"8.2, 8":                  {byDefault(in(changeset.Update, "d", value.Int(1), changeset.Step{Key: "a"}))},
		"X9":                      {in(changeset.Update, "m", value.Marker(value.KindList)), byDefault(in(changeset.Update, "m", value.Int(1)))},
		"there is no such entry":  {in(changeset.Update, "d", value.Marker(value.KindErased), changeset.Step{Key: "a"})},
		"it changes nothing":      {in(changeset.SetErase, "s", value.Int(1))},
		"bad changeset":           {in(changeset.Update, "i", value.String(""))},
	} {
		st := World()
		before := string(st.JSON())
		require.ErrorContains(t, CheckRecorded(st, &changeset.Changeset{Instructions: ins}), want)
		require.Equal(t, before, string(st.JSON()))
	}
}

// The original records as a conforming client.
func TestOriginalConforms(t *testing.T) {
	raw, err := vectors.Load("merge/base.json")
	require.NoError(t, err)
	var base struct{ State json.RawMessage }
	require.NoError(t, json.Unmarshal(raw, &base))
	start, err := memstate.Parse(base.State)
	require.NoError(t, err)
	for _, file := range []string{"core", "random"} {
		transactions := 0
		require.NoError(t, vectors.Lines("localwrites/"+file+".jsonl", func(line []byte) error {
			type recording struct{ Hex string }
			var v struct {
				Name         string
				RemoteFirst  *recording `json:"remote_first"`
				Transactions []recording
			}
			require.NoError(t, json.Unmarshal(line, &v))
			st := start.Clone()
			decode := func(r recording) *changeset.Changeset {
				data, err := hex.DecodeString(r.Hex)
				require.NoError(t, err)
				c, err := changeset.Decode(data)
				require.NoError(t, err)
				return c
			}
			if v.RemoteFirst != nil {
				require.NoError(t, st.Apply(decode(*v.RemoteFirst)), v.Name)
			}
			for _, r := range v.Transactions {
				transactions++
				require.NoError(t, CheckRecorded(st, decode(r)), v.Name)
			}
			return nil
		}))
		require.NotZero(t, transactions)
	}
}
