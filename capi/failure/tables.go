package failure

import (
	"errors"
	"fmt"

	"realmsync/core/app"
	"realmsync/core/changeset"
	"realmsync/core/client"
	"realmsync/core/realm"
	"realmsync/core/realm/history"
	"realmsync/core/rql"
	"realmsync/core/schema"
	"realmsync/core/session"
	"realmsync/core/store"
)

// clientRows are the errors of core/client.
var clientRows = []row{
	{client.ErrSessionGone, SessionGone, ""},
	{client.ErrTimeout, Timeout, ""},
	{client.ErrClosed, Logic, "ClientClosed"},
	{client.ErrIllegalCombination, InvalidArgument, "IllegalCombination"},
	{session.ErrNotRunning, Logic, ""},
	{client.ErrUnchangeable, Logic, ""},
	{client.ErrUncommitted, Logic, ""},
}

// realmRows are the errors of core/realm.
var realmRows = []row{
	{realm.ErrClosed, Closed, ""},
	{realm.ErrWrongThread, WrongThread, ""},
	{realm.ErrNotInTransaction, NotInTransaction, ""},
	{realm.ErrInTransaction, Logic, "WrongTransactionState"},
	{realm.ErrNoTransaction, Logic, "WrongTransactionState"},
	{realm.ErrFrozenWrite, Frozen, ""},
	{realm.ErrFrozenObserve, Frozen, ""},
	{realm.ErrObserveAfterChange, Logic, "WrongTransactionState"},
	{realm.ErrInvalidHandle, InvalidHandle, ""},
	{realm.ErrSchemaMismatch, SchemaMismatch, ""},
	{realm.ErrMismatchedConfig, MismatchedConfig, ""},
	{realm.ErrNotSynced, NotSynced, ""},
	{realm.ErrNoSubscription, NoSubscription, ""},
	{realm.ErrNull, Logic, "IllegalOperation"},
}

// historyRows are the errors of core/realm/history.
var historyRows = []row{
	{history.ErrRules, InvalidArgument, "IllegalCombination"},
	{history.ErrNoSuchSubscription, Logic, "KeyNotFound"},
	{history.ErrNoSuchSet, Logic, "KeyNotFound"},
	{history.ErrClockBeforeEpoch, Logic, "SyncLocalClockBeforeEpoch"},
	{history.ErrClosed, Closed, ""},
}

// changesetRows are the errors of core/changeset, for local writes: what can't be recorded can't be synced.
var changesetRows = []row{
	{changeset.ErrBadChangeset, InvalidArgument, "BadChangeset"},
	{changeset.ErrUnsupported, Unsupported, ""},
}

// schemaRows are the errors of core/schema.
var schemaRows = []row{
	{schema.ErrInvalid, InvalidSchema, ""},
	{schema.ErrIncompatible, SchemaMismatch, "InvalidSchemaChange"},
}

// storeRows are the errors of core/store.
var storeRows = []row{
	{store.ErrAccess, FileAccess, ""},
	{store.ErrReadOnly, FileAccess, "ReadOnly"},
	{store.ErrFormat, FileFormat, ""},
	{store.ErrKey, FileFormat, "DecryptionFailed"},
	{store.ErrInterrupted, Aborted, ""},
	{store.ErrTransaction, Logic, "WrongTransactionState"},
	{store.ErrSchema, NoSuchClass, ""},
	{store.ErrNoObject, NoSuchObject, ""},
	{store.ErrKeyExists, KeyExists, ""},
	{store.ErrType, TypeMismatch, ""},
	{store.ErrNotNullable, NotNullable, ""},
	{store.ErrRange, OutOfRange, ""},
	{store.ErrOpen, Logic, "DeleteOnOpenRealm"},
}

// sessionStatuses are the statuses of errors of core/session that aren't Sync, by name.
var sessionStatuses = map[string]Status{
	"OperationAborted":   Aborted,
	"BrokenPromise":      SessionGone,
	"MismatchedConfig":   MismatchedConfig,
	"SyncConnectFailed":  Network,
	"SyncConnectTimeout": Network,
	"ConnectionClosed":   Network,
	"TlsHandshakeFailed": Network,
	"ClientUserNotFound": App,
	"AuthError":          App,
}

// sessionDomains says where the code of a *session.Error of each domain comes from. The statuses of the library and of App
// Services are numbers of 1000 and above.
var sessionDomains = map[session.Domain]Domain{
	session.DomainLibrary:   DomainSync,
	session.DomainSync:      DomainSync,
	session.DomainWebSocket: DomainWebSocket,
	session.DomainApp:       DomainClient,
}

func ofSession(err error) (Failure, bool) {
	var e *session.Error
	if !errors.As(err, &e) {
		return Failure{}, false
	}
	f := Failure{Status: Sync, Domain: sessionDomains[e.Domain], Code: int32(e.Code), Fatal: e.Fatal, Name: e.Name,
		Message: e.Message}
	if status, ok := sessionStatuses[e.Name]; ok {
		f.Status = status
	}
	return f, true
}

// appRows are the errors of core/app that are no *app.Error.
var appRows = []row{
	{app.ErrConfig, InvalidArgument, "InvalidArgument"},
	{app.ErrClosed, Logic, "AppClosed"},
	{app.ErrCorruptFile, FileFormat, ""},
}

// appDomains says where the code of an *app.Error of each category comes from.
var appDomains = map[app.Category]Domain{
	app.CategoryCustom:  DomainClient,
	app.CategoryClient:  DomainClient,
	app.CategoryJSON:    DomainClient,
	app.CategoryHTTP:    DomainHTTP,
	app.CategoryService: DomainService,
}

func ofApp(err error) (Failure, bool) {
	var e *app.Error
	if errors.As(err, &e) {
		f := Failure{Status: App, Domain: appDomains[e.Category()], Code: int32(e.Code), Name: e.Code.String(),
			Message: e.Message}
		if e.IsNetwork() {
			f.Status = Network
		}
		if f.Domain != DomainClient {
			f.Code = int32(e.Status)
		}
		if f.Domain == DomainService && e.ServerCode != "" {
			f.Name = e.ServerCode
		}
		return f, true
	}
	var file *app.FileError
	if errors.As(err, &file) && !errors.Is(err, app.ErrCorruptFile) {
		return library(FileAccess, "", err.Error()), true
	}
	return Failure{}, false
}

// ofQuery translates the errors of core/rql.
func ofQuery(err error) (Failure, bool) {
	var e *rql.Error
	if !errors.As(err, &e) {
		return Failure{}, false
	}
	text := err.Error()
	if e.Offset >= 0 {
		text += fmt.Sprintf(" (at byte %d of the query)", e.Offset)
	}
	if errors.Is(err, rql.ErrUnsupported) {
		return library(Unsupported, rql.ErrUnsupported.Error(), text), true
	}
	return library(InvalidQuery, e.Class.Error(), text), true
}
