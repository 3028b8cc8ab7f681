package sync

import (
	"fmt"
	"os"

	"realmsync/core/changeset"
	"realmsync/core/wire"
)

// tracing prints what devices send and take in, for those who look for the cause of a failure.
var tracing = os.Getenv("SYNC_TEST_TRACE") != ""

func trace(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// show writes a changeset in one line: codes of instructions, keys, fields, values.
func show(b []byte) string {
	c, err := changeset.Decode(b)
	if err != nil {
		return err.Error()
	}
	s := ""
	for i := range c.Instructions {
		in := &c.Instructions[i]
		s += fmt.Sprintf(" %d:%s.%s=%s", in.Op, in.Key, in.Field, in.Value)
	}
	return s
}

func traceMessage(who string, m wire.Message) {
	if !tracing {
		return
	}
	switch m := m.(type) {
	case *wire.Upload:
		trace("%s UPLOAD %+v locked %d", who, m.Progress, m.LockedServerVersion)
		for _, e := range m.Entries {
			trace("    v%d base %d ts %d:%s", e.ClientVersion, e.ServerVersion, e.OriginTimestamp, show(e.Changeset))
		}
	case *wire.Download:
		trace("%s DOWNLOAD %+v q%d %v", who, m.Progress, m.QueryVersion, m.BatchState)
		for _, e := range m.Entries {
			trace("    s%d base %d ts %d from %d:%s", e.ServerVersion, e.ClientVersion, e.OriginTimestamp, e.OriginFileIdent, show(e.Changeset))
		}
	case *wire.Query:
		trace("%s QUERY %d %s", who, m.Version, m.Body)
	case *wire.Ident:
		trace("%s IDENT %+v", who, *m)
	case *wire.JSONError:
		trace("%s ERROR %d %v", who, m.Code, m.Rejected)
	}
}
