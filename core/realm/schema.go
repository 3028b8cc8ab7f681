package realm

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"realmsync/core/changeset"
	"realmsync/core/realm/history"
	"realmsync/core/schema"
	"realmsync/core/store"
)

// target returns the schema that the file shall hold, checked; nil when the configuration has none.
func (c *Config) target() (*schema.Schema, error) {
	if c.Schema == nil {
		return nil, nil
	}
	mode := schema.Local
	switch {
	case c.Synced && c.SchemaMode == AdditiveExplicit:
		mode = schema.SyncedExplicit
	case c.Synced:
		mode = schema.Synced
	}
	s := c.Schema.Normalized()
	if err := schema.Validate(s, mode); err != nil {
		return nil, err
	}
	if mode == schema.Synced { // changeset.md 6.2: what nothing reaches is left out
		s = s.Reachable()
	}
	return s, nil
}

// readsOnly tells whether the mode forbids every change of the file.
func (c *Config) readsOnly() bool { return c.SchemaMode == ReadOnlyMode || c.SchemaMode == Immutable }

// additive tells whether additions are made whatever the schema version is. Synced files know no other way.
func (c *Config) additive() bool {
	return c.Synced || c.SchemaMode == AdditiveDiscovered || c.SchemaMode == AdditiveExplicit
}

// schemaPlan is what opening a file has to do to its schema.
type schemaPlan struct {
	changes    []schema.Change
	removed    []schema.Change // properties to remove
	prepare    bool            // the sync tables are missing
	setVersion bool
}

func (p *schemaPlan) empty() bool {
	return len(p.changes)+len(p.removed) == 0 && !p.prepare && !p.setVersion
}

// planSchema compares the file of a snapshot with the configuration. Errors: ErrSchemaMismatch, with class, property and both types in
// the text.
func planSchema(conn *store.Conn, config *Config, target *schema.Schema) (*schemaPlan, error) {
	plan := &schemaPlan{}
	if config.Synced && !conn.IsReadOnly() {
		prepared, err := history.IsPrepared(conn)
		if err != nil {
			return nil, err
		}
		plan.prepare = !prepared
	}
	if target == nil {
		return plan, nil
	}
	have, versioned, err := conn.SchemaVersion()
	if err != nil {
		return nil, err
	}
	fresh := !versioned && len(conn.Classes()) == 0
	changes, err := schema.Diff(conn.Schema(), target)
	var incompatible *schema.IncompatibleError
	if errors.As(err, &incompatible) {
		return nil, mismatch(config, incompatible)
	}
	if err != nil {
		return nil, err
	}
	plan.changes = changes
	switch {
	case config.readsOnly():
		if problems := additions(changes, true); len(problems) > 0 {
			return nil, errorf(ErrSchemaMismatch, "The following changes cannot be made in %s schema mode:%s", config.SchemaMode.text(), problems)
		}
		return &schemaPlan{}, nil // indexes are the file's own affair
	case config.additive():
		plan.setVersion = !versioned || have < config.SchemaVersion
	case fresh:
		plan.setVersion = true
	case config.SchemaMode == Manual:
		if problems := additions(changes, true); len(problems) > 0 {
			return nil, errorf(ErrSchemaMismatch, "The following changes cannot be made in manual schema mode:%s", problems)
		}
		plan.setVersion = have != config.SchemaVersion
	case config.SchemaVersion < have:
		return nil, errorf(ErrSchemaMismatch, "Provided schema version %d is less than last set version %d.", config.SchemaVersion, have)
	default:
		plan.removed = removals(conn.Schema(), target)
		if config.SchemaVersion == have {
			problems := additions(changes, false)
			for _, r := range plan.removed {
				problems = append(problems, fmt.Sprintf("Property '%s.%s' has been removed.", r.Class.Name, r.Property.Name))
			}
			if len(problems) > 0 {
				return nil, errorf(ErrSchemaMismatch, "Migration is required due to the following errors:%s", problems)
			}
		}
		plan.setVersion = !versioned || have != config.SchemaVersion
	}
	if conn.IsReadOnly() && (!plan.empty()) {
		return nil, errorf(store.ErrReadOnly, "The schema of '%s' has to be changed, but neither the file nor its directory can be written.", conn.Path())
	}
	return plan, nil
}

// problemList prints as the original lists problems.
type problemList []string

func (l problemList) String() string {
	var s strings.Builder
	for _, p := range l {
		s.WriteString("\n- " + p)
	}
	return s.String()
}

func mismatch(config *Config, err *schema.IncompatibleError) error {
	head := "Migration is required due to the following errors:"
	if config.additive() || config.readsOnly() {
		head = fmt.Sprintf("The following changes cannot be made in %s schema mode:", config.SchemaMode.text())
	}
	return errorf(ErrSchemaMismatch, "%s%v", head, problemList(err.Problems))
}

