package sync

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
)

// script plays a transcript in the notation of spec/wire-protocol.md section 12: "C" lines are sent, "S" lines must come, byte
// for byte. ↵ is LF, «hex» raw bytes, <name> a number that is not known before; its first occurrence sets it.
type script struct {
	t     testing.TB
	link  *link
	names map[string]string
}

func play(t testing.TB, l *link, text string) *script {
	t.Helper()
	s := &script{t: t, link: l, names: map[string]string{}}
	s.play(text)
	return s
}

func (s *script) play(text string) {
	s.t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		who, body := line[:2], line[2:]
		switch who {
		case "C ":
			data := s.bytes(body)
			m, err := wire.ParseClientMessage(data, wire.Limits{})
			require.NoError(s.t, err, line)
			s.link.note(m)
			s.link.raw(data)
		case "S ":
			got := s.link.next()
			data, err := got.Append(nil)
			require.NoError(s.t, err)
			s.match(body, data)
		default:
			require.Fail(s.t, line)
		}
	}
}

// bytes builds a message.
func (s *script) bytes(body string) []byte {
	for name, v := range s.names {
		body = strings.ReplaceAll(body, "<"+name+">", v)
	}
	var out bytes.Buffer
	for {
		before, rest, found := strings.Cut(body, "«")
		out.WriteString(strings.NewReplacer("↵", "\n", "␠", " ").Replace(before))
		if !found {
			return out.Bytes()
		}
		raw, after, _ := strings.Cut(rest, "»")
		b, err := hex.DecodeString(strings.ReplaceAll(raw, " ", ""))
		require.NoError(s.t, err)
		out.Write(b)
		body = after
	}
}

// match compares a message with its text, field by field up to the body.
func (s *script) match(body string, got []byte) {
	s.t.Helper()
	wantHead, wantBody, _ := strings.Cut(body, "↵")
	gotHead, gotBody, _ := bytes.Cut(got, []byte("\n"))
	s.fields(strings.Split(wantHead, " "), strings.Split(string(gotHead), " "), body, got)
	if wantBody == "*" {
		return
	}
	if strings.Contains(wantBody, "<") && !strings.HasPrefix(wantBody, "{") {
		n := strings.Count(wantBody, " ")
		if i := strings.Index(wantBody, "«"); i >= 0 {
			n = strings.Count(wantBody[:i], " ")
		}
		want, have := strings.SplitN(strings.ReplaceAll(wantBody, "␠", " "), " ", n+1), strings.SplitN(string(gotBody), " ", n+1)
		require.Len(s.t, have, len(want))
		last := len(want) - 1
		s.fields(want[:last], have[:last], body, got)
		require.Equal(s.t, string(s.bytes(want[last])), have[last], "%s\n%q", body, got)
		return
	}
	require.Equal(s.t, string(s.bytes(wantBody)), string(gotBody), "%s\n%q", body, got)
}

func (s *script) fields(want, got []string, line string, message []byte) {
	s.t.Helper()
	require.Len(s.t, got, len(want), "%s\n%q", line, message)
	for i := range want {
		w := want[i]
		if strings.HasPrefix(w, "<") {
			name := strings.Trim(w, "<>")
			known, ok := s.names[name]
			if !ok || name == "_" {
				s.names[name] = got[i]
				continue
			}
			w = known
		}
		require.Equal(s.t, w, got[i], "field %d of %s\n%q", i, line, message)
	}
}

// The schema of the transcripts: Dog(_id int, name string); the changesets are those of the specification.
const (
	dogTable = "3f0003446f67 3f01035f6964 000000010100 3f02046e616d65 3f0300 060002030000" // as recorded by a client
	dogFresh = "3f0003446f67 3f01035f6964 3f02046e616d65 000000010100 060002030000"        // the same, canonical
	rex      = "3f0003446f67 02000101 3f01046e616d65 040001010100030352657800"
	fido     = "3f0003446f67 02000102 3f01046e616d65 04000102010003044669646f00"
)

