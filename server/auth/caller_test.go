package auth

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// customData is the custom user data of a test, by user id.
type customData map[string]bson.D

func (d customData) Lookup(_ context.Context, app, userID string) (bson.D, error) {
	if app != "app-abcde" {
		return nil, errors.New("another app was asked for")
	}
	return d[userID], nil
}

func TestCaller(t *testing.T) {
	f := open(t, nil)
	f.register("a@b.c")
	l, err := f.userpass("a@b.c", "password")
	require.NoError(t, err)
	f.SetCustomData(customData{l.UserID: {{Key: "n", Value: int32(3)}}})
	c, err := f.Service.Caller(t.Context(), f.app, l.UserID)
	require.NoError(t, err)
	require.Equal(t, l.UserID, c.UserID)
	require.Equal(t, TypeNormal, c.Type)
	require.Equal(t, bson.D{{Key: "email", Value: "a@b.c"}}, c.Data)
	require.Equal(t, bson.D{{Key: "n", Value: int32(3)}}, c.CustomData)
	require.Len(t, c.Identities, 1)
	require.False(t, c.System)
	_, err = f.Service.Caller(t.Context(), f.app, "636aba021728b6c1c03db83f")
	require.ErrorIs(t, err, ErrUserNotFound)
}
