package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/tests/vectors"
)

// vector is one line of messages.jsonl.
type vector struct {
	Reject        bool
	ReferenceOnly bool `json:"reference_only"`
	Odd           string
	Why           string
	Direction     string
	Name          string
	Hex           string
	Text          string
	Fields        map[string]any
}

func (v *vector) bytes(t testing.TB) []byte {
	b, err := hex.DecodeString(v.Hex)
	require.NoError(t, err)
	return b
}

func readLines(t testing.TB, name string, line func([]byte)) {
	t.Helper()
	require.NoError(t, vectors.Lines(name, func(l []byte) error {
		line(l)
		return nil
	}))
}

func loadVectors(t testing.TB) []vector {
	t.Helper()
	var all []vector
	readLines(t, "wire/messages.jsonl", func(line []byte) {
		var v vector
		require.NoError(t, json.Unmarshal(line, &v))
		all = append(all, v)
	})
	require.NotEmpty(t, all)
	return all
}

func parseDirection(direction string, msg []byte) (Message, error) {
	if direction == "c2s" {
		m, err := ParseClientMessage(msg, Limits{})
		if err != nil {
			return nil, err
		}
		return m, nil
	}
	m, err := ParseServerMessage(msg, Limits{})
	if err != nil {
		return nil, err
	}
	return m, nil
}

func TestVectorsDecode(t *testing.T) {
	counts := map[string]int{}
	for _, v := range loadVectors(t) {
		m, err := parseDirection(v.Direction, v.bytes(t))
		if err != nil {
			var problem *ProtocolError
			require.ErrorAs(t, err, &problem, v.Text)
			require.NotNil(t, problem.Kind, v.Text)
			require.NotContains(t, err.Error(), "%!", v.Text)
		}
		switch {
		case v.Reject && v.ReferenceOnly || strings.Contains(v.Why, "must accept") || strings.Contains(v.Why, "should accept"):
			counts["reference only"]++
			require.NoError(t, err, v.Text)
		case v.Reject:
			counts["rejected"]++
			require.Error(t, err, "%s: %s", v.Why, v.Text)
		case v.Name == "ident_pbs":
			counts["partition-based"]++
			require.ErrorIs(t, err, ErrSyntax, "partition-based IDENT on a flexible-sync connection")
		case v.Odd != "" && err != nil:
			counts["odd, refused"]++
			t.Logf("refused: %s: %v", v.Odd, err)
			require.NotContains(t, []string{"s2c json_error", "s2c log_message"}, v.Direction+" "+v.Name, "%s: %v", v.Odd, err)
		default:
			counts["accepted"]++
			require.NoError(t, err, v.Text)
			compareFields(t, v, fieldsOf(t, m))
		}
	}
	t.Log(counts)
	require.Positive(t, counts["accepted"])
	require.Positive(t, counts["rejected"])
}

// compareFields compares what the vector says with what was parsed. The textual body of json_error is judged by "parsed".
func compareFields(t *testing.T, v vector, got map[string]any) {
	t.Helper()
	text, err := json.Marshal(got)
	require.NoError(t, err)
	var have map[string]any
	require.NoError(t, json.Unmarshal(text, &have))
	for key, want := range v.Fields {
		if v.Direction == "s2c" && v.Name == "json_error" && key == "body" {
			continue
		}
		require.Contains(t, have, key, v.Text)
		require.Equal(t, want, have[key], "%s of %s", key, v.Text)
	}
}

func TestVectorsEncode(t *testing.T) {
	exact, byValue, refused := 0, 0, 0
	for _, v := range loadVectors(t) {
		if v.Reject || v.Odd != "" || v.Name == "ident_pbs" {
			continue
		}
		want := v.bytes(t)
		m := messageOf(t, v)
		got, err := m.Append([]byte("prefix"))
		if reason := mustRefuse(m); reason != "" {
			refused++
			require.ErrorIs(t, err, ErrRefused, "%s: %s", reason, v.Text)
			require.Equal(t, "prefix", string(got))
			got = m.(encodable).put([]byte("prefix"))
		} else {
			require.NoError(t, err, v.Text)
		}
		require.True(t, bytes.HasPrefix(got, []byte("prefix")))
		got = got[len("prefix"):]
		if bytes.Equal(got, want) {
			exact++
			continue
		}
		byValue++
		require.Contains(t, []string{"upload", "download", "json_error", "log_message"}, v.Name, "%q\n%q", got, want)
		again, err := parseDirection(v.Direction, got)
		require.NoError(t, err, v.Text)
		fields := fieldsOf(t, again)
		if v.Name == "upload" || v.Name == "download" {
			// The form and its size are the sender's choice; ours is checked in TestCompressionRule.
			for _, key := range []string{"is_compressed", "csize"} {
				fields[key] = v.Fields[key]
			}
		}
		compareFields(t, v, fields)
	}
	t.Logf("%d byte by byte, %d by value, %d refused", exact, byValue, refused)
	require.Positive(t, exact)
	require.Positive(t, refused)
}

