package auth

import (
	"context"
	"errors"
	"net/http"

	"realmsync/server/appconfig"
	"realmsync/server/jwks"
)

// checkCustomJWT verifies a JWT that an app's own system made for its users, and returns whom it names (app-services 4.4).
func (s *Service) checkCustomJWT(ctx context.Context, app *App, p provider, token string) (string, Details, error) {
	refuse := func(err error) (string, Details, error) {
		return "", nil, &Error{Status: http.StatusUnauthorized, Code: "AuthError", Text: "invalid custom auth token: " + err.Error()}
	}
	rules, err := s.customRules(app, p)
	if err != nil {
		return "", nil, err
	}
	t, err := s.checkForeign(ctx, token, rules)
	if err != nil {
		return refuse(err)
	}
	data, err := metadata(p.MetadataFields, t.claims)
	return t.subject, data, err
}

// customRules reads the configuration of a provider.
func (s *Service) customRules(app *App, p provider) (r foreignRules, err error) {
	var c appconfig.CustomTokenConfig
	var names appconfig.CustomTokenSecrets
	if err := p.Decode(&c, &names); err != nil {
		return r, err
	}
	r = foreignRules{alg: c.SigningAlgorithm, audiences: c.Audience, any: c.RequireAnyAudience}
	if len(r.audiences) == 0 {
		r.audiences = []string{app.ID}
	}
	if c.UseJWKURI {
		if r.alg == "" {
			r.alg = jwks.RS256
		}
		if r.alg == "HS256" {
			return r, errors.New("the custom-token provider has HS256 with a key set, whose keys are public")
		}
		r.keys = s.publishedKeys(c.JWKURI, r.alg)
		return r, nil
	}
	var keys []any
	if p.secret != nil {
		keys = append(keys, p.secret)
	}
	for _, name := range names.SigningKeys {
		secret := p.config.Secret(name)
		if secret == nil {
			continue
		}
		key, err := signingKey(r.alg, secret.Value)
		if err != nil {
			// It was stored before configurations were checked for it (appconfig): a key that nothing is signed with.
			s.log.Error("a secret of the custom-token provider is no key", "app", app.ID, "secret", name, "error", err)
			continue
		}
		keys = append(keys, key)
	}
	r.keys = func(context.Context, string) ([]any, error) { return keys, nil }
	return r, nil
}

// signingKey reads a secret: for HS256 the key itself, otherwise a public key in PEM.
func signingKey(alg, value string) (any, error) {
	if alg == "HS256" {
		return []byte(value), nil
	}
	return jwks.ParsePEM(alg, value)
}
