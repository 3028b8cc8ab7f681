package data

import (
	"context"
	"errors"
	"net/http"
	"time"

	"realmsync/core/rql"
	"realmsync/server/apierror"
	"realmsync/server/ejson"
	"realmsync/server/excerpt"
	"realmsync/server/fairqueue"
	"realmsync/server/history"
	"realmsync/server/mql"
)

// The refusals that callers are told (app-services 2.3).
var (
	errInsert = apierror.New(http.StatusForbidden, "NoMatchingRuleFound", "insert not permitted")
	errUpdate = apierror.New(http.StatusForbidden, "NoMatchingRuleFound", "update not permitted")
	errDelete = apierror.New(http.StatusForbidden, "NoMatchingRuleFound", "delete not permitted")
)

// errBusy is what a long operation is told when as many of the app wait already as may.
var errBusy = &apierror.Error{Status: http.StatusTooManyRequests, Text: "too many long operations are under way, try again later", Retry: 10 * time.Second}

func invalid(format string, args ...any) error {
	return apierror.New(http.StatusBadRequest, "InvalidParameter", format, args...)
}

func missingArgument(name string) error {
	return apierror.New(http.StatusBadRequest, "MissingParameter", "missing argument '%s'", name)
}

// schemaFailure is the refusal of a document that doesn't fit its class.
func schemaFailure(format string, args ...any) error {
	return apierror.New(http.StatusBadRequest, "SchemaValidationFailedWrite", "schema validation failed: "+format, args...)
}

func duplicate(c Collection, id any) error {
	text, err := ejson.Marshal(id)
	if err != nil {
		text = []byte("?")
	}
	return apierror.New(http.StatusConflict, "MongoDBError", "E11000 duplicate key error collection: %s.%s index: _id_ dup key: { _id: %s }", clip(c.Database), clip(c.Name), clip(string(text)))
}

// explain makes what an operation failed with an error for the caller, if it is the caller's doing.
func explain(err error) error {
	var api *apierror.Error
	var query *mql.Error
	var refused *history.Error
	var bad *rql.Error
	switch {
	case err == nil || errors.As(err, &api):
		return err
	case errors.As(err, &query):
		return apierror.New(http.StatusBadRequest, "MongoDBError", "%s", query.Text)
	case errors.As(err, &bad):
		if errors.Is(bad, rql.ErrLimit) {
			return costly(err)
		}
		return invalid("%s", bad.Error())
	case errors.Is(err, mql.ErrMemory):
		return apierror.New(http.StatusBadRequest, "ReadSizeLimitExceeded", "the result is too large: ask for less, with a limit or a projection").Because(err)
	case errors.Is(err, fairqueue.ErrFull):
		return errBusy
	case errors.Is(err, mql.ErrBudget), errors.Is(err, context.DeadlineExceeded):
		return costly(err)
	case errors.As(err, &refused):
		return schemaFailure("%s", refused.Message)
	}
	return err
}

// ofDocument notes which of several documents an error is about.
func ofDocument(err error, i, of int) error {
	var e *apierror.Error
	if of < 2 || !errors.As(explain(err), &e) {
		return err
	}
	about := *e
	about.Index = &i
	return &about
}

func costly(err error) error {
	return apierror.New(http.StatusBadRequest, "ExecutionTimeLimitExceeded", "the operation takes too long: narrow it with a filter on _id or a limit").Because(err)
}

// clip bounds what is repeated of a caller's text.
func clip(s string) string { return excerpt.Of(s, 128) }