// mustRefuse says why Append must not write a message although the original's encoder could.
func mustRefuse(m Message) string {
	level := func(sid uint64, code ErrorCode) string {
		known := (code >= 100 && code <= 114) || (code >= 200 && code <= 236 && code != 213)
		switch {
		case strings.Contains(" 104 202 203 205 207 214 215 218 219 220 221 224 ", fmt.Sprintf(" %d ", code)):
			return "deadly code"
		case sid == 0 && (code < 100 || code > 114), sid != 0 && known && code < 200:
			return "wrong level"
		}
		return ""
	}
	switch m := m.(type) {
	case *Error:
		if m.Code == 231 || m.Code == 232 || m.Code == 236 {
			return "needs JSON"
		}
		return level(m.Session, m.Code)
	case *JSONError:
		switch {
		case m.Action == MigrateToFLX || m.Action == RevertToPBS:
			return "action of partition-based sync"
		case m.Code == 231 && (m.Rejected == nil || m.Rejected.ServerVersion == 0):
			return "compensating write without version"
		}
		return level(m.Session, m.Code)
	case *QueryError:
		if m.QueryVersion < 0 {
			return "negative query version"
		}
	}
	return ""
}

func TestVectorsNeverPanicWhenDamaged(t *testing.T) {
	for _, v := range loadVectors(t) {
		msg := v.bytes(t)
		for i := 0; i < len(msg); i += 1 + len(msg)/200 {
			for _, direction := range []string{"c2s", "s2c"} {
				_, _ = parseDirection(direction, msg[:i])
				for _, c := range []byte{0, ' ', '\n', '9', '-', '"', 0xff, msg[i] ^ 1} {
					damaged := bytes.Clone(msg)
					damaged[i] = c
					_, _ = parseDirection(direction, damaged)
				}
			}
		}
		// Whatever is cut off, the rest isn't a whole message, except where the end is the free text that no one counts.
		if !v.Reject && v.Odd == "" && v.Name != "ident_pbs" {
			for i := range msg {
				_, err := parseDirection(v.Direction, msg[:i])
				require.Error(t, err, "%d bytes of %s", i, v.Text)
			}
		}
	}
}

