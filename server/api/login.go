package api

import (
	"errors"
	"net/http"

	"realmsync/server/auth"
)

// location answers app-services 3.1.
func (s *Server) location(c *call) error {
	base := s.baseURL(c.r)
	writeJSON(c.w, c.r, http.StatusOK, jsonType, struct {
		DeploymentModel string `json:"deployment_model"`
		Location        string `json:"location"`
		Hostname        string `json:"hostname"`
		WSHostname      string `json:"ws_hostname"`
	}{"GLOBAL", "US-VA", base, webSocketBase(base)})
	return nil
}

// login answers app-services 4: it opens a session, or with ?link=true adds credentials to a user.
func (s *Server) login(c *call) error {
	body, text, err := c.membersText()
	if err != nil {
		return err
	}
	credentials := auth.Credentials{Provider: c.params["provider"], Remote: c.remote()}
	if err := readCredentials(&credentials, body, text); err != nil {
		return err
	}
	// realm-cpp sends no device id, other SDKs do; nothing about a device is required (4.1).
	device := body.inner("options").inner("device")
	if id, _ := device.text("deviceId"); len(id) == objectIDDigits {
		credentials.DeviceID = id
	}
	credentials.Device = readDevice(device)
	if c.r.URL.Query().Get("link") == "true" {
		token, err := s.auth.Link(c.r.Context(), c.app, c.bearer(), credentials)
		if err != nil {
			return err
		}
		writeJSON(c.w, c.r, http.StatusOK, jsonType, accessAnswer{token})
		return nil
	}
	login, err := s.auth.Login(c.r.Context(), c.app, credentials)
	if err != nil {
		return err
	}
	writeJSON(c.w, c.r, http.StatusOK, jsonType, struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
		UserID       string `json:"user_id"`
		DeviceID     string `json:"device_id"`
	}{login.AccessToken, login.RefreshToken, login.UserID, login.DeviceID})
	return nil
}

// readCredentials takes the members of the provider, and no other: what else is in a body is its provider's matter (4.1).
func readCredentials(c *auth.Credentials, body object, text []byte) (err error) {
	switch c.Provider {
	case auth.ProviderUserpass:
		if c.Username, err = body.text("username"); err == nil {
			c.Password, err = body.text("password")
		}
	case auth.ProviderCustom:
		c.Token, err = body.text("token")
	case auth.ProviderAPIKey:
		c.Key, err = body.text("key")
	case auth.ProviderFunction:
		c.Payload, err = document(text, "options")
	case auth.ProviderGoogle, auth.ProviderApple, auth.ProviderFacebook:
		for name, to := range map[string]*string{"authCode": &c.AuthCode, "id_token": &c.IDToken, "accessToken": &c.AccessToken} {
			if *to, err = body.text(name); err != nil {
				return err
			}
		}
	}
	return err
}

// objectIDDigits is the length of an object id.
const objectIDDigits = 24

// readDevice takes the texts that a client says of its device (4.1). What is not a text is left out, and of one that is long, what is not kept anyhow: a
// login may wait for its turn to have its password hashed, and there may be many.
func readDevice(o object) (d auth.Device) {
	for name, to := range map[string]*string{
		"appId": &d.AppID, "appVersion": &d.AppVersion, "bundleId": &d.BundleID, "coreVersion": &d.CoreVersion, "cpuArch": &d.CPUArch,
		"deviceName": &d.DeviceName, "deviceVersion": &d.DeviceVersion, "frameworkName": &d.FrameworkName, "frameworkVersion": &d.FrameworkVersion,
		"platform": &d.Platform, "platformVersion": &d.PlatformVersion, "sdk": &d.SDK, "sdkVersion": &d.SDKVersion,
	} {
		text, _ := o.text(name)
		*to = clip(text, auth.MaxDeviceText)
	}
	return d
}

// accessAnswer is what linking and refreshing answer.
type accessAnswer struct {
	AccessToken string `json:"access_token"`
}

// profile answers app-services 4.5.
func (s *Server) profile(c *call) error {
	caller, err := s.accessCaller(c)
	if err != nil {
		return err
	}
	p, err := s.auth.Profile(c.r.Context(), caller)
	if err != nil {
		return err
	}
	p.Data = p.Data.Readable()
	writeJSON(c.w, c.r, http.StatusOK, jsonType, p)
	return nil
}

// refresh answers app-services 5.3.
func (s *Server) refresh(c *call) error {
	token, err := s.auth.Refresh(c.r.Context(), c.bearer())
	if errors.Is(err, auth.ErrInvalidSession) {
		// Only what was refused is counted: behind one address there may be many clients (13.5).
		if tooMany := s.auth.Attempt(c.remote()); tooMany != nil {
			return tooMany
		}
	}
	if err != nil {
		return err
	}
	writeJSON(c.w, c.r, http.StatusCreated, jsonType, accessAnswer{token})
	return nil
}

// logout revokes the session of a refresh token (6.1).
func (s *Server) logout(c *call) error {
	if err := s.auth.Logout(c.r.Context(), c.bearer()); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// deleteUser removes the user of an access token (6.1).
func (s *Server) deleteUser(c *call) error {
	caller, err := s.accessCaller(c)
	if err != nil {
		return err
	}
	if err := s.auth.DeleteUser(c.r.Context(), caller.App, caller.UserID); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}
