package sync

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"

	"github.com/coder/websocket"

	"realmsync/core/wire"
	"realmsync/server/auth"
)

// ServeHTTP implements http.Handler: it answers an upgrade request. The connection is served until it ends by a goroutine of its own, so that net/http's, which has grown
// by then, and the request are not held as long as that. The app is the request's path value "app", the token the query's baas_at (spec/wire-protocol.md sections 1.1 to
// 1.5).
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.begin() {
		s.refuse(w, http.StatusServiceUnavailable, "the server is shutting down")
		return
	}
	served := false // by the goroutine, which gives up what is held then
	defer func() {
		if !served {
			s.serving.Done()
		}
	}()
	token, version, err := wire.ChooseSubprotocol(r.Header.Values("Sec-WebSocket-Protocol"), minVersion)
	if err != nil {
		// Before 101: a client that is told after it may not survive it.
		var mismatch *wire.NegotiationError
		text := err.Error()
		if errors.As(err, &mismatch) {
			text = mismatch.Body()
		}
		w.Header().Set("Connection", "close")
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(text))
		return
	}
	appID, access := r.PathValue("app"), r.URL.Query().Get(wire.TokenQuery)
	revocations := s.revocations.Load()
	ctx, cancel := s.until(r.Context())
	defer cancel()
	who, err := s.cfg.Auth.Authenticate(ctx, appID, access)
	if err != nil {
		s.refuseIdentity(w, appID, err)
		return
	}
	a, err := s.acquire(ctx, appID, who.Strict)
	if err != nil {
		s.log.Error("a connection was refused: its app can't be opened", "app", appID, "error", err)
		s.refuse(w, http.StatusServiceUnavailable, "the data of the app can't be opened; the server's log says why")
		return
	}
	defer func() {
		if !served {
			s.release(a)
		}
	}()
	w.Header().Set("Sec-WebSocket-Protocol", token)
	// Now, and not when the client has its answer: by then it may have given this connection up and be on its next, which must have the higher number.
	number := s.connections.Add(1)
	var raw net.Conn
	ws, err := websocket.Accept(smallBuffers{w, &raw}, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true, // the token decides; package api has looked at the origin of what a browser sends
		CompressionMode:    websocket.CompressionDisabled,
	})
	if err != nil {
		s.log.Debug("an upgrade failed", "app", appID, "error", err)
		return // it has been answered
	}
	ws.SetReadLimit(int64(s.cfg.Limits.Message))
	c := newConn(s, a.app, ws, who, version, r.RemoteAddr, number)
	if id := w.Header().Get("X-Appservices-Request-Id"); id != "" {
		c.log = c.log.With(slog.String("request", id)) // of the upgrade: the log of the HTTP API has it too
	}
	c.readOut = func() { readOut(c.ctx, raw) }
	c.entered = func() error {
		if s.revocations.Load() == revocations {
			return nil
		}
		_, err := s.cfg.Auth.Authenticate(c.ctx, appID, access)
		return err
	}
	served = true
	go func() {
		defer s.serving.Done()
		defer s.release(a)
		defer c.survive()
		c.serve()
	}()
}

// survive keeps a defect that one client's messages bring to light from ending the service of all others: the connection ends.
func (c *conn) survive() {
	if p := recover(); p != nil {
		c.log.Error("a connection was dropped: a defect was met", slog.String("panic", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))
		_ = c.ws.CloseNow()
	}
}

// until returns a context that ends with another one, and when Drain cuts off.
func (s *Server) until(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	unlink := context.AfterFunc(s.ctx, cancel)
	return ctx, func() {
		unlink()
		cancel()
	}
}

// refuseIdentity answers with the status by which a client knows what to do about its token.
func (s *Server) refuseIdentity(w http.ResponseWriter, app string, err error) {
	var unknown *auth.ErrUnknownApp
	switch {
	case errors.As(err, &unknown):
		s.refuse(w, http.StatusNotFound, unknown.Error())
	case errors.Is(err, auth.ErrInvalidSession):
		s.refuse(w, http.StatusUnauthorized, "the access token is missing, malformed or no longer good; refresh it")
	case errors.Is(err, auth.ErrForbidden):
		s.refuse(w, http.StatusForbidden, "the access token is not for this app, or its user was removed; log in again")
	default:
		s.log.Error("a connection was refused: its token can't be checked", "app", app, "error", err)
		s.refuse(w, http.StatusInternalServerError, "the access token can't be checked now")
	}
}

// refuse answers an upgrade with an error. The body is short: clients read at most 8 KiB of it.
func (s *Server) refuse(w http.ResponseWriter, status int, text string) {
	body, _ := json.Marshal(map[string]string{"error": text})
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
