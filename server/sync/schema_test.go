package sync

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/core/wire"
	"realmsync/server/appconfig"
	"realmsync/server/jsonschema"
)

const everybody = `[{"name":"all","apply_when":{},"document_filters":{"read":true,"write":true},"read":true,"write":true,"insert":true,"delete":true}]`

func column(class, name string, kind value.Kind) changeset.Instruction {
	return changeset.Instruction{Op: changeset.AddColumn, Table: class, Field: name, Schema: &changeset.SchemaFields{Type: kind, Nullable: true}}
}

// The administrator's schemas are the schema of devices: of those that connect, and of those that are connected (issue 5, point 2; app-services 11.2,
// step 15).
func TestSchemasOfTheConfiguration(t *testing.T) {
	g := openGoverned(t, everybody)
	d := g.device("anna").fresh()
	require.NotNil(t, d.state.Schema().Class("Dog"), "no device has brought it")
	d.subscribe(1, allDogs)
	d.write(create(1, "Rex", 4)...)
	d.upload()

	g.configure(func(c *appconfig.Config) {
		c.Schemas = []appconfig.Schema{
			schemaOf("Dog", `"name":{"bsonType":"string"},"age":{"bsonType":"long"},"color":{"bsonType":"string"},"home":{"bsonType":"object","title":"Home","properties":{"street":{"bsonType":"string"}}}`, `"name","age"`),
			schemaOf("Cat", `"lives":{"bsonType":"long"}`, `"lives"`),
		}
	})
	other := g.device("berta").fresh()
	for _, device := range []*device{other, d.sync()} {
		require.Equal(t, "string?", device.state.Schema().Class("Dog").Property("color").TypeString())
		require.Equal(t, schema.Embedded, device.state.Schema().Class("Home").Kind)
		require.Equal(t, "int", device.state.Schema().Class("Cat").Property("lives").TypeString())
	}
	other.subscribe(1, `{"Cat":"(TRUEPREDICATE)"}`)
	other.write(changeset.Instruction{Op: changeset.CreateObject, Table: "Cat", Key: value.IntKey(1)})
	other.upload()
	require.Equal(t, []string{"1 Rex 4"}, d.dogs())

	// What is gone from the configuration stays for the devices that have it, and so do their objects.
	g.configure(func(c *appconfig.Config) {
		c.Schemas = []appconfig.Schema{schemaOf("Dog", `"name":{"bsonType":"string"}`, `"name"`)}
	})
	d.write(create(2, "Fido", 2)...)
	d.upload()
	require.Equal(t, []string{"1 Rex 4", "2 Fido 2"}, d.dogs())

	// Types don't change.
	check := func(properties string) error {
		c := appconfig.Default("app")
		c.Schemas = []appconfig.Schema{schemaOf("Dog", properties, `"name"`)}
		classes, err := jsonschema.Of(c)
		require.NoError(t, err)
		return g.CheckClasses(t.Context(), "app", false, false, classes)
	}
	require.NoError(t, check(`"name":{"bsonType":"string"},"new":{"bsonType":"long"}`))
	var invalid *appconfig.ValidationError
	require.ErrorAs(t, check(`"name":{"bsonType":"long"}`), &invalid)
	require.Equal(t, "schemas[0].schema.properties.name", invalid.Path)
	require.ErrorContains(t, check(`"name":{"bsonType":"string"},"age":{"bsonType":"long"}`), `"Dog.age" is in use with the type int, not int?`)
	// If it was saved all the same, devices go on with what is there.
	g.configure(func(c *appconfig.Config) {
		c.Schemas = []appconfig.Schema{schemaOf("Dog", `"name":{"bsonType":"long"},"more":{"bsonType":"long"}`, `"name"`)}
	})
	last := g.device("carla").subscribed(allDogs)
	require.Equal(t, []string{"1 Rex 4", "2 Fido 2"}, last.dogs())
	require.Nil(t, last.state.Schema().Class("Dog").Property("more"), "it is taken whole or not at all")
}

