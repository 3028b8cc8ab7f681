package wire

// ClientErrorBody returns the body of a ClientJSONError: status is the name of the client's status ("BadChangeset"), reason
// the text after it (section 3.7).
func ClientErrorBody(status, reason string) []byte {
	b := jsonBuilder{}
	b.string("message", status+": "+reason)
	return b.end()
}

// Text returns the message of the body for a log, or the body as it is if it has none.
func (m *ClientJSONError) Text() string {
	if object, err := parseObject(m.Body); err == nil {
		if text, ok := object.get("message").asString(); ok {
			return text
		}
	}
	return string(m.Body)
}

// ParseTestCommand reads the body of a test command: its name and the JSON text of its arguments, nil without any (section 3.9).
// args points into body.
func ParseTestCommand(body []byte) (command string, args []byte, err error) {
	object, err := parseObject(body)
	if err != nil {
		return "", nil, jsonProblem("test_command", "body", "%v", err)
	}
	p := memberReader{object: object, name: "test_command"}
	command = p.string("command")
	if p.err != nil {
		return "", nil, p.err
	}
	return command, object.get("args"), nil
}

// ParseEchoError reads the arguments of the test command ECHO_ERROR: the server sends exactly this error with AppendRawJSONError.
// body points into args.
func ParseEchoError(args []byte) (code ErrorCode, body []byte, err error) {
	object, err := parseObject(args)
	if err != nil {
		return 0, nil, jsonProblem("test_command", "args", "%v", err)
	}
	p := memberReader{object: object, name: "test_command"}
	code = ErrorCode(p.int32("errorCode"))
	body = object.get("errorBody")
	if body == nil {
		p.wrong("errorBody", "an object")
	}
	if p.err != nil {
		return 0, nil, p.err
	}
	return code, body, nil
}
