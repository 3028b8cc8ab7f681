package worker

import (
	"context"
	"encoding/json"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/functions/script"
)

// host is script.Host in a worker: it asks the server.
type host struct {
	c        *child
	call     uint32
	services []string
}

// ask sends what is asked for, and waits for the answer.
func (h *host) ask(ctx context.Context, what askBody) (*replyBody, error) {
	what.Call = h.call
	answer := make(chan []byte, 1)
	h.c.mu.Lock()
	h.c.asked++
	number := h.c.asked
	h.c.pending[number] = answer
	h.c.mu.Unlock()
	defer func() {
		h.c.mu.Lock()
		delete(h.c.pending, number)
		h.c.mu.Unlock()
	}()
	if err := h.c.send(kindAsk, number, what); err != nil {
		return nil, &script.ThrownError{Text: "what was asked for cannot be sent: " + err.Error()}
	}
	select {
	case body := <-answer:
		var r replyBody
		if err := bson.Unmarshal(body, &r); err != nil {
			return nil, err
		}
		return &r, r.Error.err()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (h *host) function(ctx context.Context, what askBody) (*script.Function, error) {
	r, err := h.ask(ctx, what)
	if err != nil || r.Function == nil {
		return nil, err
	}
	return h.c.function(r.Function)
}

// Function implements script.Host.
func (h *host) Function(ctx context.Context, name string, args bson.A) (*script.Function, error) {
	return h.function(ctx, askBody{What: askFunction, Name: name, Args: args})
}

// Module implements script.Host.
func (h *host) Module(ctx context.Context, name string) (*script.Function, error) {
	return h.function(ctx, askBody{What: askModule, Name: name})
}

// Data implements script.Host.
func (h *host) Data(ctx context.Context, system bool, service, method string, arg bson.D) (any, error) {
	r, err := h.ask(ctx, askBody{What: askData, System: system, Service: service, Method: method, Args: arg})
	if err != nil {
		return nil, err
	}
	return r.Value, nil
}

// Value implements script.Host.
func (h *host) Value(ctx context.Context, name string) (any, bool, error) {
	r, err := h.ask(ctx, askBody{What: askValue, Name: name})
	if err != nil {
		return nil, false, err
	}
	return r.Value, r.Found, nil
}

// IsService implements script.Host.
func (h *host) IsService(name string) bool { return slices.Contains(h.services, name) }

// HTTP implements script.Host.
func (h *host) HTTP(ctx context.Context, request script.HTTPRequest) (script.HTTPResponse, error) {
	r, err := h.ask(ctx, askBody{What: askHTTP, HTTP: &request})
	if err != nil || r.HTTP == nil {
		return script.HTTPResponse{}, err
	}
	return *r.HTTP, nil
}

// Log implements script.Host.
func (h *host) Log(l script.Line) {
	_ = h.c.send(kindLog, h.call, logBody{l.Level, l.Text}) // the process ends with its pipe
}

func raw(m map[string]string) map[string]json.RawMessage {
	out := make(map[string]json.RawMessage, len(m))
	for name, text := range m {
		out[name] = json.RawMessage(text)
	}
	return out
}