// Outside of development mode the schema is the administrator's: what else devices bring is refused for good, without a reset that would bring it
// again, and others are not concerned (sync-semantics 9.4, error 225).
func TestSchemasOfDevices(t *testing.T) {
	g := openGoverned(t, everybody)
	good := g.device("anna").subscribed(allDogs)
	good.write(append(dogSchema(), create(1, "Rex", 4)...)...)
	good.upload()
	for name, more := range map[string][]changeset.Instruction{
		`adds the property "Dog.extra"`: {column("Dog", "extra", value.KindString)},
		`adds the class "Cat"`:          {{Op: changeset.AddTable, Table: "Cat", Schema: &changeset.SchemaFields{KeyField: "_id", KeyType: value.KindInt}}},
		"the property exists":           {{Op: changeset.AddColumn, Table: "Dog", Field: "age", Schema: &changeset.SchemaFields{Type: value.KindString}}},
		"removes a class or a property": {{Op: changeset.EraseColumn, Table: "Dog", Field: "age"}},
	} {
		d := g.device("berta").fresh()
		for range 2 { // it comes again with the same, is told the same, and never to reset
			d.bring(more...)
			m := d.told()
			require.Equal(t, wire.ErrorCode(225), m.Code)
			require.Equal(t, wire.ApplicationBug, m.Action)
			require.False(t, m.TryAgain)
			require.False(t, m.ShouldClientReset)
			require.Contains(t, m.Message, name)
			d.send(&wire.Unbind{Session: d.sid})
			d.bind(d.sid)
		}
	}
	good.write(create(2, "Fido", 2)...)
	good.upload()
	require.Equal(t, []string{"1 Rex 4", "2 Fido 2"}, good.dogs())

	// In development mode additions are welcome, and are in the configuration afterwards; removals are not.
	g.configure(func(c *appconfig.Config) { c.Sync.DevelopmentMode = true })
	d := g.device("carla").subscribed(allDogs)
	d.bring(changeset.Instruction{Op: changeset.EraseColumn, Table: "Dog", Field: "age"})
	d.refused(225, wire.ApplicationBug, "removes")
	d = g.device("carla").fresh()
	d.write(column("Dog", "extra", value.KindString),
		changeset.Instruction{Op: changeset.AddTable, Table: "Reading", Schema: &changeset.SchemaFields{KeyField: "_id", KeyType: value.KindUUID, TableKind: schema.Asymmetric}},
		column("Reading", "v", value.KindDouble),
		changeset.Instruction{Op: changeset.AddColumn, Table: "Reading", Field: "dog", Schema: &changeset.SchemaFields{Type: value.KindLink, Nullable: true, LinkTarget: "Dog"}})
	d.upload()
	c := g.eventually(func(c *appconfig.Config) bool { return len(c.Schemas) == 2 })
	require.Contains(t, string(c.Schemas[0].Schema), `"extra":{"bsonType":"string"}`)
	require.JSONEq(t, `{"bsonType":"object","title":"Reading","properties":{"_id":{"bsonType":"uuid"},"v":{"bsonType":"double"},"dog":{"bsonType":"long"}},"required":["_id"]}`, string(c.Schemas[1].Schema))
	require.JSONEq(t, `{"dog":{"ref":"#/relationship/mongodb-atlas/app/Dog","foreign_key":"_id","is_list":false}}`, string(c.Schemas[1].Relationships))
	require.Equal(t, []string{"Reading"}, c.SyncService().FlexibleSync.AsymmetricTables)
	require.NotEmpty(t, c.Schemas[1].ID)

	// What was not written down when the server ended is when it is up again.
	g.configure(func(c *appconfig.Config) { c.Schemas = c.Schemas[:1] })
	g.restart()
	g.device("anna").fresh()
	g.eventually(func(c *appconfig.Config) bool { return len(c.Schemas) == 2 })
	// Then the app leaves development mode, and everybody goes on with that.
	g.configure(func(c *appconfig.Config) { c.Sync.DevelopmentMode = false })
	d = g.device("carla").fresh()
	d.write(column("Dog", "extra", value.KindString))
	d.upload()
}

