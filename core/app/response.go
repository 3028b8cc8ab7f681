package app

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxMessage bounds how much of an answer that isn't JSON gets into an error message, in bytes.
const maxMessage = 4096

// checkResponse turns an answer that isn't success into an *Error, by the original's rules (app-services 2.2): the JSON comes first,
// whatever the status.
func (a *App) checkResponse(op string, r *Response) error {
	err := responseError(op, r)
	if err == nil {
		return nil
	}
	a.log.Debug("request refused", "op", op, "code", err.Code.String(), "status", err.Status, "server_code", err.ServerCode)
	return err
}

func responseError(op string, r *Response) *Error {
	// Exact on purpose: a charset parameter switches the detection off, which is how function results may contain "error".
	if r.header("Content-Type") == "application/json" && len(r.Body) > 0 {
		if err := jsonError(op, r); err != nil {
			return err
		}
	}
	switch {
	case r.ClientError != 0:
		return &Error{Code: r.ClientError, Message: bodyText(r.Body, "client error code value considered fatal"), Status: r.Status, Op: op}
	case r.CustomStatus != 0:
		return &Error{Code: CodeCustomError, Message: bodyText(r.Body, "non-zero custom status code considered fatal"),
			Status: r.CustomStatus, Op: op, Err: fmt.Errorf("%w: the transport reports its status %d", ErrNetwork, r.CustomStatus)}
	case r.Status >= 200 && r.Status <= 299:
		return nil
	}
	message := "http error code considered fatal"
	if text := bodyText(r.Body, ""); text != "" {
		message += ": " + text
	}
	return &Error{Code: CodeHTTPError, Status: r.Status, Op: op, Message: fmt.Sprintf("%s. %s: %d", message, statusClass(r.Status), r.Status)}
}

// jsonError reads the service's error object; nil when the body isn't one. Members of a wrong type make it none.
func jsonError(op string, r *Response) *Error {
	var members map[string]json.RawMessage
	if json.Unmarshal(r.Body, &members) != nil {
		return nil
	}
	text := func(name string) (s string, present, ok bool) {
		raw, present := members[name]
		if !present {
			return "", false, true
		}
		if raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
			return "", true, false
		}
		return s, true, true
	}
	link, _, ok1 := text("link")
	code, _, ok2 := text("error_code")
	message, hasMessage, ok3 := text("error")
	switch {
	case !ok1 || !ok2 || !ok3:
		return nil
	case code != "":
		if !hasMessage {
			message = "no error message"
		}
		return &Error{Code: serviceCode(code), Message: message, Status: r.Status, ServerCode: code, LogsURL: link, Op: op}
	case hasMessage:
		return &Error{Code: CodeAppUnknownError, Message: message, Status: r.Status, LogsURL: link, Op: op}
	}
	return nil
}

func statusClass(status int) string {
	switch status / 100 {
	case 1:
		return "Informational"
	case 2:
		return "Success"
	case 3:
		return "Redirection"
	case 4:
		return "Client Error"
	case 5:
		return "Server Error"
	}
	return "Unknown HTTP Error"
}

// bodyText is a body as part of a message: whole, unless it is unreasonably long.
func bodyText(body []byte, fallback string) string {
	if len(body) == 0 {
		return fallback
	}
	if len(body) <= maxMessage {
		return strings.ToValidUTF8(string(body), "\uFFFD")
	}
	cut := body[:maxMessage]
	for len(cut) > 0 && !utf8.RuneStart(body[len(cut)]) {
		cut = cut[:len(cut)-1]
	}
	return strings.ToValidUTF8(string(cut), "\uFFFD") + "…"
}

// object is a JSON object of an answer. Its errors are the original's: MalformedJson, MissingJsonKey.
type object struct {
	op      string
	members map[string]json.RawMessage
}

func parseObject(op string, body []byte) (object, error) {
	o := object{op: op}
	if err := json.Unmarshal(body, &o.members); err != nil || o.members == nil {
		return o, &Error{Code: CodeMalformedJSON, Op: op, Err: err, Message: "the server's answer is not a JSON object; is the base URL that of an App Services server?"}
	}
	return o, nil
}

func (o object) requiredString(name string) (string, error) {
	if _, ok := o.members[name]; !ok {
		return "", refusal(o.op, CodeMissingJSONKey, "the server's answer has no %q", name)
	}
	return o.optionalString(name)
}

func (o object) optionalString(name string) (string, error) {
	raw, ok := o.members[name]
	if !ok {
		return "", nil
	}
	var s string
	if raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		return "", refusal(o.op, CodeMalformedJSON, "%q of the server's answer is not a string", name)
	}
	return s, nil
}

func (o object) requiredBool(name string) (bool, error) {
	raw, ok := o.members[name]
	if !ok {
		return false, refusal(o.op, CodeMissingJSONKey, "the server's answer has no %q", name)
	}
	switch string(raw) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, refusal(o.op, CodeMalformedJSON, "%q of the server's answer is not a boolean", name)
}