// Sections 12.1 to 12.4. The bootstrap of query version 0 holds the schema here, and each bootstrap has a server version of its
// own, so the numbers are others than in the specification; the messages and their order are the same.
func TestTranscript(t *testing.T) {
	f := open(t, nil)
	a := f.dial("anna")
	s := play(t, a, `
		C bind 1 37 0 1 0↵{"schemaVersion":0,"sessionReason":0}
		S ident 1 2 <salt>↵
		C ident 1 2 <salt> 0 0 0 0 0 2↵{}
		S download 1 2 0 2 <v> 0 0 0 1 1 0 <_> 0↵2 0 <time> 1 0 0␠
		C mark 1 1↵
		S mark 1 1↵
		C upload 1 0 56 0 6 0 1↵5 0 375315242954 0 34 «`+dogTable+`»
		S download 1 3 5 3 <v> 6 0 0 2 1 0 0 0↵
		C query 1 1 25↵{"Dog":"(TRUEPREDICATE)"}
		C mark 1 2↵
		S download 1 4 5 4 <v> 6 0 1 1 1 0 <_> 0↵4 5 <time2> 1 0 0␠
		S mark 1 2↵
		C upload 1 0 0 0 11 1 1↵
		C upload 1 0 0 0 12 3 3↵

		C upload 1 0 52 0 17 3 3↵17 3 375315242962 0 29 «`+rex+`»
		S download 1 5 17 5 <v> 17 3 1 2 1 0 0 0↵
		C upload 1 0 0 0 18 5 5↵
		C mark 1 3↵
		S mark 1 3↵
	`)
	// The second device: the bootstrap of query version 0 brings the schema, that of version 1 brings Rex.
	b := f.dial("berta")
	sb := play(t, b, `
		C bind 1 37 0 1 0↵{"schemaVersion":0,"sessionReason":0}
		S ident 1 3 <salt>↵
		C ident 1 3 <salt> 0 0 0 0 0 2↵{}
		S download 1 6 0 6 <v> 0 0 0 1 1 0 <_> 0↵6 0 <time> 1 31 31 «`+dogFresh+`»
		C mark 1 1↵
		S mark 1 1↵
		C query 1 1 25↵{"Dog":"(TRUEPREDICATE)"}
		C mark 1 2↵
		S download 1 7 0 7 <v> 0 0 1 1 1 0 <_> 0↵7 0 <time2> 1 <_> <_> «3f0003446f67 3f01046e616d65 03000101 02000101 040001010100030352657800»
		S mark 1 2↵
	`)
	// Fido, added by B, reaches A.
	sb.play(`
		C upload 1 0 53 0 19 7 7↵19 7 375315245391 0 30 «` + fido + `»
		S download 1 8 19 8 <v> 19 7 1 2 1 0 0 0↵
	`)
	s.play(`
		S download 1 8 17 8 <v> 17 3 1 2 1 0 56 0↵8 17 375315245391 3 30 30 «` + fido + `»
		C upload 1 0 0 0 20 8 8↵
	`)
	// A narrows its subscription: Fido leaves.
	s.play(`
		C query 1 2 27↵{"Dog":"(name == \"Rex\")"}
		C mark 1 4↵
		S download 1 9 17 9 <v> <_> <_> 2 1 1 0 36 0↵9 17 <_> 1 10 10 «3f0003446f67 03000102»
		S mark 1 4↵
		C query 1 3 20↵{"Dog":"(name ===)"}
		C mark 1 5↵
		S query_error 226 <_> 1 3↵*
		S mark 1 5↵
		C ping 2735036 0↵
		S pong 2735036↵
		C unbind 1↵
		S unbound 1↵
	`)
}