func TestErrorTable(t *testing.T) {
	var file struct {
		ProtocolVersion int    `json:"protocol_version"`
		FlexibleSync    string `json:"subprotocol_flexible_sync"`
		PartitionBased  string `json:"subprotocol_partition_based"`
		Codes           []struct {
			Code         ErrorCode
			SessionLevel bool    `json:"session_level"`
			ClientStatus *string `json:"client_status"`
		}
	}
	raw, err := vectors.Load("wire/error_codes.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &file))
	require.Equal(t, file.ProtocolVersion, Version)
	require.Equal(t, file.FlexibleSync, Subprotocol(Version))
	require.Equal(t, file.PartitionBased, PartitionSubprotocolPrefix+strconv.Itoa(Version))
	require.Len(t, ErrorCodes(), len(file.Codes))
	for i, c := range file.Codes {
		require.Equal(t, c.Code, ErrorCodes()[i].Code, "the table is ascending")
		info, ok := c.Code.Info()
		require.True(t, ok)
		require.True(t, c.Code.Known())
		require.Equal(t, c.SessionLevel, c.Code.SessionLevel(), "%v", c.Code)
		require.Equal(t, c.ClientStatus == nil, c.Code.KillsClient(), "%v", c.Code)
		switch {
		case c.ClientStatus == nil:
			require.Empty(t, info.Status)
			require.NotZero(t, info.Close, "%v needs a close code to be sent instead", c.Code)
			require.Equal(t, NoAction, info.Action)
		case *c.ClientStatus == "unknown": // the vectors' own list of names ends before these
			require.Equal(t, "SyncSchemaMigrationError", info.Status, "%v", c.Code)
		default:
			require.Equal(t, *c.ClientStatus, info.Status, "%v", c.Code)
		}
		if !c.Code.KillsClient() {
			require.NotEqual(t, NoAction, info.Action, "%v", c.Code)
			require.Zero(t, info.Close)
		}
	}
	for _, c := range []ErrorCode{0, -1, 99, 115, 199, 213, 237, 300, 1 << 30} {
		require.False(t, c.Known(), "%v", c)
		require.False(t, c.KillsClient(), "%v", c)
	}
}

func TestQueryBodyVectors(t *testing.T) {
	n := 0
	readLines(t, "wire/query_bodies.jsonl", func(line []byte) {
		var v struct {
			Name          string
			Subscriptions []struct{ Class, Query, Name string }
			Body          string
		}
		require.NoError(t, json.Unmarshal(line, &v))
		n++
		parsed, err := ParseQueryBody([]byte(v.Body))
		require.NoError(t, err)
		var plain map[string]string
		require.NoError(t, json.Unmarshal([]byte(v.Body), &plain))
		require.Len(t, parsed, len(plain))
		canonical := map[string][]string{}
		for _, q := range parsed {
			require.Equal(t, plain[q.Class], q.Query)
			canonical[q.Class] = strings.Split(q.Query[1:len(q.Query)-1], ") OR (")
		}
		// The canonical text is rql's business: here it is taken from the body, and what is tested is what becomes of the list.
		var subs []Subscription
		for _, s := range v.Subscriptions {
			text := strings.ReplaceAll(s.Query, "'", `"`)
			known := false
			for _, c := range canonical[s.Class] {
				known = known || c == text
			}
			if !known && s.Query != "i > 5" { // the one text that a later subscription of the same name replaces
				require.Len(t, canonical[s.Class], 1, v.Name)
				text = canonical[s.Class][0]
			}
			subs = append(subs, Subscription{Class: s.Class, Query: text, Name: s.Name})
		}
		require.Equal(t, v.Body, string(AppendQueryBody(nil, subs)), v.Name)
	})
	require.Positive(t, n)
}

func decimal(v uint64) string { return strconv.FormatUint(v, 10) }
func signed(v int64) string   { return strconv.FormatInt(v, 10) }

// plainText is a text as the vectors hold it.
func plainText(b []byte) any {
	if text := string(b); strings.ToValidUTF8(text, "") == text {
		return text
	}
	return map[string]any{"hex": hex.EncodeToString(b)}
}

func setBody(f map[string]any, b BodyInfo) {
	f["is_compressed"], f["usize"], f["csize"] = b.Compressed, strconv.Itoa(b.Size), "0"
	if b.Compressed {
		f["csize"] = strconv.Itoa(b.WireSize)
	}
}

// fieldsOf turns a message into the form of the vectors.
func fieldsOf(t testing.TB, m Message) map[string]any {
	f := map[string]any{"sid": decimal(m.SessionIdent())}
	switch m := m.(type) {
	case *Bind:
		f["data"], f["token"], f["need_ident"], f["is_subserver"] = string(m.Data), m.Token, m.NeedIdent, m.IsSubserver
	case *Ident:
		f["file_ident"], f["file_ident_salt"] = decimal(m.FileIdent), signed(m.Salt)
		f["download_server_version"], f["download_client_version"] = decimal(m.Download.ServerVersion), decimal(m.Download.ClientVersion)
		f["latest_server_version"], f["latest_server_version_salt"] = decimal(m.Latest.Version), signed(m.Latest.Salt)
		f["query_version"], f["query"] = signed(m.QueryVersion), string(m.Query)
	case *Query:
		f["query_version"], f["query"] = signed(m.Version), string(m.Body)
	case *Upload:
		setBody(f, m.Body)
		f["progress_client_version"], f["progress_server_version"] = decimal(m.Progress.ClientVersion), decimal(m.Progress.ServerVersion)
		f["locked_server_version"] = decimal(m.LockedServerVersion)
		list := []any{}
		for _, e := range m.Entries {
			list = append(list, map[string]any{"client_version": decimal(e.ClientVersion), "server_version": decimal(e.ServerVersion),
				"origin_timestamp": decimal(e.OriginTimestamp), "origin_file_ident": decimal(e.OriginFileIdent),
				"size": strconv.Itoa(len(e.Changeset)), "changeset": hex.EncodeToString(e.Changeset)})
		}
		f["changesets"] = list
	case *Mark:
		f["req"] = decimal(m.Request)
	case *Unbind, *Unbound:
	case *Ping:
		f["timestamp"], f["rtt"] = signed(m.Timestamp), signed(m.RTT)
	case *Pong:
		f["timestamp"] = signed(m.Timestamp)
	case *ClientJSONError:
		f["code"], f["body"] = signed(int64(m.Code)), string(m.Body)
	case *TestCommand:
		f["req"], f["body"] = decimal(m.Request), string(m.Body)
	case *ServerIdent:
		f["file_ident"], f["salt"] = decimal(m.FileIdent), signed(m.Salt)
	case *Download:
		setBody(f, m.Body)
		p := m.Progress
		f["download_server_version"], f["download_client_version"] = decimal(p.Download.ServerVersion), decimal(p.Download.ClientVersion)
		f["latest_server_version"], f["latest_server_version_salt"] = decimal(p.Latest.Version), signed(p.Latest.Salt)
		f["upload_client_version"], f["upload_server_version"] = decimal(p.Upload.ClientVersion), decimal(p.Upload.ServerVersion)
		f["query_version"], f["batch_state"], f["progress"] = signed(m.QueryVersion), decimal(uint64(m.BatchState)), m.Estimate
		list := []any{}
		for _, e := range m.Entries {
			list = append(list, map[string]any{"server_version": decimal(e.ServerVersion), "client_version": decimal(e.ClientVersion),
				"origin_timestamp": decimal(e.OriginTimestamp), "origin_file_ident": decimal(e.OriginFileIdent),
				"original_size": decimal(e.OriginalSize), "size": strconv.Itoa(len(e.Changeset)), "changeset": hex.EncodeToString(e.Changeset)})
		}
		f["changesets"] = list
	case *Error:
		f["code"], f["try_again"], f["message"] = signed(int64(m.Code)), m.TryAgain, plainText(m.Text)
		f["parsed"] = map[string]any{"message": plainText(m.Text), "is_fatal": !m.TryAgain, "recovery_disabled": false,
			"should_client_reset": nil, "log_url": nil, "action": NoAction.String(), "backoff": nil, "partition_query": nil,
			"previous_schema_version": nil, "rejected_updates": []any{}, "compensating_write_server_version": nil, "rejected_client_version": "0"}
	case *JSONError:
		f["code"], f["parsed"] = signed(int64(m.Code)), parsedOf(t, m)
	case *QueryError:
		f["code"], f["query_version"], f["message"] = signed(int64(m.Code)), signed(m.QueryVersion), plainText(m.Text)
	case *LogMessage:
		f["level"], f["msg"], f["co_id"] = nil, nil, nil
		if m.Message != "" {
			f["level"], f["msg"] = m.Level.String(), m.Message
		}
		if m.ConnectionID != "" {
			f["co_id"] = m.ConnectionID
		}
	default:
		t.Fatalf("unknown message %T", m)
	}
	return f
}

func parsedOf(t testing.TB, m *JSONError) map[string]any {
	p := map[string]any{"message": m.Message, "is_fatal": !m.TryAgain, "recovery_disabled": m.RecoveryModeDisabled,
		"should_client_reset": m.ShouldClientReset, "log_url": m.LogURL, "action": m.Action.String(), "backoff": nil, "partition_query": nil,
		"previous_schema_version": nil, "rejected_updates": []any{}, "compensating_write_server_version": nil, "rejected_client_version": "0"}
	if b := m.Backoff; b != nil {
		p["backoff"] = map[string]any{"interval_s": signed(int64(b.IntervalSec)), "max_s": signed(int64(b.MaxDelaySec)), "multiplier": signed(int64(b.Multiplier))}
	}
	if m.Code == CodeMigrateToFLX {
		p["partition_query"] = m.PartitionQuery
	}
	if m.Code == CodeSchemaVersionChanged {
		p["previous_schema_version"] = decimal(m.PreviousSchemaVersion)
	}
	if r := m.Rejected; r != nil {
		p["rejected_client_version"] = decimal(r.ClientVersion)
		if r.ServerVersion != 0 {
			p["compensating_write_server_version"] = decimal(r.ServerVersion)
		}
		list := []any{}
		for _, u := range r.Updates {
			list = append(list, map[string]any{"table": u.Table, "pk": keyOf(t, u.PrimaryKey), "reason": u.Reason})
		}
		p["rejected_updates"] = list
	}
	return p
}

// keyOf decodes a stand-alone primary key.
func keyOf(t testing.TB, b []byte) any {
	require.NotEmpty(t, b)
	switch rest := b[1:]; b[0] {
	case 0:
		return nil
	case 1:
		magnitude, negative, n := keyVarint(rest)
		require.Equal(t, len(rest), n)
		if negative {
			return map[string]any{"int": signed(-int64(magnitude) - 1)}
		}
		return map[string]any{"int": decimal(magnitude)}
	case 3:
		length, _, n := keyVarint(rest)
		require.Equal(t, int(length), len(rest)-n)
		return map[string]any{"string": string(rest[n:])}
	case 10:
		return map[string]any{"objectId": hex.EncodeToString(rest)}
	default:
		h := hex.EncodeToString(rest)
		return map[string]any{"uuid": h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]}
	}
}

// TestPrimaryKeyVectors reads the stand-alone keys of the changeset vectors, which are not in testdata.
func TestPrimaryKeyVectors(t *testing.T) {
	if _, err := vectors.Path("changeset/base64_pk.jsonl"); err != nil {
		t.Skip("no changeset vectors here")
	}
	readLines(t, "changeset/base64_pk.jsonl", func(line []byte) {
		var v struct {
			Name, Base64, Error string
			PK                  any
		}
		require.NoError(t, json.Unmarshal(line, &v))
		key, err := decodePrimaryKey(v.Base64)
		if v.Error != "" {
			require.Error(t, err, v.Name)
			return
		}
		require.NoError(t, err, v.Name)
		require.Equal(t, v.PK, keyOf(t, key), v.Name)
	})
}
