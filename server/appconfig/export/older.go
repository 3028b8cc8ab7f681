package export

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"

	"realmsync/server/appconfig"
)

// Exports before 2021 (stitch.json, and config.json of realm-cli 1) have another layout: a file for each login provider, in auth_providers; a directory
// for each function, with config.json and source.js; a file for each rule, in the directory rules of its data source, with the schema in it; and the
// custom user data in the file of the app. They are read beside what exports have today, and are not written.

// olderProvider is auth_providers/NAME.json.
type olderProvider struct {
	appconfig.Provider

	ID json.RawMessage `json:"id"`
}

func (d *Directory) loadOlderFunctions() error {
	names, err := d.files.directories("functions")
	if err != nil {
		return err
	}
	for _, name := range names {
		file := path.Join("functions", name, "config.json")
		f := struct {
			functionFile

			ID json.RawMessage `json:"id"`
		}{functionFile: functionFile{Name: name}}
		ok, err := d.files.json(file, &f)
		if err == nil && ok {
			err = d.addFunction(f.functionFile, path.Join("functions", name, "source.js"), file)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// olderRule is services/NAME/rules/COLLECTION.json.
type olderRule struct {
	ruleFile

	ID            json.RawMessage `json:"id"`
	Schema        json.RawMessage `json:"schema"`
	Relationships json.RawMessage `json:"relationships"`
}

func (d *Directory) loadOlderRules(s *appconfig.Service, at, dir string) error {
	return d.eachJSON(dir, func(file, _ string) error {
		var r olderRule
		if _, err := d.files.json(file, &r); err != nil {
			return err
		}
		if len(r.Roles) > 0 || r.Filters != nil {
			d.note(fmt.Sprintf("%s.rules[%d]", at, len(s.Rules)), file)
			s.Rules = append(s.Rules, appconfig.CollectionRule{Rule: r.Rule, Database: r.Database, Collection: r.Collection})
		}
		if nothing(r.Schema) {
			return nil
		}
		i := len(d.config.Schemas)
		d.note(fmt.Sprintf("schemas[%d].schema", i), file, "schema")
		d.note(fmt.Sprintf("schemas[%d].relationships", i), file, "relationships")
		if nothing(r.Relationships) {
			r.Relationships = nil
		}
		d.config.Schemas = append(d.config.Schemas, appconfig.Schema{
			Metadata: appconfig.Metadata{DataSource: s.Name, Database: r.Database, Collection: r.Collection}, Schema: r.Schema, Relationships: r.Relationships,
		})
		return nil
	})
}

// nothing tells whether a member says nothing.
func nothing(raw json.RawMessage) bool {
	var text bytes.Buffer
	return len(raw) == 0 || string(raw) == "null" || json.Compact(&text, raw) == nil && text.String() == "{}"
}
