package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// maxToken bounds a token, in bytes, before it is looked at. Access tokens travel in a URL and in a header line of at
// most 8 KiB (app-services 1.3 H9, 9).
const maxToken = 8 << 10

// audience tells a user's tokens from any other that the same keys may sign one day (app-services 13.3).
const audience = "realm-sync-client"

// leeway is how long past its expiry an access token is still taken (app-services 5.4).
const leeway = 30 * time.Second

var errTokenExpired = errors.New("the token has expired")

const (
	typeAccess  = "access"
	typeRefresh = "refresh"
)

// claims are those of both tokens (app-services 5.1). Names come in pairs for the sake of older SDKs.
type claims struct {
	jwt.RegisteredClaims
	Type        string          `json:"typ"`
	DomainID    string          `json:"baas_domain_id"`
	OldDomainID string          `json:"stitch_domainId"`
	DeviceID    string          `json:"baas_device_id"`
	OldDeviceID string          `json:"stitch_devId"`
	SessionID   string          `json:"baas_id,omitempty"` // refresh tokens only; in access tokens it is the issuer
	OldSession  string          `json:"stitch_id,omitempty"`
	UserData    json.RawMessage `json:"user_data,omitempty"` // access tokens only: the custom user data, absent when there is none
	Identity    *tokenIdentity  `json:"baas_identity,omitempty"`
	OldIdentity *tokenIdentity  `json:"stitch_ident,omitempty"`
}

// tokenIdentity names the credentials that a session was opened with.
type tokenIdentity struct {
	ID           string `json:"id"`
	ProviderType string `json:"provider_type"`
	ProviderID   string `json:"provider_id"`
}

// tokens signs and verifies. It is safe for concurrent use.
type tokens struct {
	keys    atomic.Pointer[keyring]
	now     func() time.Time
	access  *jwt.Parser
	refresh *jwt.Parser
}

func newTokens(keys *keyring, now func() time.Time) *tokens {
	// The algorithm is ours to say and not the token's: "none", and a public key used as a secret, end here.
	common := []jwt.ParserOption{
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg(), jwt.SigningMethodHS256.Alg()}), jwt.WithExpirationRequired(), jwt.WithAudience(audience),
		jwt.WithTimeFunc(now), jwt.WithStrictDecoding(),
	}
	t := &tokens{now: now,
		access:  jwt.NewParser(append(common[:len(common):len(common)], jwt.WithLeeway(leeway))...),
		refresh: jwt.NewParser(common...),
	}
	t.keys.Store(keys)
	return t
}

// sign fills in what all tokens have and signs.
func (t *tokens) sign(c claims, kind string, issued time.Time, life time.Duration) (string, error) {
	c.Type, c.OldDomainID, c.OldDeviceID = kind, c.DomainID, c.DeviceID
	c.ID = NewObjectID(issued) // two tokens of one second differ
	c.Audience = jwt.ClaimStrings{audience}
	c.IssuedAt, c.ExpiresAt = jwt.NewNumericDate(issued), jwt.NewNumericDate(issued.Add(life))
	keys := t.keys.Load()
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, c)
	token.Header["kid"] = keys.newest
	return token.SignedString(keys.sign)
}

// verify returns the claims of a token of one type. Its errors don't contain the token.
func (t *tokens) verify(token, kind string) (*claims, error) {
	if len(token) > maxToken {
		return nil, fmt.Errorf("the token has %d bytes, at most %d are accepted", len(token), maxToken)
	}
	parser := t.access
	if kind == typeRefresh {
		parser = t.refresh
	}
	c := &claims{}
	_, err := parser.ParseWithClaims(token, c, func(token *jwt.Token) (any, error) {
		// Each key is for one algorithm: the token does not choose what a key is used as.
		id, _ := token.Header["kid"].(string)
		keys := t.keys.Load()
		if key := keys.pairs[id]; key != nil && token.Method == jwt.SigningMethodEdDSA {
			return key, nil
		}
		if key := keys.shared[id]; key != nil && token.Method == jwt.SigningMethodHS256 {
			return key, nil
		}
		return nil, errors.New("it was signed with a key that this server does not have")
	})
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return nil, errTokenExpired
	case errors.Is(err, jwt.ErrTokenMalformed):
		return nil, errors.New("the token is malformed") // the library's text may quote it
	case err != nil:
		return nil, err
	case c.Type != kind:
		return nil, fmt.Errorf("it is not a token of type %s", kind)
	case c.Subject == "" || c.DomainID == "":
		return nil, errors.New("the token names no user")
	}
	return c, nil
}
