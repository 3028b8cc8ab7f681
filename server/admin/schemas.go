package admin

import (
	"encoding/json"
	"net/http"
	"slices"

	"realmsync/server/appconfig"
)

type schemaView struct {
	ID       string             `json:"_id"`
	Metadata appconfig.Metadata `json:"metadata"`
}

func (c *call) schema(config *appconfig.Config) (int, error) {
	return position(config.Schemas, c.params["id"], func(s *appconfig.Schema) string { return s.ID }, "", "schema")
}

func (c *call) listSchemas() error {
	config, err := c.config()
	if err != nil {
		return err
	}
	out := make([]schemaView, len(config.Schemas))
	for i, s := range config.Schemas {
		out[i] = schemaView{s.ID, s.Metadata}
	}
	return c.json(http.StatusOK, out)
}

func (c *call) getSchema() error {
	config, err := c.config()
	if err != nil {
		return err
	}
	i, err := c.schema(config)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, config.Schemas[i])
}

// readSchema takes what is given.
func readSchema(body object, s *appconfig.Schema) error {
	for member, target := range map[string]any{"metadata": &s.Metadata, "schema": &s.Schema, "relationships": &s.Relationships} {
		if err := body.into(member, target, "what it is for a schema"); err != nil {
			return err
		}
	}
	return nil
}

// createSchema adds the schema of a collection. The service that it names may come later (app-services 11.2, step 15).
func (c *call) createSchema() error {
	body, err := c.body()
	if err != nil {
		return err
	}
	s := appconfig.Schema{ID: c.newID()}
	if err := readSchema(body, &s); err != nil {
		return err
	}
	c.object = s.Metadata.Database + "." + s.Metadata.Collection
	_, err = c.update(func(config *appconfig.Config) error {
		if slices.ContainsFunc(config.Schemas, func(o appconfig.Schema) bool { return o.Metadata == s.Metadata }) {
			return refuse(http.StatusConflict, "", "schema already exists for %s", clip(c.object))
		}
		config.Schemas = append(config.Schemas, s)
		return nil
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, schemaView{s.ID, s.Metadata})
}

func (c *call) putSchema() error {
	body, err := c.body()
	if err != nil {
		return err
	}
	_, err = c.update(func(config *appconfig.Config) error {
		i, err := c.schema(config)
		if err != nil {
			return err
		}
		before := config.Schemas[i]
		c.object = before.Metadata.Database + "." + before.Metadata.Collection
		if err := readSchema(body, &config.Schemas[i]); err != nil {
			return err
		}
		if breaks(before.Schema, config.Schemas[i].Schema) {
			noteBreaking(config)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return c.done()
}

func (c *call) deleteSchema() error {
	_, err := c.update(func(config *appconfig.Config) error {
		i, err := c.schema(config)
		if err != nil {
			return err
		}
		c.object = config.Schemas[i].Metadata.Database + "." + config.Schemas[i].Metadata.Collection
		config.Schemas = slices.Delete(config.Schemas, i, i+1)
		noteBreaking(config)
		return nil
	})
	if err != nil {
		return err
	}
	return c.done()
}

// noteBreaking counts a change that programs with the schema before do not survive: at once, or when the draft that it is in is deployed.
func noteBreaking(config *appconfig.Config) {
	if config.Sync.Draft != nil {
		config.Sync.Draft.Breaking = true
		return
	}
	config.Sync.SchemaVersion++
}

// breaks says whether a schema lost a property, or gave one another type, or made it required or optional.
func breaks(before, after json.RawMessage) bool {
	type schema struct {
		Properties map[string]json.RawMessage `json:"properties"`
		Required   []string                   `json:"required"`
	}
	var old, new schema
	if json.Unmarshal(before, &old) != nil || json.Unmarshal(after, &new) != nil {
		return true
	}
	for name, was := range old.Properties {
		is, ok := new.Properties[name]
		if !ok || shape(was) != shape(is) || slices.Contains(old.Required, name) != slices.Contains(new.Required, name) {
			return true
		}
	}
	return false
}

// shape is what a property is, apart from what is within an embedded object.
func shape(property json.RawMessage) string {
	var p struct {
		BSONType             any             `json:"bsonType"`
		UniqueItems          bool            `json:"uniqueItems"`
		Items                json.RawMessage `json:"items"`
		AdditionalProperties json.RawMessage `json:"additionalProperties"`
	}
	if json.Unmarshal(property, &p) != nil {
		return "?"
	}
	out := string(mustJSON(p.BSONType))
	if p.UniqueItems {
		out += " set"
	}
	if len(p.Items) > 0 {
		out += " of " + shape(p.Items)
	}
	if len(p.AdditionalProperties) > 0 {
		out += " dictionary of " + shape(p.AdditionalProperties)
	}
	return out
}
