package auth

import "context"

// KeyCaller returns the user that an API key of the app belongs to, for requests that bring a key instead of a token and begin no session: the data
// API. A key that is unknown, disabled or of a disabled user is refused with 401, as at login.
func (s *Service) KeyCaller(ctx context.Context, app *App, key string) (*Caller, error) {
	if _, err := s.provider(ctx, app, ProviderAPIKey); err != nil {
		return nil, err
	}
	_, user, err := s.checkKey(ctx, app, key)
	if err != nil {
		return nil, err
	}
	disabled, exists, err := userState(ctx, s.db.read, app, user)
	switch {
	case err != nil:
		return nil, wrap("looking for a user", err)
	case disabled || !exists:
		return nil, ErrUserDisabled
	}
	return s.Caller(ctx, app, user)
}
