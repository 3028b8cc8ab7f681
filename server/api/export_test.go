package api

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// The reader of an export takes minExportRate; it may pause, but not for ever by parts.
func TestPace(t *testing.T) {
	const most = 90 * time.Second
	for name, c := range map[string]struct {
		size, pieces int           // what is written
		take         int           // bytes that the reader takes at a time
		pause        time.Duration // after each
		ended        time.Duration // 0: all is taken
	}{
		"quick":             {4096, 1000, 4096, 0, 0},
		"stalled":           {4096, 1, 1, time.Hour, most},
		"as slow as may be": {4096, 16 * 60 * 10, 4096, time.Second / 16, 0},
		"half as fast":      {4096, 16 * 60 * 10, 4096, time.Second / 8, 2 * most},
		"a little each":     {4096, 60, 4096, time.Minute, most},
		"a byte each":       {4096, 1, 1, time.Second, most},
		"pauses":            {1 << 20, 200, 1 << 20, 15 * time.Second, 0},                     // for which it gets 16
		"long pauses":       {1 << 20, 200, 1 << 20, 80 * time.Second, most + 16*time.Second}, // the second is too long
		"long pieces":       {8 << 20, 30, 8 << 20, 80 * time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, client := net.Pipe()
				done := make(chan struct{})
				go func() {
					defer close(done)
					piece := make([]byte, c.take)
					for {
						if _, err := io.ReadFull(client, piece); err != nil {
							return
						}
						time.Sleep(c.pause)
					}
				}()
				begun := time.Now()
				w := newPacedWriter(server, server.SetWriteDeadline, most)
				var err error
				for i := 0; i < c.pieces && err == nil; i++ {
					if i == 1 {
						time.Sleep(time.Hour) // the server takes its time, which is not the reader's doing
						begun = begun.Add(time.Hour)
					}
					_, err = w.Write(make([]byte, c.size))
				}
				if c.ended == 0 {
					require.NoError(t, err)
					time.Sleep(time.Hour)
					w.last()
					_, err = server.Write(make([]byte, c.take)) // net/http's
					require.NoError(t, err)
				} else {
					require.ErrorContains(t, err, "its reader takes less than 65536 bytes a second")
					require.InDelta(t, c.ended.Seconds(), time.Since(begun).Seconds(), 1)
				}
				require.NoError(t, server.Close())
				<-done
			})
		})
	}
}

// An export whose reader has stopped ends, is told of in the log, and makes room.
func TestSlowExport(t *testing.T) {
	d := openDocuments(t)
	const notes = dataPath + "/Notes/"
	for range 4 {
		d.call(http.MethodPost, notes+"documents?database=plain", d.token, `{"a":"`+strings.Repeat("x", 3<<20)+`"}`).into(201, &json.RawMessage{})
	}
	d.api.writeTime = 50 * time.Millisecond
	conn, err := net.Dial("tcp", d.addr)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(4096))
	_, err = io.WriteString(conn, "GET "+notes+"export?database=plain HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+d.token+"\r\n\r\n")
	require.NoError(t, err)
	ended := func() bool {
		return strings.Contains(d.log.String(), "an export was broken off") && strings.Contains(d.log.String(), "its reader takes less than")
	}
	require.Eventually(t, ended, patience, 5*time.Millisecond)
	d.api.writeTime = patience
	d.call(http.MethodGet, notes+"export?database=plain&filter="+url.QueryEscape(`{"a":1}`), d.token, "").is(http.StatusOK, "")
}
