package auth

import (
	"context"
	"errors"
	"net/http"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/appconfig"
)

// call runs a function of an app for the server itself.
func (s *Service) call(ctx context.Context, app *App, name string, args bson.A) (any, error) {
	if s.cfg.Functions == nil {
		return nil, FunctionNotFound(name)
	}
	out, err := s.cfg.Functions.Call(ctx, app.ID, SystemCaller(), name, args)
	return out, FunctionFailed(err)
}

// FunctionFailed turns what a function threw into the refusal that a client is told (app-services 2.4). Other errors stay as they are.
func FunctionFailed(err error) error {
	var thrown *FunctionError
	if errors.As(err, &thrown) {
		text := thrown.Message
		if text == "" {
			text = "the function threw an error without a message"
		}
		return &Error{Status: http.StatusBadRequest, Code: "FunctionExecutionError", Text: clip(text, 4096)}
	}
	return err
}

// functionName returns the name of a function that a configuration names by its name or its id.
func functionName(config *appconfig.Config, name, id string) string {
	if f := config.FunctionBy(name, id); f != nil {
		return f.Name
	}
	if name == "" {
		return id
	}
	return name
}

// checkFunction asks an app's login function whom a payload names (app-services 4.3).
func (s *Service) checkFunction(ctx context.Context, app *App, p provider, payload bson.D) (string, Details, error) {
	var c appconfig.CustomFunctionConfig
	if err := p.Decode(&c, nil); err != nil {
		return "", nil, err
	}
	refuse := func(text string) (string, Details, error) {
		return "", nil, &Error{Status: http.StatusUnauthorized, Code: "AuthError", Text: text}
	}
	if payload == nil {
		payload = bson.D{}
	}
	out, err := s.call(ctx, app, functionName(p.config, c.AuthFunctionName, c.AuthFunctionID), bson.A{payload})
	var refusal *Error
	if errors.As(err, &refusal) && refusal.Code == "FunctionExecutionError" {
		return refuse(refusal.Text)
	}
	if err != nil {
		return "", nil, err
	}
	data := Details{}
	if d, ok := out.(bson.D); ok {
		out = nil
		for _, e := range d {
			text, _ := e.Value.(string)
			switch e.Key {
			case "id":
				out = e.Value
			case "name":
				data.set("name", text)
			}
		}
	}
	if id, ok := out.(bson.ObjectID); ok {
		out = id.Hex()
	}
	id, ok := out.(string)
	if !ok || id == "" || len(id) > maxSubject {
		return refuse("the login function must return the user's id, a text of 1 to 1024 bytes")
	}
	return id, data, nil
}

// functionStatus reads what a confirmation or reset function returned: the status of {status: "success"}.
func functionStatus(out any) string {
	if d, ok := out.(bson.D); ok {
		for _, e := range d {
			if e.Key == "status" {
				text, _ := e.Value.(string)
				return text
			}
		}
	}
	return ""
}
