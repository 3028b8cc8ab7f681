package auth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"realmsync/server/appconfig"
)

// The types of login providers that an app has (app-services 4.1).
const (
	ProviderAnonymous = appconfig.ProviderAnonymous
	ProviderUserpass  = appconfig.ProviderUserpass
	ProviderAPIKey    = appconfig.ProviderAPIKey
	ProviderCustom    = appconfig.ProviderCustomToken
	ProviderFunction  = appconfig.ProviderCustomFunction
	ProviderGoogle    = appconfig.ProviderGoogle
	ProviderApple     = appconfig.ProviderApple
	ProviderFacebook  = appconfig.ProviderFacebook
)

// App is one application. It doesn't change.
type App struct {
	ID         string // the client app id, which programs are configured with
	InternalID string // 24 hexadecimal digits
	GroupID    string // of the group of apps, 24 hexadecimal digits
	DomainID   string // in tokens, 24 hexadecimal digits
	Strict     bool   // its clients and the server merge by the strict rules (merge.Strict)
}

// App returns the app with a client app id, or *ErrUnknownApp. In development mode an app that doesn't exist is created.
func (s *Service) App(ctx context.Context, id string) (*App, error) {
	app, err := s.lookupApp(ctx, id)
	var unknown *ErrUnknownApp
	if !s.cfg.Dev || s.cfg.KnownApps || !errors.As(err, &unknown) || !ValidAppID(id) {
		return app, err
	}
	app, _, err = s.createApp(ctx, id, s.cfg.DevStrict, maxDevApps)
	return app, err
}

// CreateApp makes an app. Until it is configured, it has anonymous and e-mail logins (appconfig.Default). created is false when it was there.
func (s *Service) CreateApp(ctx context.Context, id string) (app *App, created bool, err error) {
	return s.CreateAppWith(ctx, id, false)
}

// CreateAppWith is CreateApp; strict says by which rules the app merges, which never changes.
func (s *Service) CreateAppWith(ctx context.Context, id string, strict bool) (app *App, created bool, err error) {
	if !ValidAppID(id) {
		return nil, false, fmt.Errorf("auth: %q can't be an app id: use 1 to 64 letters, digits, '.', '_' and '-', beginning with a letter or a digit", clip(id, 64))
	}
	return s.createApp(ctx, id, strict, 0)
}

// Apps returns all apps, ordered by id.
func (s *Service) Apps(ctx context.Context) ([]App, error) {
	rows, err := s.db.read.QueryContext(ctx, "SELECT id, internal_id, group_id, domain_id, strict FROM apps ORDER BY id")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []App
	for rows.Next() {
		var a App
		if err := rows.Scan(&a.ID, &a.InternalID, &a.GroupID, &a.DomainID, &a.Strict); err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, rows.Err()
}

// createApp makes an app unless there are limit already; 0 means no limit.
func (s *Service) createApp(ctx context.Context, id string, strict bool, limit int) (app *App, created bool, err error) {
	now := s.now()
	err = s.db.update(ctx, func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM apps").Scan(&n); err != nil {
			return err
		}
		app, err = findApp(ctx, tx, "id", id)
		if err != nil || app != nil {
			return err
		}
		if limit > 0 && n >= limit {
			return &Error{Status: 429, Text: fmt.Sprintf("this server has %d apps already; development mode makes no more", n)}
		}
		if err := canCreate(ctx, tx, id); err != nil {
			return err
		}
		created = true
		app = &App{ID: id, InternalID: NewObjectID(now), DomainID: NewObjectID(now), Strict: strict}
		// All apps of a server are in one group.
		if app.GroupID, err = s.group(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO apps (id, internal_id, group_id, domain_id, created, strict) VALUES (?,?,?,?,?,?)",
			app.ID, app.InternalID, app.GroupID, app.DomainID, now.Unix(), strict); err != nil {
			return err
		}
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("auth: creating app %s: %w", id, err)
	}
	if created {
		s.log.Info("app created", "app", id)
	}
	app, err = s.lookupApp(ctx, id)
	return app, created, err
}

// lookupApp returns an app that exists, or *ErrUnknownApp.
func (s *Service) lookupApp(ctx context.Context, id string) (*App, error) {
	s.mu.RLock()
	app := s.byID[id]
	s.mu.RUnlock()
	if app != nil {
		return app, nil
	}
	if !ValidAppID(id) {
		return nil, &ErrUnknownApp{ID: id}
	}
	app, err := s.seen(ctx, "id", id)
	if err != nil {
		return nil, fmt.Errorf("auth: looking for app %s: %w", id, err)
	}
	if app == nil {
		return nil, &ErrUnknownApp{ID: id}
	}
	return app, nil
}

// appOfDomain returns the app that a token is for; nil when there is none.
func (s *Service) appOfDomain(ctx context.Context, domain string) (*App, error) {
	s.mu.RLock()
	app := s.byDomain[domain]
	s.mu.RUnlock()
	if app != nil {
		return app, nil
	}
	app, err := s.seen(ctx, "domain_id", domain)
	if err != nil {
		return nil, fmt.Errorf("auth: looking for the app of a token: %w", err)
	}
	return app, nil
}

// seen looks an app up by one of its columns, and returns the one App that stands for it in memory; nil when there is none.
func (s *Service) seen(ctx context.Context, column, value string) (*App, error) {
	for {
		s.mu.RLock()
		deleted := s.deleted
		s.mu.RUnlock()
		app, err := findApp(ctx, s.db.read, column, value)
		if err != nil || app == nil {
			return nil, err
		}
		if app = s.remember(app, deleted); app != nil {
			return app, nil
		}
	}
}

// remember returns the one App that stands for this app in memory; nil if an app was deleted since there were so many deletions: it may be this one.
func (s *Service) remember(app *App, deleted uint64) *App {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deleted != deleted {
		return nil
	}
	if have := s.byID[app.ID]; have != nil {
		return have
	}
	s.byID[app.ID], s.byDomain[app.DomainID] = app, app
	return app
}

// findApp looks an app up by one of its columns; nil when there is none.
func findApp(ctx context.Context, q querier, column, value string) (*App, error) {
	a := &App{}
	err := q.QueryRowContext(ctx, "SELECT id, internal_id, group_id, domain_id, strict FROM apps WHERE "+column+" = ?", value).
		Scan(&a.ID, &a.InternalID, &a.GroupID, &a.DomainID, &a.Strict)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return a, err
}