// additions describes what the changes add; new classes only if asked for.
func additions(changes []schema.Change, classes bool) (out problemList) {
	added := map[string]bool{}
	for i := range changes {
		c := &changes[i]
		switch {
		case c.Kind == schema.AddClass:
			added[c.Class.Name] = true
			if classes {
				out = append(out, fmt.Sprintf("Class '%s' has been added.", c.Class.Name))
			}
		case c.Kind == schema.AddProperty && !added[c.Class.Name]:
			out = append(out, fmt.Sprintf("Property '%s.%s' has been added.", c.Class.Name, c.Property.Name))
		}
	}
	return out
}

// removals lists the stored properties that the classes of the new schema lack. Classes that it lacks are left alone.
func removals(old, new *schema.Schema) (out []schema.Change) {
	for _, c := range new.Classes() {
		have := old.Class(c.Name)
		if have == nil {
			continue
		}
		for i := range have.Properties {
			if p := &have.Properties[i]; c.Property(p.Name) == nil {
				out = append(out, schema.Change{Class: schema.Class{Name: c.Name}, Property: *p})
			}
		}
	}
	return out
}

// fitsSchema tells whether a file can be used without resetting it: whether it is new, or has the schema version and lacks nothing but
// classes.
func fitsSchema(conn *store.Conn, config *Config) (bool, error) {
	target, err := config.target()
	if err != nil {
		return false, err
	}
	if err := conn.BeginRead(); err != nil {
		return false, err
	}
	defer conn.EndRead() //nolint:errcheck // only read from
	have, versioned, err := conn.SchemaVersion()
	if err != nil || !versioned && len(conn.Classes()) == 0 {
		return true, err
	}
	if have != config.SchemaVersion {
		return false, nil
	}
	changes, err := schema.Diff(conn.Schema(), target)
	if errors.Is(err, schema.ErrIncompatible) {
		return false, nil
	}
	return err == nil && len(additions(changes, false))+len(removals(conn.Schema(), target)) == 0, err
}

// applySchema brings the file's schema up. The connection has a snapshot before and after. Nothing is written when nothing differs.
func (r *Realm) applySchema() error {
	target, err := r.config.target()
	if err != nil {
		return err
	}
	if plan, err := planSchema(r.conn, &r.config, target); err != nil || plan.empty() {
		return err
	}
	if err := r.conn.BeginWrite(); err != nil {
		return err
	}
	version, err := r.writeSchema(target)
	if err != nil {
		_ = r.conn.Rollback() // the first error counts
		return err
	}
	if err := r.conn.Commit(); err != nil {
		return err
	}
	if version > 0 {
		history.Announce(r.file, version, r.conn)
	}
	return r.conn.BeginRead()
}

// writeSchema makes the changes in the write transaction that is open: what they are is looked up again, another opener may have been
// faster. It returns the version that they make, 0 when the schema stays.
func (r *Realm) writeSchema(target *schema.Schema) (version uint64, err error) {
	plan, err := planSchema(r.conn, &r.config, target)
	if err != nil {
		return 0, err
	}
	if plan.prepare {
		if err := history.Prepare(r.conn); err != nil {
			return 0, err
		}
	}
	if err := r.conn.Extend(plan.changes); err != nil {
		return 0, err
	}
	for _, c := range plan.removed {
		if err := r.conn.RemoveProperty(c.Class.Name, c.Property.Name); err != nil {
			return 0, err
		}
	}
	if plan.setVersion {
		if err := r.conn.SetSchemaVersion(r.config.SchemaVersion); err != nil {
			return 0, err
		}
	}
	if len(plan.changes)+len(plan.removed) == 0 {
		return 0, nil
	}
	if !r.config.Synced {
		return nextVersion(r.conn)
	}
	var rec changeset.Recorder
	for _, in := range changeset.SchemaInstructions(plan.changes) {
		if err := rec.RecordSchema(&in); err != nil {
			return 0, err
		}
	}
	return history.AppendLocal(r.conn, rec.Bytes(), r.clock())
}

// sameSchema tells whether two schemas declare the same, whatever the order of properties.
func sameSchema(a, b *schema.Schema) bool {
	if a == b {
		return true
	}
	a, b = a.Normalized(), b.Normalized()
	return slices.EqualFunc(a.Classes(), b.Classes(), func(x, y *schema.Class) bool {
		if x.Name != y.Name || x.Kind != y.Kind || x.PrimaryKey != y.PrimaryKey || len(x.Properties) != len(y.Properties) {
			return false
		}
		for i := range x.Properties {
			if p := y.Property(x.Properties[i].Name); p == nil || *p != x.Properties[i] {
				return false
			}
		}
		return true
	})
}

func (m SchemaMode) text() string {
	switch m {
	case Immutable:
		return "immutable"
	case ReadOnlyMode:
		return "read-only"
	case AdditiveDiscovered, AdditiveExplicit:
		return "additive-only"
	case Manual:
		return "manual"
	default:
		return "automatic"
	}
}
