package sync

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/merge"
	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/core/wire"
	"realmsync/server/store"
	"realmsync/tests/logs"
)

// Messages that no correct client sends end the connection, with a code that says why (spec/wire-protocol.md section 5.3).
func TestConnectionErrors(t *testing.T) {
	f := open(t, func(c *Config) { c.Limits = wire.ServerLimits(); c.Limits.Query = 1000 })
	const bind = "bind 1 37 0 1 0\n" + `{"schemaVersion":0,"sessionReason":0}`
	for _, c := range []struct {
		name string
		code wire.ErrorCode
		text string
		send func(d *device) []string // after BIND and IDENT of session 1
	}{
		{"no message", wire.CodeBadSyntax, "name and a space", raw("garbage")},
		{"empty message", wire.CodeBadSyntax, "", raw("")},
		{"unknown message", wire.CodeUnknownMessage, "nosuch", raw("nosuch 1\n")},
		{"transact, of older protocols", wire.CodeUnknownMessage, "transact", raw("transact 1 2\n")},
		{"field missing", wire.CodeBadSyntax, "", raw("mark 1\n")},
		{"trailing bytes", wire.CodeBadSyntax, "follow", raw("mark 1 1\nx")},
		{"negative number", wire.CodeBadSyntax, "", raw("mark 1 -1\n")},
		{"BIND without its JSON", wire.CodeBadSyntax, "data_size", raw("bind 2 0 0 1 0\n")},
		{"BIND with other JSON", wire.CodeBadSyntax, "", raw("bind 2 2 0 1 0\n[]")},
		{"BIND of session 0", wire.CodeBadSyntax, "start at 1", raw("bind 0 2 0 1 0\n{}")},
		{"BIND twice", wire.CodeReuseOfSessionIdent, "session 1", raw(bind)},
		{"unknown session", wire.CodeBadSessionIdent, "session 7", raw("mark 7 1\n")},
		{"UNBIND of an unknown session", wire.CodeBadSessionIdent, "session 7", raw("unbind 7\n")},
		{"IDENT twice", wire.CodeBadMessageOrder, "exactly once", func(d *device) []string {
			return []string{fmt.Sprintf("ident 1 %d %d 0 0 0 0 0 2\n{}", d.ident, d.salt)}
		}},
		{"UPLOAD before IDENT", wire.CodeBadMessageOrder, "before everything", raw(strings.Replace(bind, "bind 1", "bind 2", 1), "upload 2 0 0 0 1 0 0\n")},
		{"negative query version in IDENT", wire.CodeBadSyntax, "negative", raw(strings.Replace(bind, "bind 1 37 0 1", "bind 2 37 0 0", 1), "ident 2 9 1 0 0 0 0 -1 2\n{}")},
		{"QUERY goes back", wire.CodeBadMessageOrder, "increase", raw("query 1 0 2\n{}")},
		{"MARK again", wire.CodeBadMessageOrder, "MARK 3", func(d *device) []string {
			d.req = 2
			d.sync()
			return []string{"mark 1 3\n"}
		}},
		{"MARK 0", wire.CodeBadMessageOrder, "MARK 0", raw("mark 1 0\n")},
		{"body that is not deflated", wire.CodeBadDecompression, "", raw("upload 1 1 5000 4 5 0 0\nabcd")},
		{"body that lies about its size", wire.CodeBadDecompression, "", raw("upload 1 1 5000 12 5 0 0\n\x78\x01\x01\x01\x00\xfe\xff\x61\x00\x62\x00\x62")},
		{"entry header", wire.CodeBadChangesetHeader, "", raw("upload 1 0 4 0 5 0 0\nx y ")},
		{"entry size", wire.CodeBadChangesetSize, "", raw("upload 1 0 12 0 5 0 0\n5 0 1 0 99 a")},
		{"the file of another session of the connection", wire.CodeBoundInOtherSession, "another session", func(d *device) []string {
			return []string{"bind 2 37 0 0 0\n" + `{"schemaVersion":0,"sessionReason":0}`, fmt.Sprintf("ident 2 %d %d 0 0 0 0 0 2\n{}", d.ident, d.salt)}
		}},
		{"test command without JSON", wire.CodeBadSyntax, "", raw("test_command 1 1 3\nabc")},
		{"echo of an error that kills", wire.CodeBadSyntax, "", func(*device) []string {
			body := `{"command":"ECHO_ERROR","args":{"errorCode":202,"errorBody":{"action":"Warning","isRecoveryModeDisabled":false,"logURL":"","message":"","shouldClientReset":false,"tryAgain":true}}}`
			return []string{fmt.Sprintf("test_command 1 1 %d\n%s", len(body), body)}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f.t = t
			d := f.device("anna").fresh()
			for _, text := range c.send(d) {
				if m, err := wire.ParseClientMessage([]byte(text), wire.Limits{}); err == nil && m.Name() == "bind" && m.SessionIdent() != 1 {
					d.note(m)
					d.raw([]byte(text))
					if m.(*wire.Bind).NeedIdent && m.SessionIdent() > 0 && string(m.(*wire.Bind).Data) != "[]" {
						expect[*wire.ServerIdent](d.link)
					}
					continue
				}
				d.raw([]byte(text))
			}
			e := expect[*wire.JSONError](d.link)
			require.Equal(t, c.code, e.Code, e.Message)
			require.Zero(t, e.Session)
			require.Contains(t, e.Message, c.text)
			// The client closes the connection; whatever was on its way from it does no harm.
			d.raw([]byte("mark 1 9\n"))
			d.drop()
		})
	}
	f.t = t
}

