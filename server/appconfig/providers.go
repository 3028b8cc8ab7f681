package appconfig

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// The types of login providers (app-services 4.1).
const (
	ProviderAnonymous      = "anon-user"
	ProviderUserpass       = "local-userpass"
	ProviderAPIKey         = "api-key"
	ProviderCustomToken    = "custom-token"
	ProviderCustomFunction = "custom-function"
	ProviderGoogle         = "oauth2-google"
	ProviderApple          = "oauth2-apple"
	ProviderFacebook       = "oauth2-facebook"
)

var providerTypes = map[string]bool{
	ProviderAnonymous: true, ProviderUserpass: true, ProviderAPIKey: true, ProviderCustomToken: true, ProviderCustomFunction: true,
	ProviderGoogle: true, ProviderApple: true, ProviderFacebook: true,
}

// UserpassConfig is Provider.Config of local-userpass. Functions are named by their name or, in older files, their id only.
type UserpassConfig struct {
	AutoConfirm              bool   `json:"autoConfirm"`
	EmailConfirmationURL     string `json:"emailConfirmationUrl"`
	ResetPasswordURL         string `json:"resetPasswordUrl"`
	ConfirmEmailSubject      string `json:"confirmEmailSubject"`
	ResetPasswordSubject     string `json:"resetPasswordSubject"`
	RunConfirmationFunction  bool   `json:"runConfirmationFunction"`
	ConfirmationFunctionName string `json:"confirmationFunctionName"`
	ConfirmationFunctionID   string `json:"confirmationFunctionId"`
	RunResetFunction         bool   `json:"runResetFunction"`
	ResetFunctionName        string `json:"resetFunctionName"`
	ResetFunctionID          string `json:"resetFunctionId"`
}

// CustomTokenConfig is Provider.Config of custom-token (app-services 4.4).
type CustomTokenConfig struct {
	Audience           Strings `json:"audience"` // empty: the client app id
	RequireAnyAudience bool    `json:"requireAnyAudience"`
	SigningAlgorithm   string  `json:"signingAlgorithm"` // HS256, RS256 or ES256; empty with UseJWKURI: RS256
	UseJWKURI          bool    `json:"useJWKURI"`
	JWKURI             string  `json:"jwkURI"`
}

// CustomTokenSecrets is Provider.SecretConfig of custom-token: the names of up to three secrets.
type CustomTokenSecrets struct {
	SigningKeys Strings `json:"signingKeys"`
}

// CustomFunctionConfig is Provider.Config of custom-function.
type CustomFunctionConfig struct {
	AuthFunctionName string `json:"authFunctionName"`
	AuthFunctionID   string `json:"authFunctionId"`
}

// OAuth2Config is Provider.Config of oauth2-google, oauth2-apple and oauth2-facebook.
type OAuth2Config struct {
	ClientID      string `json:"clientId"`
	OpenIDEnabled bool   `json:"openId"`
	// What App Services fixed, and an issuer of one's own has otherwise. Empty: those of Google, Apple or Facebook.
	Issuer   Strings `json:"issuer,omitempty"`   // the iss that is taken
	JWKURI   string  `json:"jwkURI,omitempty"`   // where the issuer's keys are
	TokenURI string  `json:"tokenURI,omitempty"` // where an authCode is exchanged
	GraphURI string  `json:"graphURI,omitempty"` // oauth2-facebook: where an accessToken is asked about
}

// OAuth2Secrets is their Provider.SecretConfig: the name of a secret.
type OAuth2Secrets struct {
	ClientSecret string `json:"clientSecret"`
}

// Strings is a list that may be written as one string.
type Strings []string

// UnmarshalJSON takes a string, an array of strings, or null.
func (s *Strings) UnmarshalJSON(b []byte) error {
	*s = nil
	var one string
	if json.Unmarshal(b, &one) == nil {
		if one != "" {
			*s = Strings{one}
		}
		return nil
	}
	var many []string
	if err := json.Unmarshal(b, &many); err != nil {
		return errors.New("it must be a string or an array of strings")
	}
	*s = many
	return nil
}

// Decode reads Config and SecretConfig into the types above, either of which may be nil. What is absent or null stays as it is.
func (p *Provider) Decode(config, secrets any) error {
	if config != nil {
		if err := decodeObject(p.Config, config); err != nil {
			return fmt.Errorf("config: %w", err)
		}
	}
	if secrets != nil {
		if err := decodeObject(p.SecretConfig, secrets); err != nil {
			return fmt.Errorf("secret_config: %w", err)
		}
	}
	return nil
}

// decodeObject decodes an object; nothing and null are an empty one.
func decodeObject(raw json.RawMessage, into any) error {
	raw = bytes.TrimSpace(raw)
	if isNull(raw) {
		return nil
	}
	if raw[0] != '{' {
		return errors.New("it must be an object")
	}
	return json.Unmarshal(raw, into)
}

func isNull(raw json.RawMessage) bool {
	raw = bytes.TrimSpace(raw)
	return len(raw) == 0 || string(raw) == "null"
}

// FunctionBy returns the function of a name or, if that is empty, of an id; nil when there is none.
func (c *Config) FunctionBy(name, id string) *Function {
	if name != "" {
		return c.Function(name)
	}
	for i := range c.Functions {
		if id != "" && c.Functions[i].ID == id {
			return &c.Functions[i]
		}
	}
	return nil
}

// Secret returns the secret of a name, or nil.
func (c *Config) Secret(name string) *Secret {
	for i := range c.Secrets {
		if c.Secrets[i].Name == name {
			return &c.Secrets[i]
		}
	}
	return nil
}

// ServiceByID returns the service of an id, or nil.
func (c *Config) ServiceByID(id string) *Service {
	for i := range c.Services {
		if c.Services[i].ID == id {
			return &c.Services[i]
		}
	}
	return nil
}
