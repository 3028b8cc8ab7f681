package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"time"

	"realmsync/core/outbound"
)

// Request is one HTTP request of an App.
type Request struct {
	Method  string            // GET, POST, PUT, PATCH or DELETE
	URL     string            // absolute
	Header  map[string]string // canonical names; may contain a token in Authorization, so don't log it
	Body    []byte            // may contain a password, so don't log it; nil for none
	Timeout time.Duration     // > 0; the context given with the request ends then
	MaxBody int64             // longest answer body that is of use, in bytes, > 0; a longer one is an error
}

// Response is the answer to a Request.
type Response struct {
	Status int               // HTTP status; 0 with CustomStatus or ClientError set when there was none
	Header map[string]string // names in any case
	Body   []byte

	// CustomStatus, when not 0, says in the transport's own numbers that the request failed (CodeCustomError).
	CustomStatus int
	// ClientError, when not 0, says it with a code of this package; it wins over CustomStatus.
	ClientError Code
}

// header finds a header whatever the case of its name.
func (r *Response) header(name string) string {
	if v, ok := r.Header[name]; ok {
		return v
	}
	for k, v := range r.Header {
		if textproto.CanonicalMIMEHeaderKey(k) == name {
			return v
		}
	}
	return ""
}

// Transport carries requests. Send is called concurrently, on the goroutine of the App's caller. It doesn't follow redirects,
// returns an error unless the whole answer arrived, and should return when the context ends.
type Transport interface {
	Send(ctx context.Context, req *Request) (*Response, error)
}

// HTTPOptions configure the built-in transport.
type HTTPOptions struct {
	UserAgent string // "" is "Realm C++ SDK"
	outbound.Options
}

// HTTPTransport is the built-in Transport, on net/http: any port, bodies of any length up to the request's bound, chunked or
// not, no compression (app-services 1.3).
type HTTPTransport struct {
	client    *http.Client
	userAgent string
	headers   map[string]string
}

// NewHTTPTransport returns a transport with its own connections; Close ends the idle ones. Errors: those of outbound.Options.
func NewHTTPTransport(opt HTTPOptions) (*HTTPTransport, error) {
	t := &HTTPTransport{userAgent: opt.UserAgent, headers: opt.Headers}
	if t.userAgent == "" {
		t.userAgent = "Realm C++ SDK"
	}
	transport, err := opt.Transport()
	if err != nil {
		return nil, err
	}
	transport.ForceAttemptHTTP2 = true
	transport.DisableCompression = true
	transport.MaxIdleConnsPerHost = 4
	transport.IdleConnTimeout = 30 * time.Second
	transport.TLSHandshakeTimeout = 20 * time.Second
	transport.MaxResponseHeaderBytes = 64 << 10
	t.client = &http.Client{
		Transport: transport,
		// The App itself follows the redirects that the protocol knows (app-services 3.4).
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return t, nil
}

// Send implements Transport.
func (t *HTTPTransport) Send(ctx context.Context, req *Request) (*Response, error) {
	var body io.Reader
	if len(req.Body) > 0 {
		body = bytes.NewReader(req.Body)
	}
	h, err := http.NewRequestWithContext(ctx, req.Method, req.URL, body)
	if err != nil {
		return nil, err
	}
	for _, headers := range []map[string]string{t.headers, req.Header} {
		for name, value := range headers {
			h.Header.Set(name, value)
		}
	}
	if h.Header.Get("User-Agent") == "" {
		h.Header.Set("User-Agent", t.userAgent)
	}
	resp, err := t.client.Do(h)
	if err != nil {
		return nil, plainError(err)
	}
	defer resp.Body.Close()
	if resp.ContentLength > req.MaxBody {
		return nil, tooLarge(req, resp.ContentLength)
	}
	out := &Response{Status: resp.StatusCode, Header: make(map[string]string, len(resp.Header))}
	for name := range resp.Header {
		out.Header[name] = resp.Header.Get(name)
	}
	out.Body, err = io.ReadAll(io.LimitReader(resp.Body, req.MaxBody+1))
	if err != nil {
		return nil, fmt.Errorf("the answer of %s broke off: %w", req.URL, err)
	}
	if int64(len(out.Body)) > req.MaxBody {
		return nil, tooLarge(req, int64(len(out.Body)))
	}
	return out, nil
}

// Close ends idle connections. Requests may still be sent.
func (t *HTTPTransport) Close() { t.client.CloseIdleConnections() }

// plainError keeps of net/http's error what helps: url.Error says "Post", the URL and the cause, which is all there is.
func plainError(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return fmt.Errorf("%s: %w", u.URL, u.Err)
	}
	return err
}

func tooLarge(req *Request, size int64) error {
	return fmt.Errorf("the answer of %s has %d bytes or more, at most %d are accepted", req.URL, size, req.MaxBody)
}
