package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/auth"
	"realmsync/server/ejson"
	"realmsync/server/excerpt"
)

// Collections calls the operations of an app's data sources (app-services 7.4). Package server/data implements it.
type Collections interface {
	Call(ctx context.Context, app string, caller *auth.Caller, service, method string, arg bson.D) (any, error)
}

// callFunction answers POST .../functions/call (7.3): with a service it is an operation of a data source, otherwise a function of the
// app. The result is labelled so that clients look for no error in it, and there is always one: no body would be an error too.
func (s *Server) callFunction(c *call) error {
	bearer, err := s.accessCaller(c)
	if err != nil {
		return err
	}
	body, err := c.members()
	if err != nil {
		return err
	}
	t, err := body.texts("name", "service")
	if err != nil {
		return err
	}
	args, err := body.array("arguments")
	if err != nil {
		return err
	}
	caller, err := s.auth.Caller(c.r.Context(), bearer.App, bearer.UserID)
	if errors.Is(err, auth.ErrUserNotFound) { // deleted just now
		err = auth.ErrInvalidSession.Because(err)
	}
	if err != nil {
		return err
	}
	caller.Request = requestOf(c.r)
	result, err := s.invoke(c, caller, t[0], t[1], args)
	if err != nil {
		return functionError(c.r.Context(), err)
	}
	text, err := ejson.Marshal(result)
	if err != nil {
		return &refusal{Status: http.StatusBadRequest, Code: "FunctionExecutionError", Text: "the function's result cannot be written as extended JSON", Cause: err}
	}
	if len(text) > maxResult {
		return &refusal{Status: http.StatusBadRequest, Code: "FunctionExecutionError", Text: fmt.Sprintf("the function's result has %d bytes, at most %d are sent", len(text), maxResult)}
	}
	return s.writeResult(c, caller.UserID, http.StatusOK, text)
}

// maxResult is the most that a function's result may have, in bytes of extended JSON (13.8).
const maxResult = 16 << 20

func (s *Server) invoke(c *call, caller *auth.Caller, name, service string, args bson.A) (any, error) {
	if service == "" {
		if s.functions == nil {
			return nil, auth.FunctionNotFound(name)
		}
		return s.functions.Call(c.r.Context(), c.app.ID, caller, name, args)
	}
	if s.collections == nil {
		return nil, serviceNotFound(service)
	}
	var arg bson.D
	if len(args) > 0 {
		var ok bool
		if arg, ok = args[0].(bson.D); !ok {
			return nil, badRequest("the argument of '%s' must be a document", short(name))
		}
	}
	if len(args) > 1 {
		return nil, badRequest("'%s' takes one argument", short(name))
	}
	return s.collections.Call(c.r.Context(), c.app.ID, caller, service, name, arg)
}

// functionError maps what a call failed with (2.4): what a function threw is the client's to know, the server's own errors are not.
func functionError(ctx context.Context, err error) error {
	var known *refusal
	if errors.As(err, &known) {
		return err
	}
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return &refusal{Status: http.StatusBadRequest, Code: "ExecutionTimeLimitExceeded", Text: "execution time limit exceeded", Cause: err}
	}
	return auth.FunctionFailed(err)
}

// push answers the registration for push notifications (7.6): it is taken for a service that the app has, and nothing is sent.
func (s *Server) push(c *call) error {
	bearer, err := s.accessCaller(c)
	if err != nil {
		return err
	}
	config, err := s.auth.AppConfig(c.r.Context(), bearer.App)
	if err != nil {
		return err
	}
	if service := config.Service(c.params["service"]); service == nil || service.IsData() {
		return serviceNotFound(c.params["service"])
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

func serviceNotFound(name string) error {
	return &refusal{Status: http.StatusNotFound, Code: "ServiceNotFound", Text: "service not found: '" + short(name) + "'"}
}

// short bounds what is repeated of a client's text.
func short(s string) string { return clip(s, 128) }

// clip bounds a text, in bytes.
func clip(s string, most int) string { return excerpt.Of(s, most) }
