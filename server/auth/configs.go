package auth

import (
	"context"
	"sync"
	"time"

	"realmsync/server/appconfig"
)

// Configs are the configurations of apps: *appconfig.Store is one.
type Configs interface {
	// Current returns an app's configuration, by its client app id. It is shared and must not be changed.
	Current(ctx context.Context, app string) (*appconfig.Config, error)
	// Update changes a copy of it, checks it, and makes it the current one.
	Update(ctx context.Context, app string, f func(*appconfig.Config) error) (*appconfig.Config, error)
}

// memoryConfigs keeps what was changed, and only that, until the end of the process.
type memoryConfigs struct {
	mu   sync.Mutex
	apps map[string]*appconfig.Config
}

func (m *memoryConfigs) Current(_ context.Context, app string) (*appconfig.Config, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.of(app), nil
}

func (m *memoryConfigs) of(app string) *appconfig.Config {
	if c := m.apps[app]; c != nil {
		return c
	}
	return appconfig.Default(app)
}

func (m *memoryConfigs) Update(_ context.Context, app string, f func(*appconfig.Config) error) (*appconfig.Config, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, err := m.of(app).Clone()
	if err != nil {
		return nil, err
	}
	if err := f(c); err != nil {
		return nil, err
	}
	if c, err = c.Clone(); err != nil {
		return nil, err
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	m.apps[app] = c
	return c, nil
}

// provider is an enabled login provider of an app, with the configuration that it is a part of.
type provider struct {
	*appconfig.Provider

	config *appconfig.Config
	secret []byte // custom-token in development mode: the key, see Config.CustomJWTSecret
}

// provider returns an app's login provider, or an error when it is disabled, or there is none.
func (s *Service) provider(ctx context.Context, app *App, kind string) (provider, error) {
	config, err := s.cfg.Configs.Current(ctx, app.ID)
	if err != nil {
		return provider{}, wrap("reading an app's configuration", err)
	}
	p := config.Provider(kind)
	if kind == ProviderCustom && s.cfg.CustomJWTSecret != nil && (p == nil || p.Disabled) {
		p = &appconfig.Provider{ID: appconfig.FixedID(app.ID, "auth_provider", kind), Name: kind, Type: kind, Config: []byte(`{"signingAlgorithm":"HS256"}`)}
		return provider{Provider: p, config: config, secret: s.cfg.CustomJWTSecret}, nil
	}
	if p == nil || p.Disabled {
		return provider{}, errProvider(kind)
	}
	return provider{Provider: p, config: config}, nil
}

// HasProvider says whether an app has a login provider that is enabled. If that can't be found out it has none: the login that follows says why.
func (s *Service) HasProvider(ctx context.Context, app *App, kind string) bool {
	_, err := s.provider(ctx, app, kind)
	return err == nil
}

// providerID is for what is told of an identity; the provider may be gone by then.
func providerID(config *appconfig.Config, app *App, kind string) string {
	if p := config.Provider(kind); p != nil {
		return p.ID
	}
	return appconfig.FixedID(app.ID, "auth_provider", kind)
}

// AppConfig returns the current configuration of an app. It is shared: don't change it.
func (s *Service) AppConfig(ctx context.Context, app *App) (*appconfig.Config, error) {
	c, err := s.cfg.Configs.Current(ctx, app.ID)
	return c, wrap("reading an app's configuration", err)
}

// SetProviderDisabled disables or enables a login provider of an app. Sessions that were opened with it stay.
func (s *Service) SetProviderDisabled(ctx context.Context, app *App, kind string, disabled bool) error {
	_, err := s.cfg.Configs.Update(ctx, app.ID, func(c *appconfig.Config) error {
		p := c.Provider(kind)
		if p == nil {
			return errProvider(kind)
		}
		p.Disabled = disabled
		return nil
	})
	return wrap("changing a provider", err)
}

// refreshLife is how long a session of an app lasts that is opened now.
func (s *Service) refreshLife(c *appconfig.Config) time.Duration {
	if n := c.Security.RefreshTokenExpiration; n > 0 {
		return max(MinRefreshLife, time.Duration(n)*time.Second) // appconfig bounds it
	}
	return s.cfg.RefreshLife
}
