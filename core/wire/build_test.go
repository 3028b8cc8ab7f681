package wire

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// fieldReader takes values out of the fields of a vector.
type fieldReader struct {
	t testing.TB
	f map[string]any
}

func (r fieldReader) text(key string) string {
	s, ok := r.f[key].(string)
	require.True(r.t, ok, "%s: %v", key, r.f[key])
	return s
}

func (r fieldReader) uint(key string) uint64 {
	v, err := strconv.ParseUint(r.text(key), 10, 64)
	require.NoError(r.t, err)
	return v
}

func (r fieldReader) int(key string) int64 {
	v, err := strconv.ParseInt(r.text(key), 10, 64)
	require.NoError(r.t, err)
	return v
}

func (r fieldReader) code() ErrorCode { return ErrorCode(r.int("code")) }

func (r fieldReader) truth(key string) bool {
	b, ok := r.f[key].(bool)
	require.True(r.t, ok, key)
	return b
}

func (r fieldReader) bytes(key string) []byte {
	b, err := hex.DecodeString(r.text(key))
	require.NoError(r.t, err)
	return b
}

func (r fieldReader) entries() []fieldReader {
	var list []fieldReader
	for _, e := range r.f["changesets"].([]any) {
		list = append(list, fieldReader{r.t, e.(map[string]any)})
	}
	return list
}

// messageOf builds the message of a vector from its fields alone.
func messageOf(t testing.TB, v vector) Message {
	r := fieldReader{t, v.Fields}
	switch v.Direction + " " + v.Name {
	case "c2s bind":
		return &Bind{Session: r.uint("sid"), Data: []byte(r.text("data")), Token: r.text("token"), NeedIdent: r.truth("need_ident"), IsSubserver: r.truth("is_subserver")}
	case "c2s ident":
		return &Ident{Session: r.uint("sid"), FileIdent: r.uint("file_ident"), Salt: r.int("file_ident_salt"),
			Download:     DownloadCursor{r.uint("download_server_version"), r.uint("download_client_version")},
			Latest:       LatestServerVersion{r.uint("latest_server_version"), r.int("latest_server_version_salt")},
			QueryVersion: r.int("query_version"), Query: []byte(r.text("query"))}
	case "c2s query":
		return &Query{Session: r.uint("sid"), Version: r.int("query_version"), Body: []byte(r.text("query"))}
	case "c2s upload":
		m := &Upload{Session: r.uint("sid"), Progress: UploadCursor{r.uint("progress_client_version"), r.uint("progress_server_version")}, LockedServerVersion: r.uint("locked_server_version")}
		for _, e := range r.entries() {
			m.Entries = append(m.Entries, UploadEntry{e.uint("client_version"), e.uint("server_version"), e.uint("origin_timestamp"), e.uint("origin_file_ident"), e.bytes("changeset")})
		}
		return m
	case "c2s mark", "s2c mark":
		return &Mark{Session: r.uint("sid"), Request: r.uint("req")}
	case "c2s unbind":
		return &Unbind{Session: r.uint("sid")}
	case "c2s ping":
		return &Ping{Timestamp: r.int("timestamp"), RTT: r.int("rtt")}
	case "c2s json_error":
		return &ClientJSONError{Session: r.uint("sid"), Code: r.code(), Body: []byte(r.text("body"))}
	case "c2s test_command", "s2c test_command":
		return &TestCommand{Session: r.uint("sid"), Request: r.uint("req"), Body: []byte(r.text("body"))}
	case "s2c ident":
		return &ServerIdent{Session: r.uint("sid"), FileIdent: r.uint("file_ident"), Salt: r.int("salt")}
	case "s2c download":
		m := &Download{Session: r.uint("sid"), QueryVersion: r.int("query_version"), BatchState: BatchState(r.uint("batch_state")), Estimate: r.f["progress"].(float64),
			Progress: Progress{Download: DownloadCursor{r.uint("download_server_version"), r.uint("download_client_version")},
				Latest: LatestServerVersion{r.uint("latest_server_version"), r.int("latest_server_version_salt")},
				Upload: UploadCursor{r.uint("upload_client_version"), r.uint("upload_server_version")}}}
		for _, e := range r.entries() {
			m.Entries = append(m.Entries, DownloadEntry{e.uint("server_version"), e.uint("client_version"), e.uint("origin_timestamp"), e.uint("origin_file_ident"), e.uint("original_size"), e.bytes("changeset")})
		}
		return m
	case "s2c unbound":
		return &Unbound{Session: r.uint("sid")}
	case "s2c pong":
		return &Pong{Timestamp: r.int("timestamp")}
	case "s2c error":
		return &Error{Session: r.uint("sid"), Code: r.code(), TryAgain: r.truth("try_again"), Text: []byte(r.text("message"))}
	case "s2c json_error":
		return jsonErrorOf(t, r)
	case "s2c query_error":
		return &QueryError{Session: r.uint("sid"), Code: r.code(), QueryVersion: r.int("query_version"), Text: []byte(r.text("message"))}
	case "s2c log_message":
		m := &LogMessage{Session: r.uint("sid")}
		m.Message, _ = r.f["msg"].(string)
		m.ConnectionID, _ = r.f["co_id"].(string)
		for i, name := range levelNames {
			if name == r.f["level"] {
				m.Level = LogLevel(i)
			}
		}
		return m
	}
	t.Fatalf("unknown message %s %s", v.Direction, v.Name)
	return nil
}

func jsonErrorOf(t testing.TB, r fieldReader) *JSONError {
	p := fieldReader{t, r.f["parsed"].(map[string]any)}
	m := &JSONError{Session: r.uint("sid"), Code: r.code(), Message: p.text("message"), LogURL: p.text("log_url"), TryAgain: !p.truth("is_fatal"),
		ShouldClientReset: p.truth("should_client_reset"), RecoveryModeDisabled: p.truth("recovery_disabled"), Action: ParseAction(p.text("action"))}
	if b, ok := p.f["backoff"].(map[string]any); ok {
		b := fieldReader{t, b}
		m.Backoff = &Backoff{int32(b.int("interval_s")), int32(b.int("max_s")), int32(b.int("multiplier"))}
	}
	m.PartitionQuery, _ = p.f["partition_query"].(string)
	if p.f["previous_schema_version"] != nil {
		m.PreviousSchemaVersion = p.uint("previous_schema_version")
	}
	if p.text("rejected_client_version") == "0" {
		return m
	}
	m.Rejected = &Rejection{ClientVersion: p.uint("rejected_client_version")}
	if p.f["compensating_write_server_version"] != nil {
		m.Rejected.ServerVersion = p.uint("compensating_write_server_version")
	}
	// Encoding keys is the business of package changeset; the vector's own text has their bytes.
	var body struct {
		RejectedUpdates []struct{ PK string }
	}
	require.NoError(t, json.Unmarshal([]byte(r.text("body")), &body))
	for i, u := range p.f["rejected_updates"].([]any) {
		u := fieldReader{t, u.(map[string]any)}
		key, err := base64.StdEncoding.DecodeString(body.RejectedUpdates[i].PK)
		require.NoError(t, err)
		m.Rejected.Updates = append(m.Rejected.Updates, RejectedUpdate{Table: u.text("table"), PrimaryKey: key, Reason: u.text("reason")})
	}
	return m
}
