package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

const opFunction = "call a function"

// CallFunction calls a function of the app as the user (app-services 7.3). arguments is a JSON array in extended JSON and goes out as it
// is; the result is the returned value in extended JSON as the server wrote it, "null" when there is none. The result may
// have up to 32 MiB.
//
// Errors: CodeBadBSONParse when arguments isn't a JSON array or the answer isn't JSON; CodeFunctionNotFound,
// CodeFunctionExecutionError and other service codes; CodeClientUserNotLoggedIn.
func (u *User) CallFunction(ctx context.Context, name string, arguments []byte) (json.RawMessage, error) {
	return u.CallServiceFunction(ctx, "", name, arguments)
}

// CallServiceFunction is CallFunction for a function of a service, such as "find" of a data source; "" is no service.
func (u *User) CallServiceFunction(ctx context.Context, service, name string, arguments []byte) (json.RawMessage, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(arguments, &list); err != nil || list == nil {
		return nil, &Error{Code: CodeBadBSONParse, Op: opFunction, Err: err,
			Message: fmt.Sprintf("the arguments of %q are not a JSON array; write [] for none", name)}
	}
	members := []jsonMember{{"arguments", arguments}, member("name", name)}
	if service != "" {
		members = append(members, member("service", service))
	}
	resp, err := u.app.sendAs(ctx, u, call{op: opFunction, method: http.MethodPost, path: appPath(u.app.cfg.AppID) + "/functions/call",
		body: jsonBody(members...), maxBody: maxFunctionBody})
	if err != nil {
		return nil, err
	}
	if !json.Valid(resp.Body) {
		return nil, &Error{Code: CodeBadBSONParse, Status: resp.Status, Op: opFunction,
			Message: fmt.Sprintf("the result of %q (%d bytes) is not JSON", name, len(resp.Body))}
	}
	return resp.Body, nil
}
