package auth

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	minCustomKey  = 32       // bytes (app-services 13.4)
	maxCustomJWT  = 32 << 10 // bytes of a token
	maxSubject    = 1024     // bytes of its sub
	customJWTSkew = time.Minute
)

// customSubject verifies a JWT that somebody else made for our users and returns whom it names (app-services 4.4). It
// takes HS256 only, whatever the token says of itself.
func (s *Service) customSubject(app *App, token string) (string, error) {
	refuse := func(format string, args ...any) (string, error) {
		return "", &Error{Status: http.StatusUnauthorized, Code: "AuthError", Text: "invalid custom auth token: " + fmt.Sprintf(format, args...)}
	}
	if len(token) > maxCustomJWT {
		return refuse("it has %d bytes, at most %d are accepted", len(token), maxCustomJWT)
	}
	parts := strings.SplitN(token, ".", 4)
	if len(parts) != 3 {
		return refuse("it is not three parts with dots between them")
	}
	var raw [3][]byte
	for i, part := range parts {
		var err error
		if raw[i], err = decodeSegment(part); err != nil {
			return refuse("its part %d is not base64", i+1)
		}
	}
	var header struct {
		Alg  string          `json:"alg"`
		Crit json.RawMessage `json:"crit"`
	}
	if json.Unmarshal(raw[0], &header) != nil {
		return refuse("its header is not a JSON object")
	}
	if header.Alg != jwt.SigningMethodHS256.Alg() || header.Crit != nil {
		return refuse("its algorithm must be HS256, without extensions")
	}
	// Over the text as it was received: there are two alphabets, and re-encoding would pick one (app-services 4.4).
	if err := jwt.SigningMethodHS256.Verify(parts[0]+"."+parts[1], raw[2], s.cfg.CustomJWTSecret); err != nil {
		return refuse("its signature is not right for the configured key")
	}
	claims := jwt.MapClaims{}
	if json.Unmarshal(raw[1], &claims) != nil || claims == nil {
		return refuse("its claims are not a JSON object")
	}
	check := jwt.NewValidator(jwt.WithExpirationRequired(), jwt.WithAudience(app.ID), jwt.WithLeeway(customJWTSkew), jwt.WithTimeFunc(s.now))
	if err := check.Validate(claims); err != nil {
		return refuse("%s", strings.TrimPrefix(err.Error(), jwt.ErrTokenInvalidClaims.Error()+": "))
	}
	subject, err := claims.GetSubject()
	if err != nil || subject == "" || len(subject) > maxSubject {
		return refuse("its sub must be a text of 1 to %d bytes", maxSubject)
	}
	return subject, nil
}

// decodeSegment takes both alphabets, padded or not.
func decodeSegment(s string) ([]byte, error) {
	s = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(s, "="))
	return base64.RawStdEncoding.DecodeString(s)
}