func raw(texts ...string) func(*device) []string { return func(*device) []string { return texts } }

// What is too large, or no message at all, is answered with a close frame: error 104 would kill the client.
func TestCloseCodes(t *testing.T) {
	var log logs.Buffer
	f := open(t, func(c *Config) {
		c.Limits = wire.ServerLimits()
		c.Limits.Query, c.Limits.Message, c.Limits.Body = 100, 5000, 9000
		c.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	for _, c := range []struct {
		name string
		send func(*device)
		code websocket.StatusCode
	}{
		{"query", func(d *device) { d.raw([]byte("query 1 1 101\n" + strings.Repeat("x", 101))) }, 1009},
		{"announced query", func(d *device) { d.raw([]byte("query 1 1 999999999\n")) }, 1009},
		{"message", func(d *device) { d.raw([]byte("query 1 1 5000\n" + strings.Repeat("x", 5000))) }, 1009},
		{"announced body", func(d *device) { d.raw([]byte("upload 1 1 9001 4 1 0 0\nabcd")) }, 1009},
		{"text", func(d *device) {
			require.NoError(t, d.ws.Write(context.Background(), websocket.MessageText, []byte("mark 1 1\n")))
		}, 1003},
	} {
		d := f.device("anna").fresh()
		c.send(d)
		require.Equal(t, c.code, d.closed(), c.name)
	}
	require.Eventually(t, func() bool { return strings.Count(log.String(), "a message was refused") == 4 }, patience, waitStep, "the administrator sees it")
	require.Contains(t, log.String(), "a transaction of a client is uploaded in one")
}

// refused checks that a session is told an error and nothing else, that it can be ended silently, and bound again.
func (d *device) refused(code wire.ErrorCode, action wire.Action, text string) *wire.JSONError {
	d.t.Helper()
	var e *wire.JSONError
	for e == nil || e.Session != d.sid {
		e, _ = d.next().(*wire.JSONError)
	}
	require.Equal(d.t, code, e.Code, e.Message)
	require.Equal(d.t, action, e.Action)
	require.Contains(d.t, e.Message, text)
	d.send(&wire.Mark{Session: d.sid, Request: 99})
	d.send(&wire.Query{Session: d.sid, Version: 99, Body: []byte(allDogs)})
	d.silent()
	d.send(&wire.Unbind{Session: d.sid})
	d.silent()
	d.send(&wire.Bind{Session: d.sid, Data: wire.BindData{}.Append(nil), NeedIdent: true})
	expect[*wire.ServerIdent](d.link)
	return e
}

// IDENT is checked against what the server knows of the file (spec/wire-protocol.md section 6.4).
func TestIdentErrors(t *testing.T) {
	f := open(t, nil)
	for _, c := range []struct {
		name   string
		code   wire.ErrorCode
		action wire.Action
		text   string
		damage func(*device)
	}{
		{"unknown file", 208, wire.ClientReset, "(IDENT)", func(d *device) { d.ident = 4711 }},
		{"file 0", 208, wire.ClientReset, "(IDENT)", func(d *device) { d.ident = 0 }},
		{"salt", 211, wire.ClientReset, "salt", func(d *device) { d.salt++ }},
		{"salt of the latest version", 211, wire.ClientReset, "history was replaced", func(d *device) { d.progress.Latest.Salt++ }},
		{"server version", 209, wire.ClientReset, "newest", func(d *device) { d.progress.Download.ServerVersion += 100; d.progress.Latest.Version += 100 }},
		{"latest below download", 209, wire.ClientReset, "between", func(d *device) { d.progress.Latest.Version = 1 }},
		{"client version", 210, wire.ClientReset, "integrated", func(d *device) { d.progress.Download.ClientVersion = 1 << 40 }},
		{"expired", 222, wire.ClientReset, "too long", func(d *device) {
			a, done := f.look("app")
			defer done()
			require.NoError(t, a.engine.Expire(t.Context(), d.ident))
		}},
		{"user", 223, wire.ApplicationBug, "another user", func(d *device) { d.user = "berta" }},
		{"active query, syntax", 226, wire.ApplicationBug, "bad syntax", func(d *device) { d.body = `{"Dog":"age >"}` }},
		{"active query, field", 226, wire.ApplicationBug, "shoe", func(d *device) { d.body = `{"Dog":"shoe == 1"}` }},
		{"active query, JSON", 226, wire.ApplicationBug, "bad syntax", func(d *device) { d.body = `{"Dog":` }},
	} {
		t.Run(c.name, func(t *testing.T) {
			f.t = t
			d := f.device("anna").subscribed(allDogs)
			d.drop()
			d.checks = newClient() // it damages what it knows
			c.damage(d)
			zero := d.ident == 0
			if zero {
				d.link = f.dial(d.user)
				d.sid = 1
				d.send(&wire.Bind{Session: 1, Data: wire.BindData{}.Append(nil)})
				d.send(&wire.Ident{Session: 1, Query: []byte(noDogs)})
			} else {
				d.connect()
			}
			d.refused(c.code, c.action, c.text)
		})
	}
	f.t = t
}

// UPLOAD is checked against the session, the file and the schema (spec/wire-protocol.md section 6.5).
func TestUploadErrors(t *testing.T) {
	f := open(t, nil)
	entry := func(d *device, ins ...changeset.Instruction) wire.UploadEntry {
		b, err := changeset.Encode(&changeset.Changeset{Instructions: ins})
		require.NoError(t, err)
		d.version++
		return wire.UploadEntry{ClientVersion: d.version, ServerVersion: d.progress.Download.ServerVersion, OriginTimestamp: 1, Changeset: b}
	}
	for _, c := range []struct {
		name   string
		code   wire.ErrorCode
		action wire.Action
		text   string
		damage func(*device, *wire.Upload)
	}{
		{"header below an entry", 210, wire.ClientReset, "beyond", func(d *device, m *wire.Upload) { m.Progress.ClientVersion-- }},
		{"entries out of order", 210, wire.ClientReset, "comes after", func(d *device, m *wire.Upload) {
			e := entry(d, create(8, "b", 8)...)
			e.ClientVersion = m.Entries[0].ClientVersion
			m.Entries = append(m.Entries, e)
		}},
		{"server version that was not sent", 209, wire.ClientReset, "was not sent", func(d *device, m *wire.Upload) { m.Progress.ServerVersion += 50 }},
		{"locked version that was not sent", 209, wire.ClientReset, "was not sent", func(d *device, m *wire.Upload) { m.LockedServerVersion += 50 }},
		{"locked version goes back", 209, wire.ClientReset, "locked", func(d *device, m *wire.Upload) { m.LockedServerVersion = 0 }},
		{"base beyond the header", 209, wire.ClientReset, "can't be based", func(d *device, m *wire.Upload) { m.Entries[0].ServerVersion += 50 }},
		{"base goes back", 209, wire.ClientReset, "", func(d *device, m *wire.Upload) { m.Entries[0].ServerVersion = 0 }},
		{"changeset that is none", 212, wire.ClientReset, "can't be read", func(d *device, m *wire.Upload) { m.Entries[0].Changeset = []byte{0x3f, 0xff, 0xff} }},
		{"class that is none", 212, wire.ClientReset, "", func(d *device, m *wire.Upload) {
			m.Entries[0].Changeset = entry(d, changeset.Instruction{Op: changeset.CreateObject, Table: "Cat", Key: value.IntKey(1)}).Changeset
		}},
		{"schema conflict", 225, wire.ApplicationBug, "age", func(d *device, m *wire.Upload) {
			m.Entries[0].Changeset = entry(d, changeset.Instruction{Op: changeset.AddColumn, Table: "Dog", Field: "age", Schema: &changeset.SchemaFields{Type: value.KindString}}).Changeset
		}},
		{"origin", 216, wire.ProtocolViolation, "only their own", func(d *device, m *wire.Upload) { m.Entries[0].OriginFileIdent = 99 }},
		{"list of another length", 212, wire.ClientReset, "SIZE", func(d *device, m *wire.Upload) {
			m.Entries[0].Changeset = entry(d, changeset.Instruction{Op: changeset.AddColumn, Table: "Dog", Field: "tags", Collection: schema.List, Schema: &changeset.SchemaFields{Type: value.KindString}},
				changeset.Instruction{Op: changeset.ArrayInsert, Table: "Dog", Key: value.IntKey(1), Field: "tags", Path: []changeset.Step{{IsPos: true}}, PriorSize: 3, Value: value.String("x")}).Changeset
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f.t = t
			d := f.device("anna").subscribed(allDogs)
			d.write(create(1, "a", 1)...)
			d.upload()
			d.uploadOnly() // tells what it has integrated
			before := f.version("app")
			e := entry(d, create(7, "a", 7)...)
			m := &wire.Upload{Session: d.sid, LockedServerVersion: d.progress.Download.ServerVersion, Entries: []wire.UploadEntry{e},
				Progress: wire.UploadCursor{ClientVersion: e.ClientVersion, ServerVersion: e.ServerVersion}}
			c.damage(d, m)
			d.send(m)
			d.refused(c.code, c.action, c.text)
			require.Equal(t, before, f.version("app"), "nothing of it is kept")
		})
	}
	f.t = t
	l := f.device("anna").subscribed(allDogs)
	l.write(create(2, "a", 1)...)
	l.upload()
	l.send(&wire.Upload{Session: 1, Progress: wire.UploadCursor{ClientVersion: 1, ServerVersion: 0}})
	l.refused(210, wire.ClientReset, "comes after")
}

// Where the schema is fixed, an upload that changes it is refused.
func TestFixedSchema(t *testing.T) {
	f := open(t, nil)
	f.device("anna").subscribed(allDogs)
	f.stop()
	f.cfg.FixedSchema = true
	f.start()
	d := f.device("berta").fresh()
	d.write(changeset.Instruction{Op: changeset.AddColumn, Table: "Dog", Field: "extra", Schema: &changeset.SchemaFields{Type: value.KindInt}})
	d.send(d.message())
	d.refused(225, wire.ApplicationBug, "fixed")
}

// Subscriptions that the server doesn't take leave the session and the subscriptions before in force (section 2.8 of the semantics).
func TestQueryErrors(t *testing.T) {
	f := open(t, nil)
	d := f.device("anna").subscribed(allDogs)
	d.write(create(1, "Rex", 4)...)
	d.upload()
	for i, c := range []struct{ body, text string }{
		{`{"Dog":"(age >)"}`, "Client provided query with bad syntax"},
		{`{"Dog":"(shoe == 3)"}`, "Invalid query"},
		{`{"Dog":"(age == \"four\")"}`, "Invalid query"},
		{`{"Cat":"(TRUEPREDICATE)"}`, "no such class"},
		{`{"Dog":"TRUEPREDICATE LIMIT(3)"}`, "Invalid query"},
		{`{"Dog":"TRUEPREDICATE SORT(age ASC)"}`, "Invalid query"},
		{`{"Dog":3}`, "bad syntax"},
		{`not json`, "bad syntax"},
		{`{"Dog":"(` + strings.Repeat("(", 5000) + `age == 1` + strings.Repeat(")", 5000) + `)"}`, "query"},
	} {
		version := int64(10 + i)
		d.send(&wire.Query{Session: d.sid, Version: version, Body: []byte(c.body)})
		d.send(&wire.Mark{Session: d.sid, Request: uint64(10 + i)})
		m, ok := d.next().(*wire.QueryError)
		require.True(t, ok, c.body)
		require.Equal(t, wire.CodeBadQuery, m.Code)
		require.Equal(t, version, m.QueryVersion)
		require.Contains(t, string(m.Text), c.text, c.body)
		require.Equal(t, &wire.Mark{Session: 1, Request: uint64(10 + i)}, d.next())
	}
	d.write(create(2, "Fido", 2)...)
	d.upload()
	d.subscribe(100, oldDogs)
	require.Equal(t, []string{"1 Rex 4"}, d.dogs())
}

// A client that could not integrate a download waits for an error, whatever was wrong (section 3.7).
func TestClientErrors(t *testing.T) {
	f := open(t, nil)
	for code, answer := range map[wire.ErrorCode]wire.ErrorCode{212: 217, 233: 217, 112: 217, 201: 201} {
		d := f.device("anna").subscribed(allDogs)
		d.send(&wire.ClientJSONError{Session: d.sid, Code: code, Body: wire.ClientErrorBody("BadChangeset", "no such column")})
		action := wire.ClientReset
		if answer == 201 {
			action = wire.Transient
		}
		d.refused(answer, action, "no such column")
	}
}

// Sessions of one connection are bounded.
func TestTooManySessions(t *testing.T) {
	f := open(t, func(c *Config) { c.MaxSessions = 2 })
	l := f.dial("anna")
	bind := func(sid uint64) {
		l.send(&wire.Bind{Session: sid, Data: wire.BindData{}.Append(nil), NeedIdent: true})
	}
	for sid := range uint64(2) {
		bind(sid + 1)
		expect[*wire.ServerIdent](l)
	}
	for sid := range uint64(2) {
		bind(sid + 3)
		e := expect[*wire.JSONError](l)
		require.Equal(t, wire.CodeOtherSessionError, e.Code)
		require.Equal(t, wire.Transient, e.Action)
		require.Equal(t, sid+3, e.Session)
	}
	bind(9)
	e := expect[*wire.JSONError](l)
	require.Equal(t, wire.CodeOtherError, e.Code)
	require.Zero(t, e.Session)
}

// ECHO_ERROR sends what it is told, and the session behaves as after an error of its own (section 9.2).
func TestEchoError(t *testing.T) {
	f := open(t, nil)
	d := f.device("anna").subscribed(allDogs)
	d.echo(200, "Transient")
	d.refused(200, wire.Transient, "as told")
	f.stop()
	f.cfg.Dev = false
	f.start()
	d = f.device("berta").fresh()
	d.echo(200, "Transient")
	require.Contains(t, string(expect[*wire.TestCommand](d.link).Body), "development mode")
	d.sync()
}

func (d *device) echo(code int, action string) {
	body := fmt.Sprintf(`{"command":"ECHO_ERROR","args":{"errorCode":%d,"errorBody":{"action":%q,"isRecoveryModeDisabled":false,"logURL":"","message":"as told","shouldClientReset":false,"tryAgain":true}}}`, code, action)
	d.send(&wire.TestCommand{Session: d.sid, Request: 1, Body: []byte(body)})
}

// brokenStore fails when it is told to.
type brokenStore struct {
	store.Store
	broken *atomic.Bool
}

func (b brokenStore) Begin(ctx context.Context) (store.Tx, error) {
	if b.broken.Load() {
		return nil, errors.New("the disk is full")
	}
	return b.Store.Begin(ctx)
}

func (b brokenStore) Snapshot(ctx context.Context) (store.Snapshot, error) {
	if b.broken.Load() {
		return nil, errors.New("the disk is gone")
	}
	return b.Store.Snapshot(ctx)
}

// When the server can't write, clients are told to come again, nothing is acknowledged, and nothing is lost.
func TestServerTrouble(t *testing.T) {
	broken := &atomic.Bool{}
	f := open(t, nil)
	f.stop()
	inner := f.cfg.Store
	f.cfg.Store = func(ctx context.Context, app string) (store.Store, error) {
		s, err := inner(ctx, app)
		return brokenStore{s, broken}, err
	}
	f.start()
	d := f.device("anna").subscribed(allDogs)
	broken.Store(true)
	d.write(create(1, "Rex", 4)...)
	d.uploadOnly()
	e := expect[*wire.JSONError](d.link)
	require.Equal(t, wire.CodeOtherSessionError, e.Code)
	require.Equal(t, wire.Transient, e.Action)
	require.True(t, e.TryAgain)
	d.send(&wire.Unbind{Session: d.sid})
	d.drop()
	// A new file can't be made either, and a bootstrap not computed.
	l := f.dial("berta")
	l.send(&wire.Bind{Session: 1, Data: wire.BindData{}.Append(nil), NeedIdent: true})
	require.Equal(t, wire.CodeOtherSessionError, expect[*wire.JSONError](l).Code)
	broken.Store(false)
	d.connect()
	d.uploadOnly()
	d.acknowledged()
	g := f.device("berta").subscribed(allDogs)
	require.Equal(t, []string{"1 Rex 4"}, g.dogs())
}

// An app whose data can't be opened is unavailable, for now.
func TestAppThatDoesNotOpen(t *testing.T) {
	f := open(t, func(c *Config) {
		inner := c.Store
		c.Store = func(ctx context.Context, app string) (store.Store, error) {
			if app == "bad" {
				return nil, errors.New("foreign file")
			}
			return inner(ctx, app)
		}
	})
	for range 2 {
		_, response, err := f.tryDial("bad", "anna", wire.OfferedSubprotocols())
		require.Error(t, err)
		require.Equal(t, 503, response.StatusCode)
	}
}

// An app has one set of rules for merging, and refuses clients that have another.
func TestRules(t *testing.T) {
	f := open(t, nil)
	for _, c := range []struct {
		app   string
		rules merge.Rules
		text  string
	}{
		{"strict", merge.Compatible, `merges by the rules "strict", the client by the rules "compatible"`},
		{"app", merge.Strict, `merges by the rules "compatible", the client by the rules "strict"`},
	} {
		d := f.device("anna")
		d.app, d.rules = c.app, c.rules
		d.link = f.dialApp(d.app, d.user, wire.OfferedSubprotocols())
		d.sid = 1
		d.send(&wire.Bind{Session: 1, Data: d.bindData(), NeedIdent: true})
		e := expect[*wire.JSONError](d.link)
		require.Equal(t, wire.CodeOtherSessionError, e.Code)
		require.Equal(t, wire.ApplicationBug, e.Action)
		require.False(t, e.TryAgain)
		require.Contains(t, e.Message, c.text)
	}
	d := f.device("berta")
	d.app, d.rules = "strict", merge.Strict
	d.subscribed(allDogs)
}