// An app without a stored configuration is in development mode, as ever.
func TestAppsWithoutAConfiguration(t *testing.T) {
	g := openGoverned(t, everybody)
	d := g.device("anna")
	d.app = "another"
	d.subscribed(allDogs)
	d.write(create(1, "Rex", 4)...)
	d.upload()
	require.Equal(t, []string{"1 Rex 4"}, d.dogs())
	deadline := time.Now().Add(patience)
	for {
		c, err := g.configs.Current(t.Context(), "another")
		require.NoError(t, err)
		if len(c.Schemas) == 1 {
			require.Contains(t, string(c.Schemas[0].Schema), `"title":"Dog"`)
			return
		}
		require.True(t, time.Now().Before(deadline), "the schema was not written down")
		time.Sleep(waitStep)
	}
}

// bring uploads what the device has not made in its own file.
func (d *device) bring(ins ...changeset.Instruction) {
	d.t.Helper()
	b, err := changeset.Encode(&changeset.Changeset{Instructions: ins})
	require.NoError(d.t, err)
	at := wire.UploadCursor{ClientVersion: d.version + 1, ServerVersion: d.progress.Download.ServerVersion}
	d.send(&wire.Upload{Session: d.sid, LockedServerVersion: at.ServerVersion, Progress: at, Entries: []wire.UploadEntry{
		{ClientVersion: at.ClientVersion, ServerVersion: at.ServerVersion, OriginTimestamp: d.clock + 10, Changeset: b}}})
}

// told returns the next error.
func (d *device) told() *wire.JSONError {
	d.t.Helper()
	for {
		if m, ok := d.next().(*wire.JSONError); ok {
			return m
		}
	}
}

// eventually waits until the configuration is as it should become.
func (g *governed) eventually(is func(*appconfig.Config) bool) *appconfig.Config {
	g.t.Helper()
	changed := make(chan struct{}, 1)
	defer g.configs.Watch(func(string, *appconfig.Config, *appconfig.Config) {
		select {
		case changed <- struct{}{}:
		default:
		}
	})()
	ctx, cancel := context.WithTimeout(g.t.Context(), patience)
	defer cancel()
	for {
		c, err := g.configs.Current(ctx, "app")
		require.NoError(g.t, err)
		if is(c) {
			return c
		}
		select {
		case <-changed:
		case <-ctx.Done():
			text, _ := json.Marshal(c)
			require.FailNow(g.t, "the configuration has not become what it should", string(text))
		}
	}
}

// Versions of the schema that there are are accepted; a file that was made for another one is told so, and its client uploads what it has before it
// makes a new one (sync-semantics 9.4, item 63).
func TestSchemaVersions(t *testing.T) {
	g := openGoverned(t, everybody)
	d := g.device("anna").subscribed(allDogs)
	g.configure(func(c *appconfig.Config) { c.Sync.SchemaVersion = 2 })

	// The program comes with version 2 and the file of version 0.
	d.write(create(1, "Rex", 4)...)
	d.drop()
	d.schemaVersion = 2
	d.connect()
	m := d.told()
	require.Equal(t, wire.CodeSchemaVersionChanged, m.Code)
	require.Equal(t, wire.MigrateSchema, m.Action)
	require.True(t, m.TryAgain)
	require.False(t, m.ShouldClientReset)
	require.Zero(t, m.PreviousSchemaVersion)
	body, err := m.Append(nil)
	require.NoError(t, err)
	require.True(t, strings.Contains(string(body), `"previousSchemaVersion":0`), string(body))
	d.upload() // the session goes on
	d.sync()

	// Its new file is of version 2; back to 0 is another change.
	d = g.device("anna")
	d.schemaVersion = 2
	d.subscribed(allDogs)
	require.Equal(t, []string{"1 Rex 4"}, d.dogs())
	for _, version := range []uint64{2, 0} {
		d.drop()
		d.schemaVersion = version
		d.connect()
		if version == 0 {
			m := d.told()
			require.Equal(t, wire.CodeSchemaVersionChanged, m.Code)
			require.EqualValues(t, 2, m.PreviousSchemaVersion)
		}
		d.sync()
	}
	g.restart()
	d.schemaVersion = 1
	d.connect()
	require.EqualValues(t, 2, d.told().PreviousSchemaVersion, "it is durable")

	l := g.dial("anna")
	l.send(&wire.Bind{Session: 1, Data: wire.BindData{SchemaVersion: 3}.Append(nil)})
	m = expect[*wire.JSONError](l)
	require.Equal(t, wire.CodeBadSchemaVersion, m.Code)
	require.Contains(t, m.Message, "Client provided invalid schema version")
}
