package wire

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// Conformance 29 and 31: nothing of section 13 that one message can hold leaves an Append method.
func TestAppendRefuses(t *testing.T) {
	intKey := []byte{1, 1}
	rejected := func(key []byte) *Rejection {
		return &Rejection{ClientVersion: 31, ServerVersion: 7, Updates: []RejectedUpdate{{Table: "Dog", PrimaryKey: key, Reason: "r"}}}
	}
	compensating := func(r *Rejection) *JSONError {
		m := NewJSONError(1, CodeCompensatingWrite, "no")
		m.Rejected = r
		return m
	}
	entry := func(e DownloadEntry) *Download {
		return &Download{Session: 1, BatchState: SteadyState, Estimate: 1, Entries: []DownloadEntry{e}}
	}
	withAction := func(a Action) *JSONError {
		m := NewJSONError(1, CodeBadChangeset, "x")
		m.Action = a
		return m
	}
	bad := map[string]Message{
		"bind without data":        &Bind{Session: 1},
		"bind with long data":      &Bind{Session: 1, Data: make([]byte, 1025)},
		"bind with long token":     &Bind{Session: 1, Data: []byte("{}"), Token: string(make([]byte, 2049))},
		"bind 0":                   &Bind{Data: []byte("{}")},
		"ident 0":                  &Ident{},
		"unreadable salt":          &Ident{Session: 1, Salt: math.MinInt64},
		"unreadable latest salt":   &Ident{Session: 1, Latest: LatestServerVersion{Salt: math.MinInt64}},
		"negative query version":   &Ident{Session: 1, QueryVersion: -1},
		"query -1":                 &Query{Session: 1, Version: -1},
		"query 0":                  &Query{},
		"upload 0":                 &Upload{},
		"mark 0":                   &Mark{},
		"unbind 0":                 &Unbind{},
		"test command 0":           &TestCommand{},
		"client error 0":           &ClientJSONError{},
		"unreadable ping":          &Ping{Timestamp: math.MinInt64},
		"unreadable rtt":           &Ping{RTT: math.MinInt64},
		"unreadable pong":          &Pong{Timestamp: math.MinInt64},
		"server ident 0":           &ServerIdent{FileIdent: 2, Salt: 1},
		"file ident 0":             &ServerIdent{Session: 1, Salt: 1},
		"salt 0":                   &ServerIdent{Session: 1, FileIdent: 2},
		"unreadable server salt":   &ServerIdent{Session: 1, FileIdent: 2, Salt: math.MinInt64},
		"unbound 0":                &Unbound{},
		"download 0":               &Download{},
		"batch state":              &Download{Session: 1, BatchState: 3},
		"estimate NaN":             &Download{Session: 1, Estimate: math.NaN()},
		"estimate above 1":         &Download{Session: 1, Estimate: 1.0001},
		"estimate below 0":         &Download{Session: 1, Estimate: -0.0001},
		"download query version":   &Download{Session: 1, QueryVersion: -1},
		"unreadable download salt": &Download{Session: 1, Progress: Progress{Latest: LatestServerVersion{Salt: math.MinInt64}}},
		"entry server version 0":   entry(DownloadEntry{OriginFileIdent: 1}),
		"entry origin 0":           entry(DownloadEntry{ServerVersion: 1}),
		"query error 0":            &QueryError{Code: CodeBadQuery, QueryVersion: 1},
		"query error -1":           &QueryError{Session: 1, Code: CodeBadQuery, QueryVersion: -1},
		"231 without details":      compensating(nil),
		"231 without version":      compensating(&Rejection{ClientVersion: 31}),
		"legacy 231":               &Error{Session: 1, Code: CodeCompensatingWrite},
		"legacy 232":               &Error{Session: 1, Code: CodeMigrateToFLX},
		"legacy 236":               &Error{Session: 1, Code: CodeSchemaVersionChanged},
		"no key":                   compensating(rejected(nil)),
		"bool key":                 compensating(rejected([]byte{2, 1})),
		"negative type code":       compensating(rejected([]byte{0x41})),
		"bytes after the key":      compensating(rejected([]byte{1, 1, 1})),
		"cut key":                  compensating(rejected([]byte{10, 1, 2})),
		"cut string":               compensating(rejected([]byte{3, 5, 'h'})),
		"huge string":              compensating(rejected([]byte{3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1})),
		"no action":                withAction(NoAction),
		"invalid action":           withAction(99),
		"232 without query":        &JSONError{Session: 1, Code: CodeMigrateToFLX, Action: Warning},
		"MigrateToFLX":             withAction(MigrateToFLX),
		"RevertToPBS":              withAction(RevertToPBS),
		"session code, connection": NewJSONError(0, CodeBadChangeset, ""),
		"connection code, session": NewJSONError(1, CodeBadSyntax, ""),
		"unknown code, connection": &Error{Code: 999},
		"legacy conn. code, sess.": &Error{Session: 1, Code: CodeBadSyntax},
		"invalid level":            &LogMessage{Level: 7, Message: "x"},
	}
	for _, info := range ErrorCodes() {
		if info.Code.KillsClient() {
			for _, sid := range []uint64{0, 1} {
				bad[fmt.Sprint(info.Name, sid)] = &Error{Session: sid, Code: info.Code}
				bad[fmt.Sprint("json ", info.Name, sid)] = &JSONError{Session: sid, Code: info.Code, Action: Warning}
			}
		}
	}
	require.Len(t, bad, 56+4*12)
	for name, m := range bad {
		out, err := m.Append([]byte("kept"))
		require.ErrorIs(t, err, ErrRefused, name)
		require.Equal(t, "kept", string(out), name)
		require.NotContains(t, err.Error(), "%!", name)
	}
	for _, key := range [][]byte{intKey, {0}, {3, 0}, {3, 2, 'h', 'i'}, {1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x40}, append([]byte{10}, make([]byte, 12)...), append([]byte{11}, make([]byte, 16)...)} {
		back, err := ParseServerMessage(appended(t, compensating(rejected(key))), Limits{})
		require.NoError(t, err)
		require.Equal(t, rejected(key), back.(*JSONError).Rejected)
		require.NoError(t, back.(*JSONError).CheckReceived())
	}
}

