package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// certificate is a certificate in files, which is read again when they have changed: at a handshake, at most once a second, and when it is
// told to. What can't be read changes nothing: the last good one stays in use. It is safe for concurrent use.
type certificate struct {
	certPath, keyPath string
	log               *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	stamp   [2]stamp
	looked  time.Time
}

// stamp tells versions of a file apart.
type stamp struct {
	modified time.Time
	size     int64
}

func openCertificate(certPath, keyPath string) (*certificate, error) {
	c := &certificate{certPath: certPath, keyPath: keyPath, log: slog.New(slog.DiscardHandler)}
	c.stamp = c.stamps()
	return c, c.load()
}

func (c *certificate) stamps() (out [2]stamp) {
	for i, path := range [2]string{c.certPath, c.keyPath} {
		if info, err := os.Stat(path); err == nil {
			out[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return out
}

func (c *certificate) load() error {
	pair, err := tls.LoadX509KeyPair(c.certPath, c.keyPath)
	if err != nil {
		return fmt.Errorf("reading the certificate %s with the key %s: %w", c.certPath, c.keyPath, err)
	}
	c.current = &pair
	return nil
}

// reload reads the files if they have changed, or in any case.
func (c *certificate) reload(force bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if !force && now.Sub(c.looked) < time.Second {
		return
	}
	c.looked = now
	at := c.stamps()
	if !force && at == c.stamp {
		return
	}
	c.stamp = at
	if err := c.load(); err != nil {
		c.log.Error("the new certificate is not used", "error", err)
		return
	}
	c.log.Info("the certificate was read again", "path", c.certPath)
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.reload(false)
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current, nil
}

// follow reads the files again on SIGHUP, until stop.
func (c *certificate) follow() (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-signals:
				c.reload(true)
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		cancel()
		<-ended
	}
}

// listener speaks TLS 1.2 or newer, and HTTP/1.1: WebSockets need that.
func (c *certificate) listener(l net.Listener) net.Listener {
	return tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get, NextProtos: []string{"http/1.1"}})
}
