package app

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// maxToken bounds a token, in bytes. Access tokens travel in a URL, so useful ones are a few KiB.
const maxToken = 64 << 10

// staleAfter is how long past its expiry an access token is still used (app-services 5.4).
const staleAfter = 5 * time.Second

// claims are what the client reads of a token. It verifies nothing: that is the server's business.
type claims struct {
	expires  int64           // seconds since 1970
	issued   int64           // seconds since 1970
	userData json.RawMessage // custom user data, a JSON object, compact; nil when there is none
}

// parseToken reads a JWT's claims (app-services 5.2). Texts of its errors don't contain the token.
func parseToken(token string) (claims, error) {
	var c claims
	if len(token) > maxToken {
		return c, fmt.Errorf("the token has %d bytes, at most %d are accepted", len(token), maxToken)
	}
	parts := strings.SplitN(token, ".", 4)
	if len(parts) != 3 || parts[0] == "" || parts[2] == "" {
		return c, fmt.Errorf("the token is not three parts with dots between them")
	}
	// It goes into a URL and a header as it is.
	if i := strings.IndexFunc(token, func(r rune) bool { return r <= ' ' || r >= 0x7f }); i >= 0 {
		return c, fmt.Errorf("the token has a character at byte %d that no token has", i)
	}
	body, err := decodeBase64(parts[1])
	if err != nil {
		return c, fmt.Errorf("the token's second part is not base64")
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil || members == nil {
		return c, fmt.Errorf("the token's second part is not a JSON object")
	}
	if c.expires, err = jsonInt64(members["exp"]); err != nil {
		return c, fmt.Errorf("the token's exp: %w", err)
	}
	if c.issued, err = jsonInt64(members["iat"]); err != nil {
		return c, fmt.Errorf("the token's iat: %w", err)
	}
	switch data := members["user_data"]; {
	case data == nil || string(data) == "null":
	case data[0] != '{':
		return c, fmt.Errorf("the token's user_data is not an object")
	default:
		c.userData = compactJSON(data)
	}
	return c, nil
}

// decodeBase64 takes both alphabets, padded or not: all four are in use for JWTs (app-services 4.4, 5.2).
func decodeBase64(s string) ([]byte, error) {
	s = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(s, "="))
	return base64.RawStdEncoding.DecodeString(s)
}

// jsonInt64 takes a JSON integer or {"$numberLong": "..."}; floats, strings and nothing are errors.
func jsonInt64(raw json.RawMessage) (int64, error) {
	text := string(raw)
	if text == "" {
		return 0, fmt.Errorf("it is missing")
	}
	if text[0] == '{' {
		var long map[string]string
		if json.Unmarshal(raw, &long) != nil || len(long) != 1 || long["$numberLong"] == "" {
			return 0, fmt.Errorf("it is not an integer")
		}
		text = long["$numberLong"]
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("it is not a 64-bit integer")
	}
	return n, nil
}

// stale reports whether a token with these claims is no longer used at a time.
func (c claims) stale(now time.Time) bool {
	return c.expires < now.Add(-staleAfter).Unix()
}
