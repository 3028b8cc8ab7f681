package app

import (
	"context"
	"encoding/json"
	"net/http"
)

// APIKeyInfo is an API key of a user (app-services 7.2).
type APIKeyInfo struct {
	ID       string
	Name     string
	Disabled bool
	Key      string // the secret itself; only CreateAPIKey gives it
}

// CreateAPIKey makes a key with which the user can log in from elsewhere, see APIKey.
//
// Errors of all calls of this group: CodeClientUserNotLoggedIn, CodeAPIKeyNotFound and other service codes. When the server ends the
// login (status 401) the user is logged out.
func (u *User) CreateAPIKey(ctx context.Context, name string) (APIKeyInfo, error) {
	const op = "create an API key"
	resp, err := u.apiKeyCall(ctx, op, http.MethodPost, "", jsonBody(member("name", name)))
	if err != nil {
		return APIKeyInfo{}, err
	}
	return parseAPIKey(op, resp.Body)
}

// APIKey returns one of the user's keys, without its secret.
func (u *User) APIKey(ctx context.Context, id string) (APIKeyInfo, error) {
	const op = "get an API key"
	resp, err := u.apiKeyCall(ctx, op, http.MethodGet, "/"+percentEncode(id), nil)
	if err != nil {
		return APIKeyInfo{}, err
	}
	return parseAPIKey(op, resp.Body)
}

// APIKeys returns all of the user's keys, without their secrets.
func (u *User) APIKeys(ctx context.Context) ([]APIKeyInfo, error) {
	const op = "list the API keys"
	resp, err := u.apiKeyCall(ctx, op, http.MethodGet, "", nil)
	if err != nil {
		return nil, err
	}
	var list []json.RawMessage
	if err := json.Unmarshal(resp.Body, &list); err != nil {
		return nil, &Error{Code: CodeMalformedJSON, Op: op, Err: err, Message: "the server's answer is not an array of API keys"}
	}
	keys := make([]APIKeyInfo, len(list))
	for i, raw := range list {
		if keys[i], err = parseAPIKey(op, raw); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// DeleteAPIKey deletes a key; nobody can log in with it any more.
func (u *User) DeleteAPIKey(ctx context.Context, id string) error {
	_, err := u.apiKeyCall(ctx, "delete an API key", http.MethodDelete, "/"+percentEncode(id), nil)
	return err
}

// EnableAPIKey lets users log in with a key again.
func (u *User) EnableAPIKey(ctx context.Context, id string) error {
	_, err := u.apiKeyCall(ctx, "enable an API key", http.MethodPut, "/"+percentEncode(id)+"/enable", nil)
	return err
}

// DisableAPIKey keeps users from logging in with a key until it is enabled.
func (u *User) DisableAPIKey(ctx context.Context, id string) error {
	_, err := u.apiKeyCall(ctx, "disable an API key", http.MethodPut, "/"+percentEncode(id)+"/disable", nil)
	return err
}

func (u *User) apiKeyCall(ctx context.Context, op, method, path string, body []byte) (*Response, error) {
	return u.app.sendWithRefreshToken(ctx, u, call{op: op, method: method, path: authPath + "/api_keys" + path, body: body})
}

func parseAPIKey(op string, raw []byte) (APIKeyInfo, error) {
	var k APIKeyInfo
	doc, err := parseObject(op, raw)
	if err != nil {
		return k, err
	}
	if k.ID, err = doc.requiredString("_id"); err != nil {
		return k, err
	}
	if k.Name, err = doc.requiredString("name"); err != nil {
		return k, err
	}
	if k.Disabled, err = doc.requiredBool("disabled"); err != nil {
		return k, err
	}
	k.Key, err = doc.optionalString("key")
	return k, err
}
