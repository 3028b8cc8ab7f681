package sync

import (
	"context"
	"errors"
	"log/slog"
	"strconv"

	"realmsync/core/schema"
	"realmsync/core/wire"
	"realmsync/server/history"
	"realmsync/server/jsonschema"
)

// The schema of an app comes from two sides: the schemas of its configuration are declared in its history before any session goes by that
// configuration (declare), and in development mode what devices bring is written into the configuration (follow).

// declare sees to it that the app has the classes of a configuration. One that contradicts what is there changes nothing, and devices go on
// with what is there; the administrator was told when he saved it (Server.CheckClasses), unless the app's data came later.
func (a *app) declare(ctx context.Context, classes *jsonschema.Classes) error {
	if classes == nil || a.declared.Load() == classes {
		return nil
	}
	if classes.Wrong != nil {
		a.log.Error("the schemas of the configuration can't be classes; they are not taken", slog.String("app", a.id), slog.Any("error", classes.Wrong))
	}
	version, err := a.engine.Declare(ctx, classes.Schema)
	var refused *history.Error
	switch {
	case errors.As(err, &refused):
		a.log.Error("the schemas of the configuration contradict what devices have; they are not taken", slog.String("app", a.id), slog.Any("error", err))
	case err != nil:
		return err
	case version > 0:
		a.log.Info("the schema follows the configuration", slog.String("app", a.id), slog.Uint64("version", version))
	}
	a.declared.Store(classes)
	return nil
}

// declare brings the schema of an app to that of its configuration, when the app is opened or a program is about to use it.
func (s *Server) declare(ctx context.Context, a *app) error {
	if s.cfg.Rules == nil {
		return nil
	}
	classes, err := s.cfg.Rules.Classes(ctx, a.id)
	if err != nil {
		return err
	}
	return a.declare(ctx, classes)
}

// follow has the schema that the app has come to written into the configuration, if the app is in development mode. It is not waited for: who
// changes a configuration may be waiting for this app (CheckClasses).
func (s *Server) follow(a *app, classes *schema.Schema) {
	if s.cfg.Rules == nil || len(classes.Classes()) == 0 {
		return
	}
	a.unwritten.Store(true)
	if !s.begin() {
		return // Close does it
	}
	go func() {
		defer s.serving.Done()
		s.writeDown(a, classes)
	}()
}

// writeDown is the work of follow.
func (s *Server) writeDown(a *app, classes *schema.Schema) {
	a.unwritten.Store(false)
	if err := s.cfg.Rules.AddClasses(context.WithoutCancel(s.ctx), a.id, classes); err != nil {
		s.log.Warn("what devices have brought could not be written into the configuration", slog.String("app", a.id), slog.Any("error", err))
	}
}

// CheckClasses looks whether an app can get to the classes of a configuration from what it has: the error is an *appconfig.ValidationError if it
// can't (spec/sync-semantics.md section 9.4: types, optionality and primary keys of what syncs stay). terminated says that the app's sync was (Terminate),
// and is about to be enabled again: then types and optionality may change. strict is auth.App.Strict. A server that is shutting down doesn't look: what
// contradicts is not taken anyway (declare).
func (s *Server) CheckClasses(ctx context.Context, app string, strict, terminated bool, classes *jsonschema.Classes) error {
	o, err := s.acquire(ctx, app, strict)
	switch {
	case errors.Is(err, errDraining):
		return nil
	case err != nil:
		return err
	}
	defer s.release(o)
	return classes.Conflict(o.app.engine.Catalog().Schema, terminated)
}

// checkVersion looks whether there is the schema version that a client has (spec/sync-semantics.md section 9.4). In development mode the schema is
// the clients', and so are its versions.
func (s *session) checkVersion(version uint64) (ok bool, err error) {
	if s.policy == nil || s.policy.Development || version <= s.policy.SchemaVersion {
		return true, nil
	}
	return false, s.fail(wire.CodeBadSchemaVersion, "Client provided invalid schema version: client presented schema version "+strconv.FormatUint(version, 10)+
		", but the newest is "+strconv.FormatUint(s.policy.SchemaVersion, 10))
}

// versionChanged tells a client that its file was made for another schema version (236): it uploads what it has, and then makes a new file. Until
// then it goes on: what one version has that the other lacks is there for both.
func (s *session) versionChanged() error {
	if s.policy == nil || s.policy.Development || s.schemaVersion == s.file.SchemaVersion {
		return nil
	}
	m := wire.NewJSONError(s.sid, wire.CodeSchemaVersionChanged, "the client's file was made for schema version "+strconv.FormatUint(s.file.SchemaVersion, 10)+
		", and the client has "+strconv.FormatUint(s.schemaVersion, 10))
	m.PreviousSchemaVersion = s.file.SchemaVersion
	return s.conn.write(m)
}

// schemaRule is how uploads of the session may change the schema.
func (s *session) schemaRule() history.SchemaRule {
	switch {
	case s.policy == nil:
		return history.AnySchema
	case s.policy.Development:
		return history.AdditiveSchema
	default:
		return history.FixedSchema
	}
}
