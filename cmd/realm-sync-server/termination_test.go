package main

import (
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
	"realmsync/tests/request"
)

// A server that is killed when an app's sync is terminated in its configuration, and its client files are not forgotten yet, forgets them before sync is enabled
// again: no device goes on from before.
func TestKilledTermination(t *testing.T) {
	t.Parallel()
	d := &doomed{t: t, data: t.TempDir()}
	d.start()
	d.fill()
	ws := d.dialAs("old", d.user)
	ident, download := bind(t, ws)
	require.NoError(t, ws.CloseNow())
	var services []struct {
		ID string `json:"_id"`
	}
	a := request.Request{Method: http.MethodGet, URL: d.base + d.at + "/services", Token: d.token}.Do(t)
	require.NoError(t, json.Unmarshal(a.Body, &services), "%s", a.Body)
	config := d.at + "/services/" + services[0].ID + "/config"

	unlock := locked(t, filepath.Join(d.data, "apps", "old", "sync.db"))
	answered := make(chan error, 1)
	go func() {
		_, err := request.Request{Method: http.MethodPatch, URL: d.base + config, Token: d.token, Body: `{"flexible_sync":{"state":""}}`}.Try(context.Background())
		answered <- err
	}()
	until(t, func() bool { return d.call("GET", d.at+"/sync/state?sync_type=flexible", "", 200)["state"] == "" })
	require.NoError(t, d.cmd.Process.Kill())
	require.Error(t, d.wait())
	require.Error(t, <-answered)
	unlock()

	d.start()
	d.call("PATCH", config, `{"flexible_sync":{"state":"enabled"}}`, 204)
	ws = d.dialAs("old", d.user)
	send(t, ws, &wire.Bind{Session: 1, Data: wire.BindData{}.Append(nil)})
	send(t, ws, &wire.Ident{Session: 1, FileIdent: ident.FileIdent, Salt: ident.Salt, Download: download.Progress.Download, Latest: download.Progress.Latest, Query: []byte("{}")})
	require.Equal(t, wire.CodeBadClientFileIdent, receive[*wire.JSONError](t, ws).Code)
	require.NoError(t, ws.CloseNow())
	d.stop()
}
