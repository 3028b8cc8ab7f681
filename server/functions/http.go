package functions

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"realmsync/server/apierror"
	"realmsync/server/egress"
	"realmsync/server/functions/script"
)

const (
	httpTimeout = 30 * time.Second
	maxHTTPBody = 4 << 20 // bytes of an answer
)

// httpMethods are those that context.http has.
var httpMethods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodHead}

// allowed says whether functions may reach a host.
func (s *Service) allowed(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, pattern := range s.cfg.AllowHosts {
		pattern = strings.ToLower(pattern)
		below, wild := strings.CutPrefix(pattern, "*.")
		if pattern == "*" || pattern == host || wild && strings.HasSuffix(host, "."+below) {
			return true
		}
	}
	return false
}

// HTTP implements worker.Host.
func (h *host) HTTP(ctx context.Context, r script.HTTPRequest) (script.HTTPResponse, error) {
	var out script.HTTPResponse
	if !slices.Contains(httpMethods, r.Method) {
		return out, apierror.New(http.StatusBadRequest, "InvalidParameter", "functions don't make requests of this kind")
	}
	u, err := url.Parse(r.URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		return out, apierror.New(http.StatusBadRequest, "InvalidParameter", "the URL must be http:// or https://HOST...")
	}
	if !h.s.allowed(u.Hostname()) {
		return out, script.ErrHTTPForbidden
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return out, apierror.New(http.StatusBadRequest, "InvalidParameter", "the request cannot be made")
	}
	for name, values := range r.Header {
		for _, v := range values {
			request.Header.Add(name, v)
		}
	}
	response, err := h.s.http.Do(request)
	switch {
	case errors.Is(err, egress.ErrPrivate):
		return out, script.ErrHTTPForbidden
	case err != nil:
		return out, apierror.New(http.StatusBadRequest, "HTTPError", "%s did not answer", u.Hostname()).Because(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxHTTPBody+1))
	if err != nil || len(body) > maxHTTPBody {
		return out, apierror.New(http.StatusBadRequest, "ReadSizeLimitExceeded", "the answer of %s is not whole, or has more than %d bytes", u.Hostname(), maxHTTPBody)
	}
	return script.HTTPResponse{Status: response.StatusCode, StatusText: response.Status, Header: response.Header, Body: body}, nil
}
