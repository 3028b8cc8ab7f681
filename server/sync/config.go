package sync

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"realmsync/core/wire"
	"realmsync/server/auth"
	"realmsync/server/budget"
	"realmsync/server/fairqueue"
	"realmsync/server/history"
	"realmsync/server/store"
)

// Authenticator tells who a client is. *auth.Service is one.
type Authenticator interface {
	// Authenticate decides over an upgrade: see auth.Service.Authenticate for the errors.
	Authenticate(ctx context.Context, appID, accessToken string) (auth.Identity, error)
}

// Config says how a Server works. Auth and Store are required; the zero value of each other field means the default.
type Config struct {
	Auth Authenticator
	// Store opens the memory of an app, which is made if it doesn't exist. It is called on first contact, and again
	// after an app was closed because nobody used it.
	Store func(ctx context.Context, app string) (store.Store, error)
	// Remove deletes the memory of an app that was deleted; nil: it stays.
	Remove func(app string) error
	// Rules tells what users may do; nil: everything.
	Rules Rules
	// MaxDocument is the largest content of one object in bytes, about; default 16 MiB.
	MaxDocument int
	// Dev turns the test commands of the protocol on.
	Dev bool
	// FixedSchema refuses uploads that change the schema.
	FixedSchema bool
	// SpoolDir is where bootstraps wait that are too large for memory; "" is the system's directory for temporary files.
	SpoolDir string
	// MaxSessions is how many sessions one connection may have; default 256.
	MaxSessions int
	// IdleTimeout ends a connection that was silent for so long; default 10 minutes. Clients send a PING each minute.
	IdleTimeout time.Duration
	// WriteTimeout ends a connection that doesn't take one message in so long; default 2 minutes.
	WriteTimeout time.Duration
	// MessageTimeout ends a connection that sends one message for so long; default 2 minutes.
	MessageTimeout time.Duration
	// MaxInbound is how much of what clients have sent all connections together may hold in memory, in bytes; default 1 GiB. Above it the connection
	// that holds most is ended.
	MaxInbound int64
	// MaxBootstraps is how many bootstraps a client may be sent without saying that it has integrated one, since what it writes is judged by each of
	// them; default 1024.
	MaxBootstraps int
	// MaxSpoolMemory is how much of bootstraps that are not sent yet all sessions together keep in memory, in bytes; default 256 MiB. The rest is
	// in files.
	MaxSpoolMemory int64
	// MaxSpoolDisk is how large these files may get together, in bytes; default 16 GiB. Then bootstraps are put off.
	MaxSpoolDisk int64
	// Budget is the memory that what is kept of apps to be at hand has together, besides the bounds that each app has; nil: there are only these.
	Budget *budget.Budget
	// LargeVersion is how many bytes of objects enter a client's view with a version, about, that is told in batches (large.go); default 4 MiB.
	LargeVersion int
	// LargeChangeset is history.Config.LargeVersion: objects that come to be in a version whose changeset has more bytes enter views, too. Default
	// history.DefaultLargeVersion. An app must always be served with the same, but in tests.
	LargeChangeset int
	// Turns is where what reads much waits for its turn, bootstraps and histories of clients that were away, apps one after the other; nil: they don't.
	Turns *fairqueue.Queue
	// CloseTimeout is how long Drain, once it has cut clients off, and Close wait for what should end at once; default 30 seconds.
	CloseTimeout time.Duration
	// AppIdle is how long an app stays open without any connection; default 5 minutes.
	AppIdle time.Duration
	// MaxScans is how many queries all sessions of one user may have that are tried on every object that changes; default 1000.
	MaxScans int
	// MaxOffline tells how long a client of an app may be away before its file is given up (error 222), 0 for ever; default: 30 days.
	MaxOffline func(ctx context.Context, app string) time.Duration
	// TrimEvery is how often the history of an open app is trimmed; default 10 minutes.
	TrimEvery time.Duration
	// Limits bounds messages; default wire.ServerLimits.
	Limits wire.Limits
	// Opened, if set, is given an app's engine before anybody else. If it fails, the app is not opened.
	Opened func(ctx context.Context, app string, engine *history.Engine) error
	// Trimming, if set, is called before history of an app is given up. If it fails, that is put off.
	Trimming func(ctx context.Context, app string, engine *history.Engine) error
	// Committed, if set, is told what each commit of an app has changed (history.Config.Committed), before it is distributed and the upload that made it
	// is acknowledged: who was told that an asymmetric object is uploaded finds it (spec/app-services.md 11.2: asymmetricSyncData).
	Committed func(app string, engine *history.Engine, entries []*history.Entry)
	// Hold, if set, is called before what a program wrote is distributed to devices, which waits for it, as does all that is committed behind it. Its
	// context ends when the server is closed. For suites that count on how slow App Services was.
	Hold func(ctx context.Context)
	// Registry is where metrics are registered; nil: nowhere.
	Registry prometheus.Registerer
	Logger   *slog.Logger
	// Now is the clock.
	Now func() time.Time
	// Random is where salts come from; nil: crypto/rand.
	Random io.Reader

	messageBytes int // how large DOWNLOAD messages get, about, before compression; default 1 MiB, and no more than a quarter of a large version
}

