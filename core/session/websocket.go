package session

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/coder/websocket"

	"realmsync/core/outbound"
	"realmsync/core/wire"
)

// WebSocketOptions configure the built-in Dialer.
type WebSocketOptions struct {
	UserAgent        string   // "" is DefaultUserAgent
	Protocols        []string // the sub-protocols that are offered; nil: those of wire, of which the server must choose one
	ReadLimit        int64    // longest message that is read, in bytes; 0 is wire.ClientLimits
	outbound.Options          // Headers are added to the upgrade request
}

// DefaultUserAgent is what the built-in Dialer calls itself.
const DefaultUserAgent = "RealmSync/14.11.0 RealmCpp/2.2.0"

// NewWebSocketDialer returns the Dialer that goes to the network, on coder/websocket: HTTP/1.1, no compression, TCP_NODELAY. With Options that
// can't be used every Dial fails.
func NewWebSocketDialer(opt WebSocketOptions) Dialer {
	d := &webSocketDialer{limit: opt.ReadLimit, header: http.Header{}, protocols: opt.Protocols}
	if d.limit <= 0 {
		d.limit = int64(wire.ClientLimits().Message)
	}
	d.header.Set("User-Agent", DefaultUserAgent)
	for k, v := range opt.Headers {
		d.header.Set(k, v)
	}
	if opt.UserAgent != "" {
		d.header.Set("User-Agent", opt.UserAgent)
	}
	transport, err := opt.Transport()
	if err != nil {
		d.broken = err
		return d
	}
	transport.DisableKeepAlives = true // a refused upgrade leaves no connection behind
	transport.Protocols = new(http.Protocols)
	transport.Protocols.SetHTTP1(true)
	d.client = &http.Client{
		Transport: transport,
		// Where a redirect leads is the location endpoint's business (wire-protocol 1.5).
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return d
}

type webSocketDialer struct {
	client    *http.Client
	header    http.Header
	protocols []string // nil: wire's
	limit     int64
	broken    error // of the options
}

// Dial implements Dialer.
func (d *webSocketDialer) Dial(ctx context.Context, address string) (Socket, error) {
	if d.broken != nil {
		return nil, &DialError{Kind: FailedConnect, Reason: d.broken.Error()}
	}
	offered := d.protocols
	if offered == nil {
		offered = wire.OfferedSubprotocols()
	}
	// realm and realms are the original's other names of ws and wss.
	if rest, ok := strings.CutPrefix(address, "realm"); ok {
		address = "ws" + rest
	}
	var stage dialStage
	conn, resp, err := websocket.Dial(httptrace.WithClientTrace(ctx, stage.trace()), address, &websocket.DialOptions{
		HTTPClient:      d.client,
		HTTPHeader:      d.header.Clone(),
		Subprotocols:    offered,
		CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		return nil, stage.explain(resp, err)
	}
	if d.protocols == nil {
		if _, err := wire.AcceptSubprotocol(conn.Subprotocol()); err != nil {
			_ = conn.CloseNow()
			return nil, &DialError{Kind: FailedNegotiation, Reason: err.Error()}
		}
	}
	conn.SetReadLimit(d.limit)
	s := &webSocket{ctx: ctx, conn: conn}
	context.AfterFunc(ctx, func() { _ = conn.CloseNow() })
	return s, nil
}

// dialStage notes where an attempt failed. The hooks may run on other goroutines, and after Dial has returned.
type dialStage struct{ resolve, tls atomic.Bool }

func (s *dialStage) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		DNSDone:          func(i httptrace.DNSDoneInfo) { s.resolve.Store(i.Err != nil) },
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) { s.tls.Store(err != nil) },
	}
}

// explain turns a failed Dial into a *DialError without the URL, which contains the token.
func (s *dialStage) explain(resp *http.Response, err error) *DialError {
	if resp == nil {
		e := &DialError{Kind: FailedConnect, Reason: rootCause(err)}
		switch {
		case s.resolve.Load():
			e.Kind = FailedResolve
		case s.tls.Load():
			e.Kind = FailedTLS
		case strings.Contains(e.Reason, "malformed HTTP"):
			e.Kind = FailedUpgrade
		}
		return e
	}
	e := &DialError{Kind: FailedUpgrade, Status: resp.StatusCode, Reason: "the server answered the WebSocket upgrade with " + resp.Status}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		e.Reason = rootCause(err)
		if _, err := wire.AcceptSubprotocol(resp.Header.Get("Sec-WebSocket-Protocol")); err != nil {
			e.Kind, e.Reason = FailedNegotiation, err.Error()
		}
		return e
	}
	if resp.Body != nil {
		e.Body, _ = io.ReadAll(io.LimitReader(resp.Body, 8192))
	}
	return e
}

// rootCause is the text of an error of net/http without its URL.
func rootCause(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err.Error()
	}
	return err.Error()
}

type webSocket struct {
	ctx  context.Context //nolint:containedctx // the life of the socket, as Dialer has it
	conn *websocket.Conn
}

// Subprotocol returns what the server chose.
func (s *webSocket) Subprotocol() string { return s.conn.Subprotocol() }

// Read implements Socket. Text messages are skipped, as the original does.
func (s *webSocket) Read() ([]byte, error) {
	for {
		kind, msg, err := s.conn.Read(s.ctx)
		if err != nil {
			var closed websocket.CloseError
			if errors.As(err, &closed) {
				return nil, &CloseError{Code: wire.CloseCode(closed.Code), Reason: closed.Reason}
			}
			if errors.Is(err, websocket.ErrMessageTooBig) {
				return nil, &CloseError{Code: wire.CloseProtocolError, Reason: err.Error()}
			}
			return nil, err
		}
		if kind == websocket.MessageBinary {
			return msg, nil
		}
	}
}

// Write implements Socket.
func (s *webSocket) Write(msg []byte) error { return s.conn.Write(s.ctx, websocket.MessageBinary, msg) }
