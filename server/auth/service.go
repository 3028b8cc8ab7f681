package auth

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"realmsync/server/appconfig"
	"realmsync/server/egress"
	"realmsync/server/jwks"
)

// Lifetimes of tokens (app-services 5.1).
const (
	// DefaultAccessLife is how long an access token is good.
	DefaultAccessLife = 30 * time.Minute
	// DefaultRefreshLife is how long a session lasts: its refresh token is never replaced.
	DefaultRefreshLife = 60 * 24 * time.Hour
	// MinRefreshLife is the least that a session may last.
	MinRefreshLife = 30 * time.Minute
)

// maxDevApps bounds what strangers can create in development mode.
const maxDevApps = 10_000

// Config says how a Service works. The zero value of each field but Dir means the default.
type Config struct {
	// Dir is the data directory; it exists. auth.db and token-keys are made in it.
	Dir string
	// Dev creates every app on first contact, and counts no attempts.
	Dev bool
	// KnownApps, with Dev, creates no app on first contact: they are made by administrators, and others are unknown.
	KnownApps bool
	// DevStrict makes those apps merge by the strict rules.
	DevStrict bool
	// Configs are the configurations of the apps. nil: they are kept in memory, and every app begins with appconfig.Default.
	Configs Configs
	// Mailer sends letters to the users. nil: links are written to the log in development mode, and refused otherwise.
	Mailer Mailer
	// Roots are the authorities that sign the certificates of identity providers. nil: those of the system.
	Roots *x509.CertPool
	// CustomJWTSecret, of at least 32 bytes, turns on the provider custom-token in development mode: tokens signed with it
	// (HS256) and for the app's id as audience are taken by every app that has no provider of its own. Without Dev it is refused.
	CustomJWTSecret []byte
	// AccessLife and RefreshLife are the lifetimes of tokens.
	AccessLife, RefreshLife time.Duration
	// KeyLife is how long a key signs tokens before MaintainKeys makes another; 0: until RotateKeys.
	KeyLife time.Duration
	// PasswordCost is for new hashes; stored ones of another cost are renewed when their owner logs in.
	PasswordCost PasswordCost
	// OnRevoke, if set, is told when a user is disabled or deleted or loses sessions, after it happened (see TellRevoked). It must not
	// block, nor call the Service. It is how open sync connections end.
	OnRevoke func(Revocation)
	// Functions, if set, runs functions of apps. See SetFunctions.
	Functions Functions
	// CustomData, if set, finds the custom data of users. See SetCustomData.
	CustomData CustomData
	// Group is the group of the first app, 24 hexadecimal digits. Others are in the group of those that there are.
	Group string
	// Now is the clock.
	Now func() time.Time
	// Logger gets what an operator should know: apps created, logins refused.
	Logger *slog.Logger
}

// Service is the users of one data directory. All methods may be called concurrently.
type Service struct {
	cfg       Config
	db        *database
	tokens    *tokens
	hasher    *hasher
	egress    *egress.Client
	keySets   *jwks.Cache
	guesses   *Guesses // by app and e-mail: password attempts
	letters   *limiter // by app and e-mail: what can send a mail
	remotes   *limiter // by address: logins, registrations, and all that could be one guess of many
	refreshes *limiter // by session
	arrivals  arrivals
	now       func() time.Time
	log       *slog.Logger

	// Apps that were seen, as long as they are there; they don't change. mu guards the two maps and deleted, and nothing else.
	mu       sync.RWMutex
	byID     map[string]*App
	byDomain map[string]*App
	deleted  uint64 // how many apps were deleted: what was read of one before may be over

	telling sync.Mutex // guards told, and keeps what OnRevoke is told in order
	told    int64      // the last revocation that OnRevoke was told of
}

// Open opens, or makes, the users of a data directory. Close it.
func Open(ctx context.Context, cfg Config) (*Service, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.AccessLife == 0 {
		cfg.AccessLife = DefaultAccessLife
	}
	if cfg.RefreshLife == 0 {
		cfg.RefreshLife = DefaultRefreshLife
	}
	switch {
	case cfg.AccessLife < time.Second:
		return nil, fmt.Errorf("auth: access tokens must live at least a second, not %v", cfg.AccessLife)
	case cfg.RefreshLife < MinRefreshLife:
		return nil, fmt.Errorf("auth: refresh tokens must live at least %v, not %v", MinRefreshLife, cfg.RefreshLife)
	case cfg.KeyLife != 0 && cfg.KeyLife < minKeyLife:
		return nil, fmt.Errorf("auth: keys must sign for at least %v, not %v", minKeyLife, cfg.KeyLife)
	case cfg.CustomJWTSecret != nil && !cfg.Dev:
		return nil, errors.New("auth: one secret for the custom JWTs of all apps is for development mode only")
	case cfg.CustomJWTSecret != nil && len(cfg.CustomJWTSecret) < minCustomKey:
		return nil, fmt.Errorf("auth: the secret of custom JWTs has %d bytes, at least %d are needed", len(cfg.CustomJWTSecret), minCustomKey)
	}
	cfg.PasswordCost = cfg.PasswordCost.orDefault()
	configured := cfg.Configs != nil
	if !configured {
		cfg.Configs = &memoryConfigs{apps: map[string]*appconfig.Config{}}
	}
	// The database first: a directory of a newer version is refused before anything is made in it.
	db, err := openDatabase(ctx, filepath.Join(cfg.Dir, "auth.db"))
	if err != nil {
		return nil, err
	}
	keys, err := openKeyring(filepath.Join(cfg.Dir, keyFile), cfg.Now())
	if err != nil {
		return nil, errors.Join(err, db.close())
	}
	s := &Service{
		cfg: cfg, db: db, tokens: newTokens(keys, cfg.Now), hasher: newHasher(cfg.PasswordCost, slotsFor(cfg.PasswordCost)), now: cfg.Now, log: cfg.Logger,
		egress: newEgress(cfg), byID: map[string]*App{}, byDomain: map[string]*App{},
		arrivals: arrivals{busy: map[arrival]chan struct{}{}},
	}
	s.keySets = jwks.NewCache(s.egress, cfg.Now, cfg.Logger)
	// Nobody has connections of what was revoked before.
	if err := db.read.QueryRowContext(ctx, "SELECT coalesce(max(seq), 0) FROM revocations").Scan(&s.told); err != nil {
		return nil, errors.Join(fmt.Errorf("auth: looking for what was revoked: %w", err), db.close())
	}
	if configured {
		if err := s.takeOverProviders(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("auth: moving the login providers into the configuration: %w", err), db.close())
		}
	}
	if !cfg.Dev {
		s.guesses = NewGuesses(cfg.Now)
		s.letters = newLimiter(5, 1.0/300, cfg.Now)
		s.remotes = newLimiter(100, 10, cfg.Now)
		s.refreshes = newLimiter(60, 1, cfg.Now)
	}
	return s, nil
}

// SetFunctions is Config.Functions for a caller that needs the Service to make them. Call it before the first request.
func (s *Service) SetFunctions(f Functions) { s.cfg.Functions = f }

// SetCustomData is Config.CustomData for a caller that needs the Service to make it. Call it before the first request.
func (s *Service) SetCustomData(d CustomData) { s.cfg.CustomData = d }

// Close releases the files. Calls after it fail.
func (s *Service) Close() error { return s.db.close() }

// Ping says whether the users can be read.
func (s *Service) Ping(ctx context.Context) error {
	var one int
	return s.db.read.QueryRowContext(ctx, "SELECT 1 FROM sqlite_schema LIMIT 1").Scan(&one)
}
