package history

import "realmsync/core/changeset"

// Bounds of an app's schema. Each change of it makes a catalog of its own, in the writer's turn, and every client is sent all of it: without bounds one
// client could keep all others waiting for minutes.
const (
	maxClasses            = 1000
	maxProperties         = 1000   // of one class
	maxAllProperties      = 20_000 // of all classes
	maxSchemaInstructions = 50_000 // of one uploaded changeset: clients repeat all of their schema
)

// room tells whether the schema may have so many more properties, in a class that is there, or in a new one (nil). The refusal is an *Error (225).
func (c *Catalog) room(class *Class, properties int) error {
	switch {
	case class == nil && len(c.byName) >= maxClasses:
		return refuse(InvalidSchemaChange, "Invalid schema change (UPLOAD): an app can have at most %d classes", maxClasses)
	case class != nil && len(class.Properties)+properties > maxProperties:
		return refuse(InvalidSchemaChange, "Invalid schema change (UPLOAD): a class can have at most %d properties, and %s would have more", maxProperties, clipName(class.Name))
	case c.fields+properties > maxAllProperties:
		return refuse(InvalidSchemaChange, "Invalid schema change (UPLOAD): the classes of an app can have at most %d properties together", maxAllProperties)
	}
	return nil
}

func schemaInstructions(c *changeset.Changeset) (n int) {
	for i := range c.Instructions {
		if c.Instructions[i].IsSchema() {
			n++
		}
	}
	return n
}