func (c *Config) complete() error {
	if c.Auth == nil || c.Store == nil {
		return errors.New("sync: Auth and Store are required")
	}
	if c.MaxSessions == 0 {
		c.MaxSessions = 256
	}
	if c.IdleTimeout == 0 {
		c.IdleTimeout = 10 * time.Minute
	}
	if c.WriteTimeout == 0 {
		c.WriteTimeout = 2 * time.Minute
	}
	if c.MessageTimeout == 0 {
		c.MessageTimeout = 2 * time.Minute
	}
	if c.MaxInbound == 0 {
		c.MaxInbound = 1 << 30
	}
	if c.MaxBootstraps == 0 {
		c.MaxBootstraps = 1024
	}
	if c.MaxSpoolMemory == 0 {
		c.MaxSpoolMemory = 256 << 20
	}
	if c.MaxSpoolDisk == 0 {
		c.MaxSpoolDisk = 16 << 30
	}
	if c.LargeVersion == 0 {
		c.LargeVersion = 4 << 20
	}
	if c.CloseTimeout == 0 {
		c.CloseTimeout = 30 * time.Second
	}
	if c.AppIdle == 0 {
		c.AppIdle = 5 * time.Minute
	}
	if c.MaxScans == 0 {
		c.MaxScans = 1000
	}
	if c.MaxDocument == 0 {
		c.MaxDocument = 16 << 20
	}
	if c.MaxOffline == nil {
		c.MaxOffline = func(context.Context, string) time.Duration { return DefaultMaxOffline }
	}
	if c.TrimEvery == 0 {
		c.TrimEvery = 10 * time.Minute
	}
	if c.Limits == (wire.Limits{}) {
		c.Limits = wire.ServerLimits()
		c.Limits.Query = 16 << 20 // beyond maxQuery they are refused by QUERY_ERROR: a close frame would reset the client, and it would send the same again
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.messageBytes == 0 {
		c.messageBytes = min(1<<20, max(c.LargeVersion/4, 1))
	}
	return nil
}

// DefaultMaxOffline is how long a client may be away (spec/sync-semantics.md section 4.7).
const DefaultMaxOffline = 30 * 24 * time.Hour

// Bounds on what a session holds in memory of what its client has sent; what its connection does is bounded by connInbound.
const (
	inboxMessages = 256      // waiting to be handled
	underWay      = 64       // uploads given to the engine and not yet answered
	underWayBytes = 64 << 20 // of their changesets
)

// connBoots is how many bootstraps of one connection are made before the first of them is sent.
const connBoots = 4

// maxQuery is how long the query body of a subscription set may be, in bytes.
const maxQuery = 1 << 20

// tooLong is the text for the user about a query body that is longer; "" if it isn't.
func tooLong(body []byte) string {
	if len(body) <= maxQuery {
		return ""
	}
	return fmt.Sprintf("Invalid query: the queries of the subscription set have %d bytes, at most %d are allowed; use fewer or shorter ones", len(body), maxQuery)
}

// minVersion is the oldest protocol version that is spoken: the first whose BIND holds JSON and whose errors have actions.
const minVersion = wire.VersionBindJSON
