package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"realmsync/server/appconfig"
	"realmsync/server/egress"
	"realmsync/server/jwks"
)

// issuers are what App Services knew of the three, for what an app's configuration leaves out.
var issuers = map[string]appconfig.OAuth2Config{
	ProviderGoogle: {
		Issuer: appconfig.Strings{"https://accounts.google.com", "accounts.google.com"},
		JWKURI: "https://www.googleapis.com/oauth2/v3/certs", TokenURI: "https://oauth2.googleapis.com/token",
	},
	ProviderApple: {
		Issuer: appconfig.Strings{"https://appleid.apple.com"},
		JWKURI: "https://appleid.apple.com/auth/keys", TokenURI: "https://appleid.apple.com/auth/token",
	},
	ProviderFacebook: {
		Issuer: appconfig.Strings{"https://www.facebook.com", "https://facebook.com"},
		JWKURI: "https://www.facebook.com/.well-known/oauth/openid/jwks/", GraphURI: "https://graph.facebook.com",
	},
}

// openID is a provider's configuration, complete.
type openID struct {
	appconfig.OAuth2Config

	secret string
}

func openIDOf(p provider) (o openID, err error) {
	var names appconfig.OAuth2Secrets
	if err := p.Decode(&o.OAuth2Config, &names); err != nil {
		return o, err
	}
	base := issuers[p.Type]
	if len(o.Issuer) == 0 {
		o.Issuer = base.Issuer
	}
	for _, f := range []struct{ is, base *string }{{&o.JWKURI, &base.JWKURI}, {&o.TokenURI, &base.TokenURI}, {&o.GraphURI, &base.GraphURI}} {
		if *f.is == "" {
			*f.is = *f.base
		}
	}
	if secret := p.config.Secret(names.ClientSecret); secret != nil {
		o.secret = secret.Value
	}
	if o.ClientID == "" {
		return o, fmt.Errorf("the provider %s has no clientId", p.Type)
	}
	return o, nil
}

// checkOpenID verifies what Google, Apple or Facebook said of a user and returns whom it names (app-services 4.3): an id_token by the
// issuer's published keys, an authCode by exchanging it for an id_token, an accessToken by asking the Graph API.
func (s *Service) checkOpenID(ctx context.Context, p provider, c Credentials) (string, Details, error) {
	o, err := openIDOf(p)
	if err != nil {
		return "", nil, err
	}
	var subject string
	var claims json.RawMessage
	switch {
	case c.IDToken != "":
		subject, claims, err = s.idToken(ctx, o, c.IDToken)
	case c.AuthCode != "" && o.TokenURI != "":
		var token string
		if token, err = s.exchange(ctx, o, p, c.AuthCode); err == nil {
			subject, claims, err = s.idToken(ctx, o, token)
		}
	case c.AccessToken != "" && p.Type == ProviderFacebook:
		subject, claims, err = s.graph(ctx, o, c.AccessToken)
	default:
		err = errors.New("there is no token in it that this provider takes")
	}
	if err != nil {
		return "", nil, &Error{Status: http.StatusUnauthorized, Code: "AuthError", Text: "invalid credentials of provider '" + p.Type + "': " + clip(err.Error(), 512)}
	}
	if err := checkDomain(p, claims); err != nil {
		return "", nil, err
	}
	data, err := openIDDetails(p, claims)
	return subject, data, err
}

// errDomain: the app's provider takes users of some domains only.
var errDomain = &Error{Status: http.StatusForbidden, Code: "DomainNotAllowed", Text: "the provider takes no users with an e-mail address of this domain"}

// checkDomain refuses whoever has no e-mail address in the domains that the provider is restricted to: one that the issuer has verified, or it could be
// anybody's.
func checkDomain(p provider, claims json.RawMessage) error {
	if len(p.DomainRestrictions) == 0 {
		return nil
	}
	var who struct {
		Email    string `json:"email"`
		Verified any    `json:"email_verified"`
	}
	if json.Unmarshal(claims, &who) != nil || who.Verified != true && who.Verified != "true" {
		return errDomain
	}
	domain := who.Email[strings.LastIndexByte(who.Email, '@')+1:]
	if len(domain) == len(who.Email) || !slices.ContainsFunc(p.DomainRestrictions, func(d string) bool { return strings.EqualFold(d, domain) }) {
		return errDomain
	}
	return nil
}

