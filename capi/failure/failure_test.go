package failure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"realmsync/core/app"
	"realmsync/core/client"
	"realmsync/core/realm"
	"realmsync/core/rql"
	"realmsync/core/schema"
	"realmsync/core/session"
	"realmsync/core/store"
)

const root = "../.."

// The numbers are those of the header.
func TestNumbersAreThoseOfTheHeader(t *testing.T) {
	header, err := os.ReadFile(filepath.Join(root, "include", "realm_sync.h"))
	require.NoError(t, err)
	statuses := 0
	for _, m := range regexp.MustCompile(`REALM_(OK|ERR_[A-Z_]+) = (\d+)`).FindAllStringSubmatch(string(header), -1) {
		var number Status
		_, err := fmt.Sscan(m[2], &number)
		require.NoError(t, err)
		require.NotEqual(t, "unknown status", number.String(), m[1])
		require.NotEmpty(t, number.String(), m[1])
		statuses++
	}
	require.Equal(t, len(names), statuses)
	own, err := os.ReadFile("status.go")
	require.NoError(t, err)
	squeeze := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", "")) }
	for prefix, typ := range map[string]string{"REALM_ERR_": "Status", "REALM_DOMAIN_": "Domain"} {
		for _, m := range regexp.MustCompile(prefix+`([A-Z_]+) = (\d+)`).FindAllStringSubmatch(string(header), -1) {
			name := squeeze(m[1])
			if typ == "Domain" {
				name = "domain" + name
			}
			pattern := regexp.MustCompile(`(?i)\n\t` + name + `\s+` + typ + `\s+= ` + m[2] + `\n`)
			require.Regexp(t, pattern, string(own), m[0])
		}
	}
}