// Section 12.6: the server has integrated an upload, and the connection broke before the acknowledgement.
func TestTranscriptLostAcknowledgement(t *testing.T) {
	f := open(t, nil)
	one := f.dial("anna")
	s := play(t, one, `
		C bind 1 37 0 1 0↵{"schemaVersion":0,"sessionReason":0}
		S ident 1 2 <salt>↵
		C ident 1 2 <salt> 0 0 0 0 0 2↵{}
		S download 1 2 0 2 <v> 0 0 0 1 1 0 <_> 0↵2 0 <time> 1 0 0␠
		C upload 1 0 56 0 6 0 2↵5 0 375315242954 0 34 «`+dogTable+`»
		S download 1 3 5 3 <v> 6 0 0 2 1 0 0 0↵
		C query 1 1 25↵{"Dog":"(TRUEPREDICATE)"}
		S download 1 4 5 4 <v> 6 0 1 1 1 0 <_> 0↵*
		C test_command 1 1 36↵{"command":"PAUSE_DOWNLOAD_BUILDER"}
		S test_command 1 1 2↵{}
		C upload 1 0 52 0 17 4 4↵17 4 375315376441 0 29 «`+rex+`»
	`)
	require.Eventually(t, func() bool {
		a, done := f.look("app")
		defer done()
		return a.fan.Version() == 5 // it is durable, and sessions that begin now are told
	}, patience, waitStep)
	one.drop()
	two := f.dial("anna")
	s.link = two
	s.play(`
		C bind 1 37 0 0 0↵{"schemaVersion":0,"sessionReason":0}
		C ident 1 2 <salt> 4 5 4 <v> 1 25↵{"Dog":"(TRUEPREDICATE)"}
		S download 1 5 17 5 <v> 17 4 1 2 1 0 0 0↵
		C upload 1 0 52 0 17 4 4↵17 4 375315376441 0 29 «` + rex + `»
		S download 1 5 17 5 <v> 17 4 1 2 1 0 0 0↵
		C upload 1 0 0 0 18 5 5↵
		C mark 1 1↵
		S mark 1 1↵
	`)
}

// Section 12.5: an error that the client comes back from, on the same connection and with the same session ident; and that a
// permission change, as in spec/sync-semantics.md section 12.4, is no more than that to the client.
func TestTranscriptSessionError(t *testing.T) {
	f := open(t, nil)
	l := f.dial("anna")
	s := play(t, l, `
		C bind 1 37 0 1 0↵{"schemaVersion":0,"sessionReason":0}
		S ident 1 2 <salt>↵
		C ident 1 2 <salt> 0 0 0 0 0 2↵{}
		S download 1 2 0 2 <v> 0 0 0 1 1 0 <_> 0↵*
		C upload 1 0 56 0 6 0 2↵5 0 375315242954 0 34 «`+dogTable+`»
		S download 1 3 5 3 <v> 6 0 0 2 1 0 0 0↵
		C query 1 1 25↵{"Dog":"(TRUEPREDICATE)"}
		S download 1 4 5 4 <v> 6 0 1 1 1 0 <_> 0↵*
		C upload 1 0 52 0 17 4 4↵17 4 375315242962 0 29 «`+rex+`»
		S download 1 5 17 5 <v> 17 4 1 2 1 0 0 0↵
	`)
	const body = `{"action":"Transient","backoffIntervalSec":2,"backoffMaxDelaySec":10,"backoffMultiplier":2,"isRecoveryModeDisabled":false,"logURL":"","message":"not yet","shouldClientReset":false,"tryAgain":true}`
	command := `{"command":"ECHO_ERROR","args":{"errorCode":229,"errorBody":` + body + `}}`
	s.play(fmt.Sprintf(`
		C test_command 1 1 %d↵%s
		S json_error 229 196 1↵%s
		C mark 1 9↵
		C unbind 1↵
		C bind 1 37 0 0 0↵{"schemaVersion":0,"sessionReason":0}
		C ident 1 2 <salt> 5 17 5 <v> 1 25↵{"Dog":"(TRUEPREDICATE)"}
		S download 1 5 17 5 <v> 17 4 1 2 1 0 0 0↵
		C upload 1 0 0 0 18 5 5↵
		C mark 1 9↵
		S mark 1 9↵
	`, len(command), command, body))
}