// idToken verifies an id_token (OpenID Connect Core 3.1.3.7): the issuer's signature, that it is for this client, and its times.
func (s *Service) idToken(ctx context.Context, o openID, token string) (string, json.RawMessage, error) {
	t, err := s.checkForeign(ctx, token, foreignRules{
		alg: jwks.RS256, keys: s.publishedKeys(o.JWKURI, jwks.RS256), issuers: o.Issuer, audiences: []string{o.ClientID},
	})
	return t.subject, t.claims, err
}

// exchange trades an authorization code for an id_token (RFC 6749 section 4.1.3).
func (s *Service) exchange(ctx context.Context, o openID, p provider, code string) (string, error) {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "client_id": {o.ClientID}, "client_secret": {o.secret}, "redirect_uri": {""}}
	if len(p.RedirectURIs) > 0 {
		form.Set("redirect_uri", p.RedirectURIs[0])
	}
	a, err := s.egress.PostForm(ctx, o.TokenURI, form)
	if err != nil {
		return "", s.noAnswer(err)
	}
	var answer struct {
		IDToken string `json:"id_token"`
		Error   string `json:"error"`
	}
	if json.Unmarshal(a.Body, &answer) != nil || a.Status != http.StatusOK || answer.IDToken == "" {
		return "", fmt.Errorf("the issuer did not take the authCode (status %d, %q)", a.Status, clip(answer.Error, 64))
	}
	return answer.IDToken, nil
}

// graph asks Facebook's Graph API about an access token: whether it was made for this client, which any other app's would not be, and
// whose it is.
func (s *Service) graph(ctx context.Context, o openID, token string) (string, json.RawMessage, error) {
	if len(token) > maxForeign {
		return "", nil, fmt.Errorf("it has %d bytes, at most %d are accepted", len(token), maxForeign)
	}
	base := strings.TrimRight(o.GraphURI, "/")
	a, err := s.egress.Get(ctx, base+"/debug_token?"+url.Values{"input_token": {token}, "access_token": {o.ClientID + "|" + o.secret}}.Encode())
	if err != nil {
		return "", nil, s.noAnswer(err)
	}
	var about struct {
		Data struct {
			AppID   string `json:"app_id"`
			UserID  string `json:"user_id"`
			IsValid bool   `json:"is_valid"`
		} `json:"data"`
	}
	if a.Status != http.StatusOK || json.Unmarshal(a.Body, &about) != nil {
		return "", nil, fmt.Errorf("the issuer did not take the accessToken (status %d)", a.Status)
	}
	if !about.Data.IsValid || about.Data.AppID != o.ClientID || about.Data.UserID == "" || len(about.Data.UserID) > maxSubject {
		return "", nil, errors.New("the accessToken is not one of this app")
	}
	a, err = s.egress.Get(ctx, base+"/me?"+url.Values{"fields": {"id,name,email,first_name,last_name,gender,birthday"}, "access_token": {token}}.Encode())
	if err != nil {
		return "", nil, s.noAnswer(err)
	}
	var me struct {
		ID string `json:"id"`
	}
	if a.Status != http.StatusOK || json.Unmarshal(a.Body, &me) != nil || me.ID != about.Data.UserID {
		return "", nil, fmt.Errorf("the issuer does not say whose the accessToken is (status %d)", a.Status)
	}
	return me.ID, a.Body, nil
}

// detailNames are the members of a profile by the claims that they come from (OpenID Connect Core 5.1, and the Graph API's).
var detailNames = [][2]string{
	{"name", "name"}, {"email", "email"}, {"picture_url", "picture"}, {"first_name", "given_name"}, {"last_name", "family_name"},
	{"first_name", "first_name"}, {"last_name", "last_name"}, {"gender", "gender"}, {"birthday", "birthdate"}, {"birthday", "birthday"},
}

// openIDDetails returns what a profile gets: what is known, or if the provider has metadata fields, those of it.
func openIDDetails(p provider, claims json.RawMessage) (Details, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(claims, &members); err != nil {
		return nil, err
	}
	known := Details{}
	for _, n := range detailNames {
		var text string
		if json.Unmarshal(members[n[1]], &text) == nil {
			known.set(n[0], text)
		}
	}
	// Anybody can claim an address that the issuer has not verified. Apple writes the truth as a string.
	if v := strings.Trim(string(members["email_verified"]), `"`); v == "false" {
		delete(known, "email")
	}
	if len(p.MetadataFields) == 0 {
		return known, nil
	}
	text, err := json.Marshal(known)
	if err != nil {
		return nil, err
	}
	return metadata(p.MetadataFields, text)
}

// newEgress is how a Service asks others.
func newEgress(c Config) *egress.Client { return egress.New(c.Roots, 0) }