// Conformance 29: an error made for any code that may be sent has the six mandatory keys and is accepted by a client.
func TestNewJSONErrorForEveryCode(t *testing.T) {
	for _, info := range ErrorCodes() {
		if info.Code.KillsClient() || info.Code == CodeMigrateToFLX || info.Code == CodeRevertToPBS {
			continue
		}
		sid := uint64(0)
		if info.Code.SessionLevel() {
			sid = 5
		}
		m := NewJSONError(sid, info.Code, "what happened: \"x\"\n\x01æ")
		if info.Code == CodeCompensatingWrite {
			m.Rejected = &Rejection{ClientVersion: 1, ServerVersion: 2}
		}
		m.Backoff = &Backoff{1, 300, 2}
		msg := appended(t, m)
		object, err := parseObject(msg[len(msg)-len(m.appendBody(nil)):])
		require.NoError(t, err)
		for _, key := range []string{"action", "isRecoveryModeDisabled", "logURL", "message", "shouldClientReset", "tryAgain"} {
			require.NotNil(t, object.get(key), "%s of %v", key, info.Code)
		}
		back, err := ParseServerMessage(msg, Limits{})
		require.NoError(t, err)
		require.Equal(t, m, back)
		require.NoError(t, back.(*JSONError).CheckReceived())
	}
}

func TestCheckReceived(t *testing.T) {
	type checker interface{ CheckReceived() error }
	for name, c := range map[string]struct {
		m    checker
		kind error
	}{
		"session error":            {&Error{Session: 1, Code: CodeBadChangeset}, nil},
		"unknown session error":    {&Error{Session: 1, Code: 999}, nil},
		"connection error":         {&Error{Code: CodeBadSyntax}, nil},
		"unknown connection error": {&Error{Code: 999}, ErrErrorCode},
		"wrong level":              {&JSONError{Session: 1, Code: CodeBadSyntax}, ErrErrorCode},
		"other wrong level":        {&JSONError{Code: CodeBadChangeset}, ErrErrorCode},
		"213 for the connection":   {&JSONError{Code: 213}, ErrErrorCode},
		"deadly":                   {&JSONError{Session: 1, Code: CodeTokenExpired}, ErrErrorCode},
		"231 without version":      {&JSONError{Session: 1, Code: CodeCompensatingWrite, Rejected: &Rejection{}}, ErrJSON},
		"legacy 231":               {&Error{Session: 1, Code: CodeCompensatingWrite}, ErrErrorCode},
		"query error":              {&QueryError{Session: 1}, nil},
		"query error 0":            {&QueryError{}, ErrErrorCode},
	} {
		err := c.m.CheckReceived()
		if c.kind == nil {
			require.NoError(t, err, name)
		} else {
			require.ErrorIs(t, err, c.kind, name)
		}
	}
}

func TestAppendRawJSONError(t *testing.T) {
	args := []byte(`{"errorCode":229,"errorBody":{"tryAgain":true, "message":"m","logURL":"","shouldClientReset":false,"isRecoveryModeDisabled":false,"action":"Transient","more":1}}`)
	command, got, err := ParseTestCommand(append(append([]byte(`{"command":"ECHO_ERROR","args":`), args...), '}'))
	require.NoError(t, err)
	require.Equal(t, "ECHO_ERROR", command)
	require.Equal(t, string(args), string(got))
	code, body, err := ParseEchoError(got)
	require.NoError(t, err)
	require.Equal(t, CodeInitialSyncNotCompleted, code)
	msg, err := AppendRawJSONError(nil, 1, code, body)
	require.NoError(t, err)
	m, err := ParseServerMessage(msg, Limits{})
	require.NoError(t, err)
	require.Equal(t, NewJSONError(1, code, "m"), m)
	require.Equal(t, string(body), string(msg[len(msg)-len(body):]), "exactly that body")

	_, err = AppendRawJSONError(nil, 1, CodeTokenExpired, body)
	require.ErrorIs(t, err, ErrRefused)
	_, err = AppendRawJSONError(nil, 1, code, []byte(`{"message":"m"}`))
	require.ErrorIs(t, err, ErrJSON)
	for _, bad := range []string{"", "{}", `{"command":5}`, "[]"} {
		_, _, err = ParseTestCommand([]byte(bad))
		require.ErrorIs(t, err, ErrJSON, bad)
		_, _, err = ParseEchoError([]byte(bad))
		require.ErrorIs(t, err, ErrJSON, bad)
	}
	_, none, err := ParseTestCommand([]byte(`{"command":"PAUSE_ROUTER_SESSION"}`))
	require.NoError(t, err)
	require.Nil(t, none)
}

func TestClientErrorText(t *testing.T) {
	require.Equal(t, "BadChangeset: \"x\"", (&ClientJSONError{Body: ClientErrorBody("BadChangeset", "\"x\"")}).Text())
	require.Equal(t, "nonsense", (&ClientJSONError{Body: []byte("nonsense")}).Text())
	require.Equal(t, "{}", (&ClientJSONError{Body: []byte("{}")}).Text())
}
