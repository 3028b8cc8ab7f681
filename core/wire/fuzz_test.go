package wire

import (
	"errors"
	"reflect"
	"testing"
)

// roundTrip writes what was parsed and parses it again. A message that must not be sent may be refused, but is written for the
// comparison all the same.
func roundTrip(t *testing.T, m Message, parse func([]byte) (Message, error)) {
	out, err := m.Append(nil)
	if err != nil {
		if !errors.Is(err, ErrRefused) || len(out) != 0 {
			t.Fatalf("%T: %v", m, err)
		}
		out = m.(encodable).put(nil)
	}
	again, err := parse(out)
	if err != nil {
		t.Fatalf("%+v was written as %q: %v", m, out, err)
	}
	for _, x := range []Message{m, again} { // what isn't the same by intent
		switch x := x.(type) {
		case *Upload:
			x.Body = BodyInfo{}
		case *Download:
			x.Body = BodyInfo{}
			x.Estimate = 0 // cut to four decimals
		case *LogMessage:
			if x.Message == "" {
				x.Level = 0
			}
		}
	}
	if !reflect.DeepEqual(m, again) {
		t.Fatalf("%+v came back as %+v", m, again)
	}
}

// fuzzLimits keeps the fuzzer from spending its time on inflating.
var fuzzLimits = Limits{Message: 1 << 20, Body: 1 << 16, Entries: 1 << 10}

func seeds(f *testing.F, direction string) {
	for _, v := range loadVectors(f) {
		if v.Direction == direction && len(v.Hex) < 4000 {
			f.Add(v.bytes(f))
		}
	}
}

func FuzzParseClientMessage(f *testing.F) {
	seeds(f, "c2s")
	f.Fuzz(func(t *testing.T, msg []byte) {
		parse := func(b []byte) (Message, error) { return ParseClientMessage(b, fuzzLimits) }
		m, err := parse(msg)
		if err != nil {
			var problem *ProtocolError
			if !errors.As(err, &problem) || problem.Kind == nil || len(err.Error()) > 400 {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		roundTrip(t, m, parse)
	})
}

func FuzzParseServerMessage(f *testing.F) {
	seeds(f, "s2c")
	f.Fuzz(func(t *testing.T, msg []byte) {
		parse := func(b []byte) (Message, error) { return ParseServerMessage(b, fuzzLimits) }
		m, err := parse(msg)
		if err != nil {
			var problem *ProtocolError
			if !errors.As(err, &problem) || problem.Kind == nil || len(err.Error()) > 400 {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		roundTrip(t, m, parse)
	})
}
