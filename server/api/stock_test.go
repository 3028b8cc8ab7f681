package api

import (
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/appconfig"
	"realmsync/server/auth"
)

// exchange is one request of a recording, and what its client reads of the answer.
type exchange struct {
	title  string
	head   []string // without line ends
	body   string
	status int
	kind   string // Content-Type; "-": no body
	expect []string
}

// readRecording reads testdata/stock-client.txt, which describes its form.
func readRecording(t *testing.T, path string) (out []exchange) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	parts := strings.Split("\n"+string(text), "\n> ")
	for _, part := range parts[1:] {
		request, answer, ok := strings.Cut(part, "\n< ")
		require.True(t, ok, part)
		head, body, ok := strings.Cut(request+"\n", "\n\n")
		require.True(t, ok, part)
		title, head, _ := strings.Cut(head, "\n")
		e := exchange{title: title, head: strings.Split(head, "\n"), body: strings.TrimSuffix(body, "\n")}
		lines := strings.Split(strings.TrimRight(answer, "\n"), "\n")
		status, kind, _ := strings.Cut(lines[0], " ")
		e.status, err = strconv.Atoi(status)
		require.NoError(t, err, part)
		e.kind, e.expect = kind, lines[1:]
		out = append(out, e)
	}
	return out
}

// variables are the texts that differ from run to run.
type variables map[string]string

var variablePattern = regexp.MustCompile(`\{[a-z][a-z0-9]*\}`)

func (v variables) fill(text string) string {
	return variablePattern.ReplaceAllStringFunc(text, func(name string) string {
		if value, ok := v[name[1:len(name)-1]]; ok {
			return value
		}
		return name
	})
}

// What a stock client sends is answered with what it reads, request by request, each on a connection of its own.
func TestStockClient(t *testing.T) {
	data, endpoint := &lateData{}, &lateSync{}
	f := open(t, func(s *setup) { production(s); data.plan(s); endpoint.plan(s) })
	data.attach(f)
	endpoint.attach(f)
	f.suiteFunctions()
	f.suiteTokens()
	f.program("throws", func(*auth.Caller, bson.A) (any, error) { return nil, &auth.FunctionError{Message: "a message"} })
	f.program("nothing", func(*auth.Caller, bson.A) (any, error) { return nil, nil })
	require.NoError(t, f.auth.SetProviderDisabled(t.Context(), f.app, "api-key", false))
	f.configure(func(c *appconfig.Config) {
		c.Services = append(c.Services, appconfig.Service{ID: appconfig.FixedID("gcm"), Name: "gcm", Type: "gcm", Version: 1})
	})
	f.secret(password)
	host, port, _ := strings.Cut(f.addr, ":")
	v := variables{
		"base": f.base, "host": host, "port": port, "accept": "PD00nYML+XC/HkyPp76xJqS9clA=", // of the key that the recording has (RFC 6455 1.3)
		"jwt": f.customJWT(hs256, strings.Replace(f.claims(testApp, "external-id", 3600e9), `"aud"`, `"iat":1,"aud"`, 1), jwtSecret),
	}
	recording := readRecording(t, "testdata/stock-client.txt")
	require.Greater(t, len(recording), 50)
	for _, e := range recording {
		e.play(f, v)
	}
}

func (e *exchange) play(f *fixture, v variables) {
	t := f.t
	t.Helper()
	body := v.fill(e.body)
	v["length"] = strconv.Itoa(len(body))
	text := v.fill(strings.Join(e.head, "\r\n")) + "\r\n\r\n" + body
	method, rest, _ := strings.Cut(text, " ")
	if length := regexp.MustCompile(`(?m)^Content-Length: (\d+)\r$`).FindStringSubmatch(text); length != nil {
		require.Equal(t, strconv.Itoa(len(body)), length[1], "%s: the recording's length is not that of its body", e.title)
	}
	a := f.raw(method, text)
	require.Equal(t, e.status, a.status, "%s: %s", e.title, a.body)
	if e.status != http.StatusSwitchingProtocols {
		path, _, _ := strings.Cut(strings.TrimPrefix(rest, f.base), " ")
		path, _, _ = strings.Cut(path, "?")
		f.check(request{path: path}, a) // what holds for every answer, and its secrets
	}
	if e.kind == "-" {
		require.Empty(t, a.body, e.title)
	} else {
		require.Equal(t, []string{e.kind}, a.header.Values("Content-Type"), e.title)
	}
	for _, line := range e.expect {
		e.holds(f, a, v, line)
	}
}

// holds checks one line of what the client reads.
func (e *exchange) holds(f *fixture, a answer, v variables, line string) {
	t := f.t
	t.Helper()
	what := e.title + ": " + line + ": " + a.body
	path, want, _ := strings.Cut(line, " ")
	switch path {
	case "body":
		require.Equal(t, v.fill(want), a.body, what)
		return
	case "header":
		name, value, _ := strings.Cut(want, " ")
		require.Equal(t, v.fill(value), a.header.Get(name), what)
		return
	}
	want, name, _ := strings.Cut(want, " -> ")
	raw := member(json.RawMessage(a.body), path)
	require.NotNil(t, raw, what)
	var text string
	isText := json.Unmarshal(raw, &text) == nil
	switch want {
	case "string":
		require.True(t, isText && text != "", what)
	case "hex24":
		require.Regexp(t, hexID, text, what)
		require.NotEqual(t, strings.Repeat("0", 24), text, what)
	case "jwt":
		require.NoError(t, clientReads(text), what)
		f.secret(text)
	case "object":
		require.Equal(t, byte('{'), raw[0], what)
	case "array":
		require.Equal(t, byte('['), raw[0], what)
	case "bool":
		require.Contains(t, []string{"true", "false"}, string(raw), what)
	default:
		require.Equal(t, v.fill(want), strings.ReplaceAll(strings.ReplaceAll(string(raw), `\u003e`, ">"), `\u0026`, "&"), what)
	}
	if name != "" {
		v[name] = text
	}
}

// member returns what is at a path of names and indices; nil if there is nothing.
func member(raw json.RawMessage, path string) json.RawMessage {
	for name := range strings.SplitSeq(path, ".") {
		var list []json.RawMessage
		if i, err := strconv.Atoi(name); err == nil && json.Unmarshal(raw, &list) == nil && i < len(list) {
			raw = list[i]
			continue
		}
		var members map[string]json.RawMessage
		if json.Unmarshal(raw, &members) != nil || members[name] == nil {
			return nil
		}
		raw = members[name]
	}
	return raw
}

// clientReads is what Realm Core demands of a token (5.2): three parts, none of them empty, and exp and iat, which are integers.
func clientReads(token string) error {
	var claims struct {
		Exp *int64 `json:"exp"`
		Iat *int64 `json:"iat"`
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 || parts[0] == "" || parts[2] == "" {
		return jwt.ErrTokenMalformed
	}
	middle, err := jwt.NewParser().DecodeSegment(parts[1])
	if err != nil {
		return err
	}
	if err := json.Unmarshal(middle, &claims); err != nil {
		return err
	}
	if claims.Exp == nil || claims.Iat == nil {
		return jwt.ErrTokenRequiredClaimMissing
	}
	return nil
}
