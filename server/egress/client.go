package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
)

const (
	// DefaultTimeout is the most that a request may take, its redirects included.
	DefaultTimeout = 10 * time.Second
	// MaxBody is the most that an answer may have, in bytes.
	MaxBody = 512 << 10
	// maxHeads is the most that the headers of an answer may have, in bytes.
	maxHeads = 64 << 10
	// maxRedirects is how many a GET follows.
	maxRedirects = 3
)

// ErrPrivate is matched by the error of a request that would go to an address that is not public.
var ErrPrivate = errors.New("led to an address that is not public")

// Client makes requests. It is safe for concurrent use and keeps no connections.
type Client struct {
	timeout time.Duration
	first   *http.Client // to the address that was configured
	next    *http.Client // to an address that a server named: a public one
}

// New makes a client. roots are the authorities to trust, nil for the system's; timeout 0 means DefaultTimeout.
func New(roots *x509.CertPool, timeout time.Duration) *Client {
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	make := func(control func(string, string, syscall.RawConn) error, proxy func(*http.Request) (*url.URL, error)) *http.Client {
		return &http.Client{
			Transport: &http.Transport{
				Proxy:                  proxy,
				DialContext:            (&net.Dialer{Timeout: timeout, Control: control}).DialContext,
				TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
				DisableKeepAlives:      true,
				MaxResponseHeaderBytes: maxHeads,
				ForceAttemptHTTP2:      true,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	// Through a proxy the address that is dialed would be the proxy's: redirects go without one.
	return &Client{timeout: timeout, first: make(nil, http.ProxyFromEnvironment), next: make(dialOnly(Public), nil)}
}

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Get reads a page, and follows a few redirects.
func (c *Client) Get(ctx context.Context, address string) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	client := c.first
	for range maxRedirects + 1 {
		a, err := c.do(ctx, client, http.MethodGet, address, nil)
		if err != nil || a.Status < 300 || a.Status >= 400 {
			return a, err
		}
		base, err := url.Parse(address)
		if err != nil {
			return Answer{}, errors.New("the address is no URL")
		}
		to, err := base.Parse(a.Header.Get("Location"))
		if err != nil || a.Header.Get("Location") == "" {
			return Answer{}, errors.New("a redirect leads nowhere")
		}
		address, client = to.String(), c.next
	}
	return Answer{}, fmt.Errorf("it was redirected more than %d times", maxRedirects)
}

// PostForm sends a form and follows no redirect: secrets may be in it.
func (c *Client) PostForm(ctx context.Context, address string, form url.Values) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	a, err := c.do(ctx, c.first, http.MethodPost, address, form)
	if err == nil && a.Status >= 300 && a.Status < 400 {
		err = errors.New("it was redirected")
	}
	return a, err
}

// do makes one request. Its errors don't have the address's query, in which there may be a secret.
func (c *Client) do(ctx context.Context, client *http.Client, method, address string, form url.Values) (Answer, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return Answer{}, errors.New("the address must be https://HOST...")
	}
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return Answer{}, errors.New("the address must be https://HOST...")
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "realm-sync-server")
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := client.Do(request)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err // without the URL
		}
		return Answer{}, fmt.Errorf("%s did not answer: %w", u.Hostname(), err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, MaxBody+1))
	switch {
	case err != nil:
		return Answer{}, fmt.Errorf("reading the answer of %s: %w", u.Hostname(), err)
	case len(body) > MaxBody:
		return Answer{}, fmt.Errorf("the answer of %s has more than %d bytes", u.Hostname(), MaxBody)
	}
	return Answer{Status: response.StatusCode, Header: response.Header, Body: body}, nil
}