// Every error that a package of the core declares is in a table.
func TestEveryErrorIsInATable(t *testing.T) {
	tables, err := os.ReadFile("tables.go")
	require.NoError(t, err)
	// Those that are translated by their type.
	byType := map[string]bool{"rql": true, "app.ErrNetwork": true, "session.ErrAborted": true, "session.ErrEnded": true, "session.ErrNoSuchSet": true}
	declaration := regexp.MustCompile(`(?m)^(?:var |\t)(Err[A-Z]\w*)(?: error)?\s+=`)
	for _, dir := range []string{"app", "changeset", "client", "realm", "realm/history", "rql", "schema", "session", "store"} {
		files, err := filepath.Glob(filepath.Join(root, "core", dir, "*.go"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		pkg := filepath.Base(dir)
		for _, file := range files {
			source, err := os.ReadFile(file)
			require.NoError(t, err)
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for _, m := range declaration.FindAllStringSubmatch(string(source), -1) {
				name := pkg + "." + m[1]
				if !byType[pkg] && !byType[name] {
					require.Contains(t, string(tables), "{"+name+",", "declared in %s", file)
				}
			}
		}
	}
}

func TestFailures(t *testing.T) {
	_, syntax := rql.Parse("age >")
	require.Error(t, syntax)
	network := &app.Error{Code: app.CodeCustomError, Message: "refused", Op: "log in", Err: fmt.Errorf("%w: refused", app.ErrNetwork)}
	for name, c := range map[string]struct {
		err  error
		want Failure
	}{
		"nil":          {nil, Failure{Name: "OK"}},
		"own":          {Errorf(OutOfRange, "no %d", 3), Failure{Status: OutOfRange, Code: 13, Name: "OutOfBounds", Message: "no 3"}},
		"panic":        {Panic("boom"), Failure{Status: Internal, Code: 30, Name: "InternalError", Message: "defect in librealm_sync, please report this text: boom"}},
		"unknown":      {context.Canceled, Failure{Status: Internal, Code: 30, Name: "InternalError", Message: "context canceled"}},
		"realm":        {realm.ErrClosed, Failure{Status: Closed, Code: 5, Name: "ClosedRealm", Message: "Cannot access realm that has been closed."}},
		"wrapped":      {fmt.Errorf("x: %w", store.ErrNoObject), Failure{Status: NoSuchObject, Code: 8, Name: "NoSuchObject", Message: "x: no such object"}},
		"store":        {&store.Error{Kind: store.ErrAccess, Path: "p", Text: "the disk is full"}, Failure{Status: FileAccess, Code: 18, Name: "FileOperationFailed", Message: "the disk is full"}},
		"schema":       {&schema.ValidationError{Problems: []string{"a"}}, Failure{Status: InvalidSchema, Code: 16, Name: "SchemaValidationFailed", Message: "Schema validation failed due to the following errors:\n- a"}},
		"session gone": {client.ErrSessionGone, Failure{Status: SessionGone, Code: 23, Name: "SessionGone", Message: "Realm: Error accessing sync_session which has been destroyed."}},
		"aborted":      {session.ErrAborted, Failure{Status: Aborted, Domain: DomainSync, Code: 1027, Name: "OperationAborted", Message: "Sync session became inactive"}},
		"sync":         {&session.Error{Domain: session.DomainSync, Code: 231, Name: "SyncCompensatingWrite", Message: "m"}, Failure{Status: Sync, Domain: DomainSync, Code: 231, Name: "SyncCompensatingWrite", Message: "m"}},
		"fatal":        {&session.Error{Domain: session.DomainSync, Code: 208, Name: "SyncClientResetRequired", Message: "m", Fatal: true}, Failure{Status: Sync, Domain: DomainSync, Code: 208, Fatal: true, Name: "SyncClientResetRequired", Message: "m"}},
		"websocket":    {&session.Error{Domain: session.DomainWebSocket, Code: 4401, Name: "SyncConnectFailed", Message: "m"}, Failure{Status: Network, Domain: DomainWebSocket, Code: 4401, Name: "SyncConnectFailed", Message: "m"}},
		"auth":         {&session.Error{Domain: session.DomainApp, Code: 4346, Name: "AuthError", Message: "m", Err: &app.Error{Code: app.CodeInvalidSession}}, Failure{Status: App, Domain: DomainClient, Code: 4346, Name: "AuthError", Message: "m"}},
		"network":      {network, Failure{Status: Network, Domain: DomainClient, Code: 4000, Name: "CustomError", Message: "refused"}},
		"service":      {&app.Error{Code: app.CodeInvalidPassword, Status: 401, ServerCode: "InvalidPassword", Message: "m"}, Failure{Status: App, Domain: DomainService, Code: 401, Name: "InvalidPassword", Message: "m"}},
		"new service":  {&app.Error{Code: app.CodeAppServerError, Status: 400, ServerCode: "BrandNew", Message: "m"}, Failure{Status: App, Domain: DomainService, Code: 400, Name: "BrandNew", Message: "m"}},
		"http":         {&app.Error{Code: app.CodeHTTPError, Status: 502, Message: "m"}, Failure{Status: App, Domain: DomainHTTP, Code: 502, Name: "HTTPError", Message: "m"}},
		"client":       {&app.Error{Code: app.CodeClientUserNotLoggedIn, Message: "m"}, Failure{Status: App, Domain: DomainClient, Code: 4101, Name: "ClientUserNotLoggedIn", Message: "m"}},
		"bad answer":   {&app.Error{Code: app.CodeMalformedJSON, Status: 200, Message: "m"}, Failure{Status: App, Domain: DomainClient, Code: 4201, Name: "MalformedJson", Message: "m"}},
		"app file":     {&app.FileError{Op: "write", Path: "/p", Err: errors.New("no")}, Failure{Status: FileAccess, Code: 18, Name: "FileOperationFailed", Message: `app: cannot write "/p": no`}},
		"app file spoilt": {&app.FileError{Op: "read", Path: "/p", Err: app.ErrCorruptFile}, Failure{Status: FileFormat, Code: 19, Name: "InvalidDatabase",
			Message: `app: cannot read "/p": not a usable user file`}},
		"query limit": {&rql.Error{Class: rql.ErrLimit, Message: "long", Offset: -1}, Failure{Status: InvalidQuery, Code: 15, Name: "QueryLimitExceeded", Message: "long"}},
		"query later": {&rql.Error{Class: rql.ErrUnsupported, Message: "geo", Offset: 7}, Failure{Status: Unsupported, Code: 29, Name: "UnsupportedQuery", Message: "geo (at byte 7 of the query)"}},
	} {
		require.Equal(t, c.want, Of(c.err), name)
	}
	f := Of(syntax)
	require.Equal(t, InvalidQuery, f.Status)
	require.Contains(t, f.Message, "(at byte 5 of the query)")
}

func TestCut(t *testing.T) {
	require.Equal(t, "abc", Cut("abc", 3))
	require.Equal(t, "ab", Cut("abc", 2))
	require.Equal(t, "", Cut("abc", 0))
	require.Equal(t, "a?c", Cut("a\x00c", 5))
	require.Equal(t, "a?", Cut("a\xff", 5))
	require.Equal(t, "ä", Cut("ää", 3))
	require.Equal(t, "", Cut("😀", 3))
	for max := range 20 {
		require.True(t, utf8.ValidString(Cut("aäß😀aäß😀", max)))
	}
}

func FuzzCut(f *testing.F) {
	f.Add("a\x00ä😀\xff", 4)
	f.Fuzz(func(t *testing.T, text string, max int) {
		if max < 0 {
			return
		}
		out := Cut(text, max)
		require.LessOrEqual(t, len(out), max)
		require.True(t, utf8.ValidString(out))
		require.NotContains(t, out, "\x00")
	})
}
