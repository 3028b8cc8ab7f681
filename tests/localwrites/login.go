package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// login is as much of App Services as lets a program log in. It names a place for syncing where nobody listens, so that what is recorded
// stays in the files as it was recorded.
func login(w http.ResponseWriter, r *http.Request) {
	body := "{}"
	switch {
	case strings.HasSuffix(r.URL.Path, "/location"):
		body = fmt.Sprintf(`{"deployment_model":"GLOBAL","location":"US-VA","hostname":"http://%s","ws_hostname":"ws://127.0.0.1:1"}`, r.Host)
	case strings.HasSuffix(r.URL.Path, "/login"):
		body = fmt.Sprintf(`{"access_token":%q,"refresh_token":%q,"user_id":"u","device_id":"d"}`, token("access"), token("refresh"))
	case strings.HasSuffix(r.URL.Path, "/session"):
		body = fmt.Sprintf(`{"access_token":%q}`, token("access"))
	case strings.HasSuffix(r.URL.Path, "/profile"):
		body = `{"user_id":"u","identities":[{"id":"i","provider_type":"anon-user"}],"data":{}}`
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(body)) // a client that has gone needs no answer
}

func token(name string) string {
	part := base64.RawURLEncoding.EncodeToString
	now := time.Now().Unix()
	return part([]byte(`{"alg":"none"}`)) + "." + part(fmt.Appendf(nil, `{"name":%q,"iat":%d,"exp":%d}`, name, now, now+1800)) + "." + part([]byte("x"))
}
