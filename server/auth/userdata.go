package auth

import (
	"context"
	"encoding/json"

	"realmsync/server/ejson"
)

// maxUserData is the most that the custom user data in a token may have, in bytes: the token goes into a URL and into a header line
// (app-services 9).
const maxUserData = 4 << 10

// userData returns the claim user_data of a user's access tokens: canonical extended JSON, nil when there is none. Data that is too
// large, or that cannot be read, is left out: a user without it can log in, and who looks after the server finds out from the log.
func (s *Service) userData(ctx context.Context, app *App, user string) json.RawMessage {
	if s.cfg.CustomData == nil {
		return nil
	}
	doc, err := s.cfg.CustomData.Lookup(ctx, app.ID, user)
	if err != nil {
		s.log.Error("custom user data was left out of a token", "app", app.ID, "user", user, "error", err)
		return nil
	}
	if doc == nil {
		return nil
	}
	text, err := ejson.Marshal(doc)
	if err == nil {
		text, err = json.Marshal(json.RawMessage(text)) // as the token will have it: '<', '>' and '&' become longer
	}
	if err != nil {
		s.log.Error("custom user data was left out of a token", "app", app.ID, "user", user, "error", err)
		return nil
	}
	if len(text) > maxUserData {
		s.log.Warn("custom user data was left out of a token: it is too large", "app", app.ID, "user", user, "bytes", len(text), "most", maxUserData)
		return nil
	}
	return text
}
