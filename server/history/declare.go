package history

import (
	"context"
	"errors"
	"strconv"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/server/excerpt"
)

// SchemaRule says how an upload may change the schema (spec/sync-semantics.md section 9.4). What it may not is refused whole (225).
type SchemaRule uint8

// The rules.
const (
	AnySchema      SchemaRule = iota // in any way that merges
	AdditiveSchema                   // classes and properties may be added
	FixedSchema                      // not at all: what is there may be declared again
)

// checkSchema looks whether an upload may have changed the schema from what it was.
func (in *integration) checkSchema(before *Catalog, u *Uploaded, c *changeset.Changeset) error {
	g := in.group
	if g.state.catalog == before {
		return nil
	}
	if in.upload.Schema != AnySchema && flagsOf(c)&flagErase != 0 {
		return refuse(InvalidSchemaChange, "Invalid schema change (UPLOAD): the changeset of client version %d removes a class or a property, which clients can't", u.ClientVersion)
	}
	reason := "this is accepted in development mode only"
	switch {
	case g.engine.cfg.FixedSchema:
		reason = "the schema is fixed on this server; it has to be started without --fixed-schema for it"
	case in.upload.Schema != FixedSchema:
		return nil
	}
	what := "changes the schema"
	if changes, err := schema.Diff(before.Schema, g.state.catalog.Schema); err == nil && len(changes) > 0 {
		what = "adds the class " + clipName(changes[0].Class.Name)
		if changes[0].Kind == schema.AddProperty {
			what = "adds the property " + clipName(changes[0].Class.Name+"."+changes[0].Property.Name)
		}
	}
	return refuse(InvalidSchemaChange, "Invalid schema change (UPLOAD): the changeset of client version %d %s; %s", u.ClientVersion, what, reason)
}

// badApply makes the refusal of an upload that can't be applied. A client whose classes are others than those here can't be helped by a reset: it
// would bring them again. Only whether a class is asymmetric is a matter of what its file has (spec/sync-semantics.md section 8).
func (in *integration) badApply(u *Uploaded, c *changeset.Changeset, err error) error {
	var bad *changeset.BadChangesetError
	if errors.As(err, &bad) && bad.Reason == changeset.ReasonSchema && bad.Index >= 0 && bad.Index < len(c.Instructions) {
		if ins := &c.Instructions[bad.Index]; ins.IsSchema() && !in.asymmetric(ins) {
			return blame(InvalidSchemaChange, err, "Invalid schema change (UPLOAD): the changeset of client version %d can't be applied", u.ClientVersion)
		}
	}
	return blame(BadChangeset, err, "the changeset of client version %d can't be applied", u.ClientVersion)
}

// asymmetric tells whether an instruction is about a class that is asymmetric on one side only.
func (in *integration) asymmetric(ins *changeset.Instruction) bool {
	have := in.group.state.catalog.Class(ins.Table)
	return ins.Op == changeset.AddTable && have != nil && (have.Kind == schema.Asymmetric) != (ins.Schema.TableKind == schema.Asymmetric)
}

// clipName quotes the name of a class or of a property of it.
func clipName(s string) string { return strconv.Quote(excerpt.Of(s, 130)) }

// Declare adds the classes and properties of a schema that the app lacks, as a version of the server's own; version is 0 if there are none. They
// are durable when it returns. A schema that what is there can't get to by additions is refused whole, with an *Error (225), while the server knows a
// client file: devices can't follow. When there is none, because all were forgotten (ForgetAll), types of properties become what the schema says,
// too, and objects keep what fits (retype.go); kinds and primary keys of classes stay. FixedSchema doesn't concern it: that is for what clients bring.
func (e *Engine) Declare(ctx context.Context, s *schema.Schema) (version uint64, err error) {
	if changes, err := schema.Diff(e.Catalog().Schema, s); err == nil && len(changes) == 0 {
		return 0, nil
	}
	return do(ctx, e, true, func(g *group) (uint64, error) {
		c, free := &changeset.Changeset{}, false
		changes, err := schema.Diff(g.state.catalog.Schema, s)
		if err != nil {
			var failed error
			if free, failed = g.unfollowed(); failed != nil {
				return 0, failed
			}
			if free {
				c.Instructions, changes, err = retype(g.state.catalog.Schema, s)
			}
		}
		if err != nil {
			return 0, blame(InvalidSchemaChange, err, "the schema of the app can't become what its configuration says")
		}
		c.Instructions = append(c.Instructions, changeset.SchemaInstructions(changes)...)
		if c.Empty() {
			return 0, nil
		}
		g.state.retyping = free
		defer func() { g.state.retyping = false }()
		version, err := g.program(c, nil, true)
		if err == nil && free {
			g.extra.Floor = max(g.extra.Floor, version-1) // nobody needs what was before, and nobody could read it any more
		}
		return version, err
	})
}
