package appconfig

import (
	"fmt"
	"net/url"
	"strings"

	"realmsync/server/jwks"
)

// maxFieldName bounds MetadataField.FieldName, in characters (app-services 4.4).
const maxFieldName = 64

// maxSigningKeys is how many secrets may sign custom JWTs (app-services 4.4).
const maxSigningKeys = 3

func (v *validator) providers() {
	types := map[string]bool{}
	v.count("auth_providers", len(v.config.Providers))
	for i := range v.config.Providers {
		p, path := &v.config.Providers[i], fmt.Sprintf("auth_providers[%d]", i)
		v.id(path, p.ID)
		switch {
		case !providerTypes[p.Type]:
			v.fail(path+".type", "there is no authentication provider of type %q", clip(p.Type))
		case types[p.Type]:
			v.fail(path+".type", "there are two of type %s", p.Type)
		}
		types[p.Type] = true
		v.text(path+".name", p.Name, maxName)
		v.provider(path, p)
		v.domains(path, p)
		v.metadata(path, p.MetadataFields)
	}
}

func (v *validator) provider(path string, p *Provider) {
	switch p.Type {
	case ProviderUserpass:
		var c UserpassConfig
		if !v.decode(path, p, &c, nil) || p.Disabled {
			return
		}
		if c.RunConfirmationFunction && v.config.FunctionBy(c.ConfirmationFunctionName, c.ConfirmationFunctionID) == nil {
			v.fail(path+".config.confirmationFunctionName", "there is no function %q", clip(c.ConfirmationFunctionName))
		}
		if c.RunResetFunction && v.config.FunctionBy(c.ResetFunctionName, c.ResetFunctionID) == nil {
			v.fail(path+".config.resetFunctionName", "there is no function %q", clip(c.ResetFunctionName))
		}
	case ProviderCustomFunction:
		var c CustomFunctionConfig
		if v.decode(path, p, &c, nil) && !p.Disabled && v.config.FunctionBy(c.AuthFunctionName, c.AuthFunctionID) == nil {
			v.fail(path+".config.authFunctionName", "there is no function %q", clip(c.AuthFunctionName))
		}
	case ProviderCustomToken:
		v.customToken(path, p)
	case ProviderGoogle, ProviderApple, ProviderFacebook:
		v.oauth2(path, p)
	default:
		v.decode(path, p, &struct{}{}, &struct{}{})
	}
}

// domains: a restriction that would not be looked at is refused, so that nobody relies on it.
func (v *validator) domains(path string, p *Provider) {
	v.count(path+".domain_restrictions", len(p.DomainRestrictions))
	for i, d := range p.DomainRestrictions {
		at := fmt.Sprintf("%s.domain_restrictions[%d]", path, i)
		switch {
		case p.Type != ProviderGoogle:
			v.fail(at, "only %s can be restricted to domains", ProviderGoogle)
		case d == "" || len(d) > maxName || strings.ContainsAny(d, "@* /"):
			v.fail(at, "it must be a domain, such as example.com")
		}
	}
}

func (v *validator) oauth2(path string, p *Provider) {
	var c OAuth2Config
	var s OAuth2Secrets
	if !v.decode(path, p, &c, &s) || p.Disabled {
		return
	}
	if c.ClientID == "" {
		v.fail(path+".config.clientId", "it is required")
	}
	if s.ClientSecret != "" && v.config.Secret(s.ClientSecret) == nil {
		v.fail(path+".secret_config.clientSecret", "there is no secret %q", clip(s.ClientSecret))
	}
	for name, address := range map[string]string{"jwkURI": c.JWKURI, "tokenURI": c.TokenURI, "graphURI": c.GraphURI} {
		if u, err := url.Parse(address); address != "" && (err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil) {
			v.fail(path+".config."+name, "it must be an https URL")
		}
	}
}

func (v *validator) customToken(path string, p *Provider) {
	var c CustomTokenConfig
	var s CustomTokenSecrets
	if !v.decode(path, p, &c, &s) {
		return
	}
	switch c.SigningAlgorithm {
	case "HS256", "RS256", "ES256":
	case "":
		if !p.Disabled && !c.UseJWKURI {
			v.fail(path+".config.signingAlgorithm", "it must be HS256, RS256 or ES256")
		}
	default:
		v.fail(path+".config.signingAlgorithm", "it must be HS256, RS256 or ES256")
	}
	if len(s.SigningKeys) > maxSigningKeys {
		v.fail(path+".secret_config.signingKeys", "there are %d, at most %d are taken", len(s.SigningKeys), maxSigningKeys)
	}
	if p.Disabled {
		return
	}
	if c.UseJWKURI {
		if c.SigningAlgorithm == "HS256" {
			v.fail(path+".config.signingAlgorithm", "keys of a JWKS are for RS256 and ES256")
		}
		if u, err := url.Parse(c.JWKURI); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
			v.fail(path+".config.jwkURI", "it must be an https URL")
		}
		return
	}
	if len(s.SigningKeys) == 0 {
		v.fail(path+".secret_config.signingKeys", "it must name a secret")
	}
	for i, name := range s.SigningKeys {
		at := fmt.Sprintf("%s.secret_config.signingKeys[%d]", path, i)
		secret := v.config.Secret(name)
		switch {
		case secret == nil:
			v.fail(at, "there is no secret %q", clip(name))
		case c.SigningAlgorithm == "HS256" && len(secret.Value) < minHS256:
			v.fail(at, "the secret %q has %d bytes, a key of HS256 must have at least %d", clip(name), len(secret.Value), minHS256)
		case c.SigningAlgorithm == jwks.RS256 || c.SigningAlgorithm == jwks.ES256:
			if _, err := jwks.ParsePEM(c.SigningAlgorithm, secret.Value); err != nil {
				v.fail(at, "the secret %q is no key of %s: %s", clip(name), c.SigningAlgorithm, err)
			}
		}
	}
}

func (v *validator) decode(path string, p *Provider, config, secrets any) bool {
	if err := p.Decode(config, secrets); err != nil {
		v.fail(path, "%s", err)
		return false
	}
	return true
}

func (v *validator) metadata(path string, fields []MetadataField) {
	v.count(path+".metadata_fields", len(fields))
	seen := map[string]bool{}
	for i, f := range fields {
		at := fmt.Sprintf("%s.metadata_fields[%d]", path, i)
		v.text(at+".name", f.Name, 1024)
		if n := len([]rune(f.FieldName)); n > maxFieldName {
			v.fail(at+".field_name", "it has more than %d characters", maxFieldName)
		}
		if f.FieldName != "" && seen[f.FieldName] {
			v.fail(at+".field_name", "there are two with the name %q", clip(f.FieldName))
		}
		seen[f.FieldName] = true
	}
}