// Section 12.7: a client reset in automatic mode, up to the session that takes the fresh copy over.
func TestTranscriptClientReset(t *testing.T) {
	f := open(t, nil)
	f.device("berta").subscribed(allDogs)
	l := f.dial("anna")
	s := play(t, l, `
		C bind 1 37 0 0 0↵{"schemaVersion":0,"sessionReason":0}
		C ident 1 99 1234 5 4 5 7777 4 25↵{"Dog":"(TRUEPREDICATE)"}
	`)
	e := expect[*wire.JSONError](l)
	require.Equal(t, wire.CodeBadClientFileIdent, e.Code)
	require.Equal(t, wire.ClientReset, e.Action)
	require.False(t, e.TryAgain)
	require.Contains(t, e.Message, "Bad client file identifier")
	require.Contains(t, e.Message, "(IDENT)")
	s.play(`
		C unbind 1↵
		C bind 2 37 0 1 0↵{"schemaVersion":0,"sessionReason":1}
		S ident 2 3 <salt>↵
		C ident 2 3 <salt> 0 0 0 0 0 2↵{}
		S download 2 <s> 0 <s> <v> 0 0 0 1 1 0 <_> 0↵*
		C mark 2 1↵
		S mark 2 1↵
		C query 2 1 25↵{"Dog":"(TRUEPREDICATE)"}
		S download 2 <s1> 0 <s1> <v> 0 0 1 1 1 0 <_> 0↵*
		C mark 2 2↵
		S mark 2 2↵
		C unbind 2↵
		S unbound 2↵
		C bind 3 37 0 0 0↵{"schemaVersion":0,"sessionReason":1}
	`)
	// The original file goes on with the fresh ident, its own query version number, and no client version integrated.
	s.play(`
		C ident 3 3 <salt> <s1> 0 <s1> <v> 4 25↵{"Dog":"(TRUEPREDICATE)"}
		S download 3 <s1> 0 <s1> <v> 0 0 4 2 1 0 0 0↵
		C mark 3 2↵
		S mark 3 2↵
		C query 3 5 2↵{}
		S download 3 <s2> 0 <s2> <v> 0 0 5 1 1 0 <_> 0↵*
	`)
}

// version returns the newest version of an app's history.
func (f *fixture) version(app string) uint64 {
	f.t.Helper()
	a, done := f.look(app)
	defer done()
	return a.engine.Version()
}

// The route, the headers, and the choice of the version.
func TestUpgrade(t *testing.T) {
	f := open(t, nil)
	for _, c := range []struct {
		app, token string
		offer      []string
		status     int
		body       string
	}{
		{"app", "", wire.OfferedSubprotocols(), 401, "refresh"},
		{"app", "expired", wire.OfferedSubprotocols(), 401, "refresh"},
		{"app", "foreign", wire.OfferedSubprotocols(), 403, "log in"},
		{"app", "broken", wire.OfferedSubprotocols(), 500, ""},
		{"unknown-app", "anna", wire.OfferedSubprotocols(), 404, "cannot find app using Client App ID 'unknown-app'"},
		{"app", "anna", nil, 400, "REALM_SYNC_PROTOCOL_MISMATCH"},
		{"app", "anna", []string{"com.mongodb.realm-query-sync#3", "com.mongodb.realm-query-sync#2"}, 400, "REALM_SYNC_PROTOCOL_MISMATCH:CLIENT_TOO_OLD"},
		{"app", "anna", []string{"com.mongodb.realm-query-sync#99"}, 400, "REALM_SYNC_PROTOCOL_MISMATCH:CLIENT_TOO_NEW"},
		{"app", "anna", []string{"com.mongodb.realm-sync#14"}, 400, "REALM_SYNC_PROTOCOL_MISMATCH"},
	} {
		_, response, err := f.tryDial(c.app, c.token, c.offer)
		require.Error(t, err)
		require.Equal(t, c.status, response.StatusCode, c)
		var body bytes.Buffer
		_, err = body.ReadFrom(response.Body)
		require.NoError(t, err)
		require.Contains(t, body.String(), c.body)
		require.Less(t, body.Len(), 8192, "clients read no more")
	}
	for offer, version := range map[string]int{"com.mongodb.realm-query-sync#14": 14, "com.mongodb.realm-query-sync#9": 9} {
		l := f.dialApp("app", "anna", []string{offer})
		require.Equal(t, version, l.version)
		require.Equal(t, offer, l.ws.Subprotocol())
	}
}

// A client of an older version gets an integer as progress.
func TestOlderClient(t *testing.T) {
	f := open(t, nil)
	l := f.dialApp("app", "anna", []string{"com.mongodb.realm-query-sync#11"})
	play(t, l, `
		C bind 1 37 0 1 0↵{"schemaVersion":0,"sessionReason":0}
		S ident 1 2 <salt>↵
		C ident 1 2 <salt> 0 0 0 0 0 2↵{}
		S download 1 2 0 2 <v> 0 0 0 1 0 0 <_> 0↵*
	`)
}
