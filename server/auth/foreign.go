package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"realmsync/server/jwks"
)

const (
	minCustomKey = 32       // bytes (app-services 13.4)
	maxForeign   = 32 << 10 // bytes of a token
	maxSubject   = 1024     // bytes of its sub
	foreignSkew  = time.Minute
)

// foreignRules say which tokens of another issuer are taken.
type foreignRules struct {
	alg string // the only one that is: HS256, RS256 or ES256
	// keys returns the keys that may have signed a token: []byte, *rsa.PublicKey or *ecdsa.PublicKey, as alg needs. kid is what the
	// token says of itself; it only chooses.
	keys      func(ctx context.Context, kid string) ([]any, error)
	issuers   []string // none: any
	audiences []string
	any       bool // one of audiences is enough
}

// foreignToken is a token that was verified.
type foreignToken struct {
	subject string
	claims  json.RawMessage
}

// checkForeign verifies a JWT that somebody else made for our users (app-services 4.4, 13.4). The algorithm and the kind of the key are
// the configuration's to say and not the token's: "none", and a public key used as a secret, end here. Its errors don't have the token.
func (s *Service) checkForeign(ctx context.Context, token string, r foreignRules) (foreignToken, error) {
	var out foreignToken
	if len(token) > maxForeign {
		return out, fmt.Errorf("it has %d bytes, at most %d are accepted", len(token), maxForeign)
	}
	parts := strings.SplitN(token, ".", 4)
	if len(parts) != 3 {
		return out, errors.New("it is not three parts with dots between them")
	}
	var raw [3][]byte
	for i, part := range parts {
		var err error
		if raw[i], err = decodeSegment(part); err != nil {
			return out, fmt.Errorf("its part %d is not base64", i+1)
		}
	}
	var header struct {
		Alg  string          `json:"alg"`
		Kid  string          `json:"kid"`
		Crit json.RawMessage `json:"crit"`
	}
	if json.Unmarshal(raw[0], &header) != nil {
		return out, errors.New("its header is not a JSON object")
	}
	method := methods[r.alg]
	if method == nil || header.Alg != r.alg || header.Crit != nil {
		return out, fmt.Errorf("its algorithm must be %s, without extensions", r.alg)
	}
	keys, err := r.keys(ctx, header.Kid)
	if err != nil {
		return out, err
	}
	// Over the text as it was received: there are two alphabets, and re-encoding would pick one (app-services 4.4).
	text := parts[0] + "." + parts[1]
	if !slices.ContainsFunc(keys, func(key any) bool { return fits(r.alg, key) && method.Verify(text, raw[2], key) == nil }) {
		return out, errors.New("its signature is not right for the configured key")
	}
	claims := jwt.MapClaims{}
	if json.Unmarshal(raw[1], &claims) != nil || claims == nil {
		return out, errors.New("its claims are not a JSON object")
	}
	check := jwt.NewValidator(jwt.WithExpirationRequired(), jwt.WithLeeway(foreignSkew), jwt.WithTimeFunc(s.now))
	if err := check.Validate(claims); err != nil {
		return out, errors.New(strings.TrimPrefix(err.Error(), jwt.ErrTokenInvalidClaims.Error()+": "))
	}
	if err := r.audience(claims); err != nil {
		return out, err
	}
	if issuer, err := claims.GetIssuer(); len(r.issuers) > 0 && (err != nil || !slices.Contains(r.issuers, issuer)) {
		return out, jwt.ErrTokenInvalidIssuer
	}
	subject, err := claims.GetSubject()
	if err != nil || subject == "" || len(subject) > maxSubject {
		return out, fmt.Errorf("its sub must be a text of 1 to %d bytes", maxSubject)
	}
	return foreignToken{subject: subject, claims: raw[1]}, nil
}

func (r foreignRules) audience(claims jwt.MapClaims) error {
	has, err := claims.GetAudience()
	if err != nil || len(has) == 0 || len(r.audiences) == 0 {
		return jwt.ErrTokenInvalidAudience
	}
	missing := func(a string) bool { return !slices.Contains(has, a) }
	if r.any && !slices.ContainsFunc(r.audiences, func(a string) bool { return !missing(a) }) || !r.any && slices.ContainsFunc(r.audiences, missing) {
		return jwt.ErrTokenInvalidAudience
	}
	return nil
}

// methods are the algorithms of foreign tokens.
var methods = map[string]jwt.SigningMethod{
	"HS256": jwt.SigningMethodHS256, jwks.RS256: jwt.SigningMethodRS256, jwks.ES256: jwt.SigningMethodES256,
}

// fits says whether a key is of the kind, and the strength, that an algorithm needs.
func fits(alg string, key any) bool {
	switch k := key.(type) {
	case []byte:
		return alg == "HS256" && len(k) >= minCustomKey
	case *rsa.PublicKey:
		return alg == jwks.RS256 && jwks.CheckRSA(k) == nil
	case *ecdsa.PublicKey:
		return alg == jwks.ES256 && k.Curve == elliptic.P256()
	}
	return false
}

// publishedKeys are those of a key set.
func (s *Service) publishedKeys(address, alg string) func(context.Context, string) ([]any, error) {
	return func(ctx context.Context, kid string) ([]any, error) {
		keys, err := s.keySets.Keys(ctx, address, kid, alg)
		if errors.Is(err, jwks.ErrNoKey) {
			return nil, err
		}
		if err != nil {
			return nil, s.noAnswer(err)
		}
		var out []any
		for _, k := range keys {
			out = append(out, k.Public)
		}
		return out, nil
	}
}

// errNoAnswer is what a client is told of an identity provider that does not answer as it should. Why is for the log: it may tell of the
// network that this server is in.
var errNoAnswer = errors.New("its issuer could not be asked")

func (s *Service) noAnswer(err error) error {
	s.log.Warn("an identity provider could not be asked", "error", err)
	return errNoAnswer
}

// decodeSegment takes both alphabets, padded or not.
func decodeSegment(s string) ([]byte, error) {
	s = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(s, "="))
	return base64.RawStdEncoding.DecodeString(s)
}
