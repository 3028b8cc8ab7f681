package auth

import (
	"context"
	"database/sql"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// userOf returns the user that credentials name, and makes it if they are new: first the app's function for new users runs (app-services 9), and
// when it has returned the user is stored. So nobody meets a user whose creation has not finished, not even after a crash, and if the function fails
// there is none. Whoever comes with the same credentials meanwhile waits; if there is no user then, its turn has come.
func (s *Service) userOf(ctx context.Context, app *App, who resolved, now time.Time) (user string, err error) {
	leave, err := s.arrivals.enter(ctx, who.arrival(app))
	if err != nil {
		return "", err
	}
	defer leave()
	id := NewObjectID(now)
	find := func(ctx context.Context, id string) error {
		return s.db.update(ctx, func(tx *sql.Tx) error {
			user, err = s.userFor(ctx, tx, app, who, id, now)
			return err
		})
	}
	custom := who.provider.config.CustomUserData
	if custom == nil || custom.OnCreation == "" {
		return user, find(ctx, id)
	}
	if err := find(ctx, ""); err != nil || user != "" {
		return user, err
	}
	document, err := who.document(app, id)
	if err != nil {
		return "", err
	}
	if _, err := s.call(ctx, app, custom.OnCreation, bson.A{document}); err != nil {
		return "", err
	}
	return user, find(context.WithoutCancel(ctx), id) // the function may have written something for the user
}

// document is the new user as the app's function for new users gets it.
func (who resolved) document(app *App, user string) (bson.D, error) {
	data, err := who.data.document()
	return bson.D{{Key: "id", Value: user}, {Key: "type", Value: TypeNormal}, {Key: "data", Value: data}, {Key: "identities", Value: bson.A{bson.D{
		{Key: "id", Value: who.identity}, {Key: "provider_type", Value: who.provider.Type}, {Key: "provider_id", Value: providerID(who.provider.config, app, who.provider.Type)},
	}}}}, err
}

// arrival is an identity of which a user is looked for or made.
type arrival struct{ app, provider, identity string }

func (who resolved) arrival(app *App) arrival {
	return arrival{app.ID, who.provider.Type, who.identity}
}

// arrivals lets those who come with the same identity in one after the other.
type arrivals struct {
	mu   sync.Mutex
	busy map[arrival]chan struct{} // closed when its turn is over
}

// enter waits until nobody else with the same identity is in, or ctx ends. Call leave.
func (a *arrivals) enter(ctx context.Context, who arrival) (leave func(), err error) {
	for {
		a.mu.Lock()
		other := a.busy[who]
		if other == nil {
			done := make(chan struct{})
			a.busy[who] = done
			a.mu.Unlock()
			return func() {
				a.mu.Lock()
				delete(a.busy, who)
				a.mu.Unlock()
				close(done)
			}, nil
		}
		a.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
