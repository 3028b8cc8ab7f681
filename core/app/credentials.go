package app

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// The names of the providers (app-services 4.1).
const (
	providerAnonymous = "anon-user"
	providerEmail     = "local-userpass"
	providerAPIKey    = "api-key"
	providerJWT       = "custom-token"
	providerFunction  = "custom-function"
	providerGoogle    = "oauth2-google"
	providerApple     = "oauth2-apple"
	providerFacebook  = "oauth2-facebook"
)

// Credentials say who wants to log in, and prove it. The zero value is refused. Printing them shows the provider only.
type Credentials struct {
	provider string
	reuse    bool            // Anonymous only
	secrets  []jsonMember    // members of the body after "provider"
	document json.RawMessage // Function only: the body
}

// Anonymous logs in without a name. A logged-in anonymous user of the App is used again, without a request.
func Anonymous() Credentials { return Credentials{provider: providerAnonymous, reuse: true} }

// NewAnonymous logs in without a name, as a new user each time.
func NewAnonymous() Credentials { return Credentials{provider: providerAnonymous} }

// EmailPassword logs in a user that was registered with App.RegisterEmail.
func EmailPassword(email, password string) Credentials {
	return Credentials{provider: providerEmail, secrets: []jsonMember{member("username", email), member("password", password)}}
}

// CustomJWT logs in with a token of another system that the server trusts.
func CustomJWT(token string) Credentials {
	return Credentials{provider: providerJWT, secrets: []jsonMember{member("token", token)}}
}

// APIKey logs in with a user's or a server's API key.
func APIKey(key string) Credentials {
	return Credentials{provider: providerAPIKey, secrets: []jsonMember{member("key", key)}}
}

// Function logs in with a document, in extended JSON, for the app's authentication function.
func Function(document []byte) Credentials {
	return Credentials{provider: providerFunction, document: bytes.Clone(document)}
}

// Apple logs in with an id token of Apple's.
func Apple(idToken string) Credentials {
	return Credentials{provider: providerApple, secrets: []jsonMember{member("id_token", idToken)}}
}

// Facebook logs in with an access token of Facebook's.
func Facebook(accessToken string) Credentials {
	return Credentials{provider: providerFacebook, secrets: []jsonMember{member("accessToken", accessToken)}}
}

// GoogleAuthCode logs in with an authorization code of Google's.
func GoogleAuthCode(code string) Credentials {
	return Credentials{provider: providerGoogle, secrets: []jsonMember{member("authCode", code)}}
}

// GoogleIDToken logs in with an id token of Google's.
func GoogleIDToken(token string) Credentials {
	return Credentials{provider: providerGoogle, secrets: []jsonMember{member("id_token", token)}}
}

// Provider returns the provider's name, such as "local-userpass".
func (c Credentials) Provider() string { return c.provider }

// Format prints the provider and never a secret, whatever the verb.
func (c Credentials) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "credentials(%s)", c.provider)
}

// body makes the body of a login request, byte for byte the original's (app-services 4.1).
func (c Credentials) body(appID string, d DeviceInfo) ([]byte, error) {
	options := jsonBody(jsonMember{"device", jsonBody(
		member("appId", appID),
		member("platform", d.Platform),
		member("platformVersion", d.PlatformVersion),
		member("sdk", d.SDK),
		member("sdkVersion", d.SDKVersion),
		member("cpuArch", d.CPUArch),
		member("deviceName", d.DeviceName),
		member("deviceVersion", d.DeviceVersion),
		member("frameworkName", d.FrameworkName),
		member("frameworkVersion", d.FrameworkVersion),
		member("coreVersion", d.CoreVersion),
		member("bundleId", d.BundleID),
	)})
	if c.provider == providerFunction {
		return c.functionBody(options)
	}
	members := append([]jsonMember{member("provider", c.provider)}, c.secrets...)
	return jsonBody(append(members, jsonMember{"options", options})...), nil
}

// functionBody is the caller's document with options: at the place where it has a member of that name, else at the end.
func (c Credentials) functionBody(options []byte) ([]byte, error) {
	doc, err := canonicalJSON(c.document)
	// Of the source: a plain number becomes an object.
	if err == nil && bytes.TrimLeft(c.document, " \t\r\n")[0] != '{' {
		err = fmt.Errorf("it is not an object")
	}
	if err != nil {
		return nil, &Error{Code: CodeBadBSONParse, Op: opLogIn, Err: err,
			Message: fmt.Sprintf("the credentials' document is not extended JSON: %v", err)}
	}
	dec := json.NewDecoder(bytes.NewReader(doc))
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	var members []jsonMember
	placed := false
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		m := jsonMember{name: name.(string)}
		if err := dec.Decode(&m.value); err != nil {
			return nil, err
		}
		if m.name == "options" {
			if placed {
				continue
			}
			m.value, placed = options, true
		}
		members = append(members, m)
	}
	if !placed {
		members = append(members, jsonMember{"options", options})
	}
	return jsonBody(members...), nil
}
