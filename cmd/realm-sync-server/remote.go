package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// remoteFlags say which collection of a running server a command works on, and who asks.
type remoteFlags struct {
	URL        string `default:"http://127.0.0.1:9090" placeholder:"URL" help:"The server (default: ${default})."`
	App        string `required:"" placeholder:"ID" help:"The app id."`
	APIKey     string `name:"api-key" env:"REALM_SYNC_API_KEY" placeholder:"KEY" help:"An API key of the app. Better set in the environment ($$${env})."`
	Token      string `env:"REALM_SYNC_TOKEN" placeholder:"TOKEN" help:"A user's access token, instead of an API key."`
	Service    string `placeholder:"NAME" help:"The data source (default: the one that syncs)."`
	Database   string `placeholder:"NAME" help:"The database (default: the one that syncs)."`
	Collection string `required:"" short:"c" placeholder:"NAME" help:"The collection: a class of the synced database, or another collection."`
}

// remote is the data API of a collection.
type remote struct {
	base   string // up to the collection
	query  url.Values
	header http.Header
	client *http.Client
	pause  time.Duration // before the first repetition; it doubles
}

func (f *remoteFlags) open() (*remote, error) {
	u, err := url.Parse(strings.TrimRight(f.URL, "/"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("--url %s: it must be http://HOST[:PORT] or https://HOST[:PORT]", f.URL)
	}
	r := &remote{
		base:  u.String() + "/api/data/v1/app/" + url.PathEscape(f.App) + "/collections/" + url.PathEscape(f.Collection),
		query: url.Values{}, header: http.Header{}, client: &http.Client{Transport: patient()}, pause: 500 * time.Millisecond,
	}
	switch {
	case f.APIKey != "":
		r.header.Set("apiKey", f.APIKey)
	case f.Token != "":
		r.header.Set("Authorization", "Bearer "+f.Token)
	default:
		return nil, errors.New("--api-key or --token is needed: who asks?")
	}
	for name, text := range map[string]string{"service": f.Service, "database": f.Database} {
		if text != "" {
			r.query.Set(name, text)
		}
	}
	return r, nil
}

func (r *remote) close() { r.client.CloseIdleConnections() }

// patient is a transport that waits two minutes for an answer to begin. An export may take longer to end.
func patient() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = 2 * time.Minute
	return t
}

// maxAnswer bounds what is read of an answer: more than any page has.
const maxAnswer = 512 << 20

// attempts is how often a request is made that the server is too busy for.
const attempts = 6

// errUnsure says that a request was made whose answer didn't come: it may have been carried out.
var errUnsure = errors.New("the server didn't answer")

// do makes a request and returns the body of the answer. What the server refuses is an error with its text, a *refused.
func (r *remote) do(ctx context.Context, method, path string, query url.Values, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	response, err := r.ask(ctx, method, path, query, body)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnsure, err)
	}
	return answer, nil
}

// refused is what the server says no with.
type refused struct {
	text  string
	index int // of the document in the request that it is about; -1: none
}

func (e *refused) Error() string { return e.text }

// ask makes a request, again if the server is too busy, and returns the answer of one that succeeded. The caller closes its body.
func (r *remote) ask(ctx context.Context, method, path string, query url.Values, body []byte) (*http.Response, error) {
	all := url.Values{}
	for _, from := range []url.Values{r.query, query} {
		for name, values := range from {
			all[name] = values
		}
	}
	pause := r.pause
	for attempt := 1; ; attempt++ {
		request, err := http.NewRequestWithContext(ctx, method, r.base+path+"?"+all.Encode(), bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		for name, values := range r.header {
			request.Header[name] = values
		}
		request.Header.Set("Content-Type", "application/json")
		response, err := r.client.Do(request)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errUnsure, err)
		}
		if response.StatusCode < 300 {
			return response, nil
		}
		answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
		_ = response.Body.Close()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errUnsure, err)
		}
		if busy := response.StatusCode == http.StatusTooManyRequests || response.StatusCode == http.StatusServiceUnavailable; busy && attempt < attempts {
			select {
			case <-time.After(pause):
				pause *= 2
				continue
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		var e struct {
			Error string `json:"error"`
			Index *int   `json:"index"`
		}
		if json.Unmarshal(answer, &e) != nil || e.Error == "" {
			e.Error = "the server answers with status " + response.Status
		}
		no := &refused{e.Error, -1}
		if e.Index != nil {
			no.index = *e.Index
		}
		return nil, no
	}
}
