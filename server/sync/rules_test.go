package sync

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/core/wire"
	"realmsync/server/appconfig"
	"realmsync/server/auth"
	"realmsync/server/jsonschema"
	"realmsync/server/rules"
	"realmsync/tests/logs"
)

// ownOrOld: whose name a dog has may do everything with it; others see dogs older than 3.
const ownOrOld = `[{"name":"owner","apply_when":{},"document_filters":{"read":{"age":{"$gt":3}},"write":{"name":"%%user.id"}},"read":true,"write":true,"insert":true,"delete":true}]`

// governed is a server with configurations.
type governed struct {
	*fixture
	configs *appconfig.Store
	custom  atomic.Value // bson.D: the custom data of every user
}

// openGoverned opens a server whose app has these roles by default, name and age as queryable fields, and no development mode.
func openGoverned(t testing.TB, roles string, change ...func(*Config)) *governed {
	t.Helper()
	g := &governed{}
	var err error
	g.configs, err = appconfig.Open(t.Context(), appconfig.StoreConfig{Dir: t.TempDir(), Check: rules.Check})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, g.configs.Close()) })
	g.fixture = open(t, func(c *Config) {
		c.Rules = rules.NewLive(rules.LiveConfig{Configs: g.configs, Caller: func(_ context.Context, _, user string) (*auth.Caller, error) {
			custom, _ := g.custom.Load().(bson.D)
			return &auth.Caller{UserID: user, Type: auth.TypeNormal, CustomData: custom}, nil
		}})
		for _, f := range change {
			f(c)
		}
	})
	g.configure(func(c *appconfig.Config) {
		c.Sync.DevelopmentMode = false
		c.Schemas = []appconfig.Schema{schemaOf("Dog", `"name":{"bsonType":"string"},"age":{"bsonType":"long"}`, `"name","age"`)}
		c.SyncService().FlexibleSync.QueryableFieldsNames = []string{"age", "name"}
	})
	g.roles(roles)
	return g
}

func (g *governed) configure(f func(c *appconfig.Config)) {
	g.t.Helper()
	_, err := g.configs.Update(g.t.Context(), "app", func(c *appconfig.Config) error {
		f(c)
		return nil
	})
	require.NoError(g.t, err)
}

// roles saves the default roles of the app.
func (g *governed) roles(text string) {
	g.t.Helper()
	g.configure(func(c *appconfig.Config) {
		c.SyncService().DefaultRule.Roles = nil
		require.NoError(g.t, json.Unmarshal([]byte(text), &c.SyncService().DefaultRule.Roles))
	})
}

// restarted waits until the server asks the device to come again because its permissions have changed, and comes again as clients do.
func (d *device) restarted() {
	d.t.Helper()
	m := expect[*wire.JSONError](d.link)
	require.Equal(d.t, wire.CodeSessionClosed, m.Code, m.Message)
	require.Equal(d.t, wire.Transient, m.Action)
	require.True(d.t, m.TryAgain)
	require.False(d.t, m.ShouldClientReset)
	d.send(&wire.Unbind{Session: d.sid})
	d.bind(d.sid)
}

// reasons returns what the device was told of writes that were taken back.
func (d *device) reasons() (out []string) {
	for _, m := range d.errors {
		for _, u := range m.Rejected.Updates {
			out = append(out, u.Reason)
		}
	}
	d.errors = nil
	return out
}

// Two users, each owning what has its name (issue 5, Shows 2, on the wire). Conformance item 29 of app-services.md.
func TestRolesOfSessions(t *testing.T) {
	g := openGoverned(t, ownOrOld)
	anna := g.device("anna").subscribed(allDogs)
	berta := g.device("berta").subscribed(allDogs)
	anna.write(create(1, "anna", 2)...)
	anna.write(create(2, "anna", 5)...)
	anna.upload()
	require.Equal(t, []string{"2 anna 5"}, berta.sync().dogs(), "others see what is public")

	// What is not permitted comes back, with the reason; what is permitted in the same changeset stays.
	version := berta.version + 1
	berta.write(append(rename(2, "berta"), create(3, "berta", 1)...)...)
	berta.upload()
	berta.sync()
	require.Equal(t, []string{"2 anna 5", "3 berta 1"}, berta.dogs())
	require.Len(t, berta.errors, 1)
	m := berta.errors[0]
	require.Equal(t, wire.CodeCompensatingWrite, m.Code)
	require.Equal(t, wire.Warning, m.Action)
	require.True(t, m.TryAgain)
	require.Equal(t, version, m.Rejected.ClientVersion)
	require.NotZero(t, m.Rejected.ServerVersion)
	require.Equal(t, []wire.RejectedUpdate{{Table: "Dog", PrimaryKey: []byte{1, 2}, Reason: `write to 2 in table "Dog" not allowed`}}, m.Rejected.Updates)
	body, err := m.Append(nil)
	require.NoError(t, err)
	for _, member := range []string{"message", "logURL", "tryAgain", "shouldClientReset", "isRecoveryModeDisabled", "action", "compensatingWriteServerVersion", "rejectedClientVersion", "rejectedUpdates"} {
		require.Contains(t, string(body), `"`+member+`"`)
	}
	berta.errors = nil

	// Deleting, making for others, and giving away.
	berta.write(erase(2)...)
	berta.write(create(4, "anna", 9)...)
	berta.write(rename(3, "anna")...)
	berta.upload()
	require.Equal(t, []string{"2 anna 5", "3 berta 1"}, berta.sync().dogs())
	require.Equal(t, []string{`write to 2 in table "Dog" not allowed`, `write to 4 in table "Dog" not allowed`, `write to 3 in table "Dog" not allowed`}, berta.reasons())
	// Writing to what is there and can't be seen.
	berta.write(create(1, "berta", 1)...)
	berta.upload()
	require.Equal(t, []string{"2 anna 5", "3 berta 1"}, berta.sync().dogs())
	require.Equal(t, []string{`write to 1 in table "Dog" not allowed`}, berta.reasons())
	// Permitted, and outside of the query.
	berta.subscribe(2, `{"Dog":"(age > 0)"}`)
	berta.write(create(5, "berta", -1)...)
	berta.upload()
	berta.sync()
	require.Equal(t, []string{`write to 5 in table "Dog" not allowed; object is outside of the current query view`}, berta.reasons())
	require.Equal(t, []string{"2 anna 5", "3 berta 1"}, berta.dogs())
	require.Equal(t, []string{"1 anna 2", "2 anna 5"}, anna.sync().dogs())

	// Objects enter and leave the readable set by what their owners do.
	anna.write(grow(2, 1)...)
	anna.write(grow(1, 4)...)
	anna.upload()
	require.Equal(t, []string{"1 anna 4", "3 berta 1"}, berta.sync().dogs())
	require.Empty(t, anna.errors)
}

// What was not acknowledged is told again on the next session (item 29).
func TestCompensationIsRepeated(t *testing.T) {
	g := openGoverned(t, ownOrOld)
	anna := g.device("anna").subscribed(allDogs)
	anna.write(create(1, "anna", 5)...)
	anna.upload()
	berta := g.device("berta").subscribed(allDogs)
	berta.write(erase(1)...)
	m := berta.message()
	berta.send(m)
	expect[*wire.JSONError](berta.link) // seen, and lost with what follows
	berta.drop()
	berta.connect()
	berta.sync()
	require.Equal(t, []string{`write to 1 in table "Dog" not allowed`}, berta.reasons())
	require.Equal(t, []string{"1 anna 5"}, berta.dogs())
	berta.write(create(2, "berta", 1)...)
	berta.upload() // says that it has integrated it
	berta.drop()
	berta.connect()
	berta.sync()
	require.Empty(t, berta.errors)
}

// A bootstrap because of a role breaks off, and before its client is back the role is another one again. Original clients keep the part that has arrived, and
// what it did must not remain: neither what only that role shows, nor the lack of what it hides. And what the client wrote meanwhile to objects that are
// sent anew for that is not in their way.
func TestBrokenOffBootstrapOfARole(t *testing.T) {
	const role = `[{"name":"role","document_filters":{"read":%[1]s,"write":%[1]s},"fields":{%[2]s},"additional_fields":{"read":true,"write":true},"read":true,"write":true,"insert":true,"delete":true}]`
	young, all, nameless := fmt.Sprintf(role, `{"age":{"$lt":5}}`, ""), fmt.Sprintf(role, "true", ""), fmt.Sprintf(role, "true", `"name":{"read":false}`)
	for name, meanwhile := range map[string]string{"that shows more": all, "that shows less": `[]`, "without names": nameless} {
		for _, times := range []int{1, 2} { // how often it breaks off
			t.Run(fmt.Sprint(name, ", ", times), func(t *testing.T) {
				g := openGoverned(t, all, func(c *Config) { c.messageBytes = 8 })
				writer := g.device("anna").subscribed(allDogs)
				for i := range int64(10) {
					writer.write(create(i, "Rex", i)...)
				}
				writer.upload()
				writer.drop()
				g.roles(young)
				d := g.device("berta").subscribed(allDogs)
				want := []string{"0 Rex 0", "1 Rex 1", "2 Rex 2", "3 Rex 3", "4 Rex 4"}
				require.Equal(t, want, d.sync().dogs())
				d.keeps = true
				g.roles(meanwhile)
				d.restarted()
				for range times {
					for part := 0; part < 4; part++ {
						require.Equal(t, wire.MoreToCome, d.nextBootstrap().BatchState)
					}
					d.drop()
					d.connect()
				}
				d.drop()
				g.restart()
				g.roles(young)
				d.write(grow(2, 3)...)
				d.connect()
				d.bootstrap()
				d.upload()
				d.sync()
				want = nil
				for _, dog := range g.dogs("app") {
					if dog.age < 5 {
						want = append(want, dog.text)
					}
				}
				require.Len(t, want, 5)
				require.Equal(t, want, d.sync().dogs())
			})
		}
	}
}

// A client whose protocol has no bootstraps that the server starts by itself is reset when its role changes.
func TestRuleChangeOfOlderClient(t *testing.T) {
	g := openGoverned(t, walks[0].roles)
	d := g.device("anna")
	d.link = g.dialApp("app", "anna", []string{"com.mongodb.realm-query-sync#13"})
	d.bind(1).bootstrap()
	d.prepare()
	d.upload()
	d.subscribe(1, allDogs)
	g.roles(walks[1].roles)
	d.restarted()
	d.refused(wire.CodeServerPermissionsChanged, wire.ClientReset, "what this client may see has changed")
}

// nextBootstrap takes in messages up to the next of a bootstrap.
func (d *device) nextBootstrap() *wire.Download {
	d.t.Helper()
	for {
		if m, ok := d.step().(*wire.Download); ok && m.BatchState != wire.SteadyState {
			return m
		}
	}
}

// Conformance item 30: a change of rules reaches the sessions that it concerns, and nobody else.
func TestRuleChange(t *testing.T) {
	g := openGoverned(t, ownOrOld)
	anna := g.device("anna").subscribed(allDogs)
	berta := g.device("berta").subscribed(allDogs)
	clara := g.device("clara").subscribed(noDogs)
	anna.write(create(1, "anna", 2)...)
	anna.write(create(2, "anna", 5)...)
	anna.upload()
	berta.write(create(3, "berta", 1)...)
	berta.upload()
	require.Equal(t, []string{"2 anna 5", "3 berta 1"}, berta.sync().dogs())

	g.roles(ownOrOld) // the same again
	g.configure(func(c *appconfig.Config) { c.Name = "another name" })
	for _, d := range []*device{anna, berta, clara} {
		d.sync() // nobody is sent away
	}

	// Berta alone becomes an administrator, who sees everything and changes nothing.
	const admin = `[{"name":"admin","apply_when":{"%%user.id":"berta"},"document_filters":{"read":true,"write":false},"read":true,"write":true,"insert":true,"delete":true},`
	g.roles(admin + ownOrOld[1:])
	berta.restarted()
	// What she uploads now is judged by the new role.
	berta.write(grow(3, 7)...)
	b := berta.bootstrap()
	require.Equal(t, int64(1), b.QueryVersion, "the bootstrap repeats the query version")
	berta.upload()
	require.Equal(t, []string{"1 anna 2", "2 anna 5", "3 berta 1"}, berta.sync().dogs())
	require.Equal(t, []string{`write to 3 in table "Dog" not allowed`}, berta.reasons())
	anna.sync()
	clara.sync()
	require.Equal(t, []string{"1 anna 2", "2 anna 5"}, anna.dogs())

	// And back: what she may not see leaves, while she doesn't ask for anything.
	g.roles(ownOrOld)
	berta.restarted()
	b = berta.bootstrap()
	require.Equal(t, int64(1), b.QueryVersion)
	require.Equal(t, []string{"2 anna 5", "3 berta 1"}, berta.sync().dogs())

	// Only what may be written changes: told as well.
	g.roles(strings.Replace(ownOrOld, `"delete":true`, `"delete":false`, 1))
	anna.restarted()
	berta.restarted()
	anna.bootstrap()
	berta.bootstrap()
	anna.write(erase(1)...)
	anna.upload()
	require.Equal(t, []string{"1 anna 2", "2 anna 5"}, anna.sync().dogs())
	require.Equal(t, []string{`write to 1 in table "Dog" not allowed`}, anna.reasons())
	clara.sync()

	// Whoever was away is told when it comes back, also by a server that was restarted meanwhile.
	berta.drop()
	g.roles(`[]`)
	anna.restarted()
	anna.bootstrap()
	require.Empty(t, anna.sync().dogs())
	anna.drop()
	clara.drop()
	g.restart()
	berta.connect()
	berta.bootstrap()
	require.Empty(t, berta.sync().dogs())
	g.roles(ownOrOld)
	berta.restarted()
	berta.bootstrap()
	require.Equal(t, []string{"2 anna 5", "3 berta 1"}, berta.sync().dogs())
}

// Custom data that change are those of the next session: the role and the filters that it has now stay until then. What a device wrote meanwhile is judged
// by the role of the session that uploads it. No client reset.
func TestCustomDataChange(t *testing.T) {
	g := openGoverned(t, `[{"name":"admin","apply_when":{"%%user.custom_data.admin":true},"document_filters":{"read":true,"write":true},"read":true,"write":true,"insert":true,"delete":true},
		{"name":"member","apply_when":{"%%user.custom_data.names":{"$exists":true}},"document_filters":{"read":{"name":{"$in":"%%user.custom_data.names"}},"write":{"name":"%%user.custom_data.own"}},"read":true,"write":true,"insert":true,"delete":true}]`)
	is := func(custom ...bson.E) { g.custom.Store(bson.D(custom)) }
	is(bson.E{Key: "admin", Value: true})
	anna := g.device("anna").subscribed(allDogs)
	anna.write(create(1, "Rex", 2)...)
	anna.write(create(2, "Max", 5)...)
	anna.upload()
	is(bson.E{Key: "names", Value: bson.A{"Rex"}}, bson.E{Key: "own", Value: "Rex"})
	anna.write(grow(2, 6)...)
	anna.upload()
	require.Equal(t, []string{"1 Rex 2", "2 Max 6"}, anna.sync().dogs(), "this session's role is what it was")
	require.Empty(t, anna.reasons())
	anna.drop()
	anna.write(grow(2, 7)...)
	anna.write(grow(1, 3)...)
	anna.connect()
	b := anna.bootstrap()
	require.Equal(t, int64(1), b.QueryVersion)
	anna.upload()
	require.Equal(t, []string{"1 Rex 3"}, anna.sync().dogs(), "the next session's is another")
	require.Len(t, anna.reasons(), 1)
	// Filters expand what is there now, and nobody without custom data is a member.
	is(bson.E{Key: "names", Value: bson.A{"Max", "Rex"}})
	anna.drop()
	anna.connect()
	anna.bootstrap()
	require.Equal(t, []string{"1 Rex 3", "2 Max 6"}, anna.sync().dogs())
	anna.write(grow(1, 9)...)
	anna.upload()
	require.Equal(t, []string{"1 Rex 3", "2 Max 6"}, anna.sync().dogs(), "own is undefined: nothing may be written")
	require.Equal(t, []string{`write to 1 in table "Dog" not allowed`}, anna.reasons())
	is()
	anna.drop()
	anna.connect()
	anna.bootstrap()
	require.Empty(t, anna.sync().dogs())
}

// Properties that a role doesn't show are not sent, and may not be written.
func TestHiddenFields(t *testing.T) {
	roles := func(hidden string) string {
		return `[{"name":"owner","apply_when":{"%%user.id":"anna"},"document_filters":{"read":true,"write":true},"read":true,"write":true,"insert":true,"delete":true},
		{"name":"guest","document_filters":{"read":true,"write":true},"fields":{` + hidden + `},"additional_fields":{"read":true,"write":true},"delete":true}]`
	}
	g := openGoverned(t, roles(`"age":{"read":false,"write":false}`))
	anna := g.device("anna").subscribed(allDogs)
	anna.write(create(1, "Rex", 2)...)
	anna.upload()
	berta := g.device("berta").subscribed(allDogs)
	require.Equal(t, []string{"1 Rex 0"}, berta.dogs(), "in the bootstrap")
	anna.write(grow(1, 3)...)
	anna.write(create(2, "Max", 4)...)
	anna.write(rename(1, "Rey")...)
	anna.upload()
	require.Equal(t, []string{"1 Rey 0", "2 Max 0"}, berta.sync().dogs(), "in changes")
	berta.write(rename(2, "May")...)
	berta.write(grow(1, 9)...)
	berta.upload()
	require.Equal(t, []string{"1 Rey 0", "2 May 0"}, berta.sync().dogs(), "where it is set back")
	require.Equal(t, []string{`write to 1 in table "Dog" not allowed`}, berta.reasons())
	require.Equal(t, []string{"1 Rey 3", "2 May 4"}, anna.sync().dogs())
	// What can't be seen can't be asked for.
	berta.send(&wire.Query{Session: berta.sid, Version: 2, Body: []byte(`{"Dog":"(age > 3)"}`)})
	require.Equal(t, `Invalid query: "Dog": key "age" is not a queryable field`, string(expect[*wire.QueryError](berta.link).Text))
	g.roles(roles(``))
	berta.restarted()
	berta.bootstrap()
	require.Equal(t, []string{"1 Rey 3", "2 May 4"}, berta.sync().dogs(), "shown later")
	// Who has asked before it is hidden again goes on without a reset, and what comes into its view and leaves it doesn't tell what is hidden.
	berta.subscribe(3, `{"Dog":"(age > 3)"}`)
	require.Equal(t, []string{"2 May 4"}, berta.sync().dogs())
	g.roles(roles(`"age":{"read":false}`))
	berta.restarted()
	berta.bootstrap()
	require.Empty(t, berta.sync().dogs())
	anna.write(grow(1, 7)...)
	anna.upload()
	require.Empty(t, berta.sync().dogs())
	clara := g.device("clara").fresh()
	clara.drop()
	clara.body = `{"Dog":"(age > 3)"}` // as if it had been subscribed
	clara.connect()
	require.Empty(t, clara.sync().dogs())
	g.roles(roles(``))
	berta.restarted()
	berta.bootstrap()
	require.Equal(t, []string{"1 Rey 7", "2 May 4"}, berta.sync().dogs())
}

// A role that is not compatible with sync gives no access, as does none.
func TestIncompatibleRole(t *testing.T) {
	said := &logs.Buffer{}
	g := openGoverned(t, ownOrOld, func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(said, nil)) })
	anna := g.device("anna").subscribed(allDogs)
	anna.write(create(1, "anna", 5)...)
	anna.upload()
	require.NotContains(t, said.String(), "no access to a class")
	g.roles(`[{"name":"r","document_filters":{"read":{"secret":1},"write":true},"read":true,"write":true,"insert":true,"delete":true},` + ownOrOld[1:])
	anna.restarted()
	anna.bootstrap()
	require.Empty(t, anna.sync().dogs())
	anna.write(create(2, "anna", 5)...)
	anna.upload()
	anna.sync()
	require.Equal(t, []string{`write to 2 in table "Dog" not allowed`}, anna.reasons())
	require.Contains(t, said.String(), `msg="a session has no access to a class"`)
	require.Contains(t, said.String(), `class=Dog reason="the role r applies and can't be used for sync: its document_filters.read names the field \"secret\", which is not queryable"`)
}

// Fields of queries must be queryable; development mode makes them so.
func TestQueryableFields(t *testing.T) {
	const everything = `[{"name":"all","document_filters":{"read":true,"write":true},"read":true,"write":true,"insert":true,"delete":true}]`
	g := openGoverned(t, everything)
	g.configure(func(c *appconfig.Config) { c.SyncService().FlexibleSync.QueryableFieldsNames = []string{"name"} })
	d := g.device("anna").subscribed(`{"Dog":"(name == \"Rex\") OR (_id > 3)"}`)
	d.send(&wire.Query{Session: d.sid, Version: 2, Body: []byte(`{"Dog":"(age > 3)"}`)})
	refused := expect[*wire.QueryError](d.link)
	require.Equal(t, wire.CodeBadQuery, refused.Code)
	require.Equal(t, int64(2), refused.QueryVersion)
	require.Equal(t, `Invalid query: "Dog": key "age" is not a queryable field`, string(refused.Text))
	d.write(create(7, "Max", 1)...)
	d.upload() // what it has stays in force
	require.Equal(t, []string{"7 Max 1"}, d.sync().dogs())

	g.configure(func(c *appconfig.Config) {
		c.SyncService().FlexibleSync.CollectionQueryableFieldNames = map[string][]string{"Dog": {"age"}}
	})
	d.subscribe(3, `{"Dog":"(age > 0)"}`)
	require.Equal(t, []string{"7 Max 1"}, d.dogs())

	// Taken away: the client has what can't be kept up to date, and is reset.
	g.configure(func(c *appconfig.Config) { c.SyncService().FlexibleSync.CollectionQueryableFieldNames = nil })
	m := expect[*wire.JSONError](d.link)
	require.Equal(t, wire.CodeBadQuery, m.Code)
	require.Equal(t, wire.ClientReset, m.Action)
	require.Contains(t, m.Message, `"Dog": key "age" is not a queryable field`)

	g.configure(func(c *appconfig.Config) { c.Sync.DevelopmentMode = true })
	e := g.device("berta").subscribed(`{"Dog":"(age > 0)"}`)
	require.Equal(t, []string{"7 Max 1"}, e.dogs())
	c, err := g.configs.Current(t.Context(), "app")
	require.NoError(t, err)
	require.Equal(t, []string{"age", "name"}, c.SyncService().FlexibleSync.QueryableFieldsNames)
}

// Asymmetric objects that may not be made: error 230, without a version that undoes, and the session goes on afterwards (item 29).
func TestAsymmetricDenied(t *testing.T) {
	g := openGoverned(t, ownOrOld)
	g.configure(func(c *appconfig.Config) {
		c.Schemas = append(c.Schemas, schemaOf("Reading", `"name":{"bsonType":"string"}`, `"name"`))
		c.SyncService().FlexibleSync.AsymmetricTables = []string{"Reading"}
	})
	d := g.device("anna").subscribed(noDogs)
	ingest := func(id int64, name string) []changeset.Instruction {
		return []changeset.Instruction{
			{Op: changeset.CreateObject, Table: "Reading", Key: value.IntKey(id)},
			{Op: changeset.Update, Table: "Reading", Key: value.IntKey(id), Field: "name", Value: value.String(name)},
		}
	}
	d.write(changeset.Instruction{Op: changeset.AddTable, Table: "Reading", Schema: &changeset.SchemaFields{KeyField: "_id", KeyType: value.KindInt, TableKind: schema.Asymmetric}},
		changeset.Instruction{Op: changeset.AddColumn, Table: "Reading", Field: "name", Schema: &changeset.SchemaFields{Type: value.KindString}})
	d.write(ingest(1, "anna")...)
	d.upload()
	version := d.version + 1
	d.write(ingest(2, "berta")...)
	d.send(d.message())
	m := expect[*wire.JSONError](d.link)
	require.Equal(t, wire.CodeWriteNotAllowed, m.Code)
	require.Equal(t, wire.Warning, m.Action)
	require.True(t, m.TryAgain)
	require.Equal(t, &wire.Rejection{ClientVersion: version, Updates: []wire.RejectedUpdate{{Table: "Reading", PrimaryKey: []byte{1, 2}, Reason: `write to 2 in table "Reading" not allowed`}}}, m.Rejected)
	body, err := m.Append(nil)
	require.NoError(t, err)
	require.NotContains(t, string(body), "compensatingWriteServerVersion")
	require.Contains(t, string(body), `"backoffIntervalSec":1,"backoffMaxDelaySec":5,"backoffMultiplier":2`, "the client's own delays grow to minutes")
	d.send(&wire.Unbind{Session: d.sid})
	d.bind(d.sid)
	d.write(ingest(3, "anna")...)
	d.upload() // and the one that was denied again, which is known
	d.sync()
	require.Empty(t, d.errors)
}

// Versions of schemas that the server doesn't have are refused outside of development mode (sync-semantics 9.4, item 63).
func TestSchemaVersion(t *testing.T) {
	g := openGoverned(t, ownOrOld)
	bind := func() *link {
		l := g.dial("anna")
		l.send(&wire.Bind{Session: 1, Data: wire.BindData{SchemaVersion: 3}.Append(nil), NeedIdent: true})
		return l
	}
	m := expect[*wire.JSONError](bind())
	require.Equal(t, wire.CodeBadSchemaVersion, m.Code)
	require.Equal(t, wire.ApplicationBug, m.Action)
	require.Contains(t, m.Message, "Client provided invalid schema version")
	g.configure(func(c *appconfig.Config) { c.Sync.DevelopmentMode = true })
	expect[*wire.ServerIdent](bind())
}

// What queries read as a point must be one (item 29).
func TestCorruptPoints(t *testing.T) {
	g := openGoverned(t, ownOrOld)
	g.configure(func(c *appconfig.Config) {
		c.SyncService().FlexibleSync.QueryableFieldsNames = []string{"age", "at", "name"}
		c.Schemas = []appconfig.Schema{schemaOf("Dog", `"name":{"bsonType":"string"},"age":{"bsonType":"long"},"at":{"title":"Point","bsonType":"object","required":["type"],
			"properties":{"type":{"bsonType":"string"},"coordinates":{"bsonType":"array","items":{"bsonType":"double"}}}}`, `"name","age"`)}
	})
	d := g.device("anna").subscribed(allDogs)
	column := func(table, name string, list schema.Collection, s changeset.SchemaFields) changeset.Instruction {
		return changeset.Instruction{Op: changeset.AddColumn, Table: table, Field: name, Collection: list, Schema: &s}
	}
	d.write(changeset.Instruction{Op: changeset.AddTable, Table: "Point", Schema: &changeset.SchemaFields{TableKind: schema.Embedded}},
		column("Point", "type", schema.Single, changeset.SchemaFields{Type: value.KindString}),
		column("Point", "coordinates", schema.List, changeset.SchemaFields{Type: value.KindDouble}),
		column("Dog", "at", schema.Single, changeset.SchemaFields{Type: value.KindLink, LinkTarget: "Point", Nullable: true}))
	at := func(id int64, kind string, coordinates ...float64) []changeset.Instruction {
		dog := changeset.Instruction{Op: changeset.Update, Table: "Dog", Key: value.IntKey(id), Field: "at"}
		made, named := dog, dog
		made.Value, named.Value = value.Marker(value.KindObject), value.String(kind)
		named.Path = []changeset.Step{{Key: "type"}}
		out := append(create(id, "anna", 5), made, named)
		for i, c := range coordinates {
			in := dog
			in.Op, in.Value, in.PriorSize = changeset.ArrayInsert, value.Double(c), uint32(i)
			in.Path = []changeset.Step{{Key: "coordinates"}, {IsPos: true, Pos: uint32(i)}}
			out = append(out, in)
		}
		return out
	}
	d.write(at(1, "Point", 10, 50)...)
	d.write(at(2, "Point", 10)...)
	d.write(at(3, "Pint", 10, 50)...)
	d.write(at(4, "Point", 10, 95)...)
	d.write(create(5, "anna", 5)...)
	d.upload()
	require.Equal(t, []string{"1 anna 5", "5 anna 5"}, d.sync().dogs())
	require.Equal(t, []string{`write to 2 in table "Dog" will corrupt geojson data`, `write to 3 in table "Dog" will corrupt geojson data`,
		`write to 4 in table "Dog" will corrupt geojson data`}, d.reasons())
	d.subscribe(2, `{"Dog":"(at GEOWITHIN geoBox([0, 0], [60, 60]))"}`)
	require.Equal(t, []string{"1 anna 5"}, d.dogs())
}

// Sync that is paused, or not enabled, sends clients away until it is on again.
func TestPausedSync(t *testing.T) {
	g := openGoverned(t, ownOrOld)
	d := g.device("anna").subscribed(allDogs)
	state := func(s string) {
		g.configure(func(c *appconfig.Config) { c.SyncService().FlexibleSync.State = s })
	}
	for s, text := range map[string]string{appconfig.SyncDisabled: "paused", appconfig.SyncTerminated: "not enabled"} {
		state(s)
		m := expect[*wire.JSONError](d.link)
		require.Equal(t, wire.CodeOtherSessionError, m.Code)
		require.Contains(t, m.Message, text)
		require.True(t, m.TryAgain)
		require.Equal(t, wire.Transient, m.Action)
		require.Equal(t, &pausedBackoff, m.Backoff)
		// Those that come again are told the same before anything else.
		l := g.dial("anna")
		l.send(&wire.Bind{Session: 1, Data: (&wire.BindData{}).Append(nil), NeedIdent: true})
		require.Contains(t, expect[*wire.JSONError](l).Message, text)
		l.drop()
		state(appconfig.SyncEnabled)
		d.send(&wire.Unbind{Session: d.sid})
		d.bind(d.sid).sync()
	}
	d.write(create(1, "anna", 1)...)
	d.upload()
}

// Clients are reset as the app's configuration says (conformance item 26).
func TestRecoveryModeDisabled(t *testing.T) {
	g := openGoverned(t, ownOrOld)
	for _, disabled := range []bool{false, true} {
		g.configure(func(c *appconfig.Config) { c.SyncService().FlexibleSync.IsRecoveryModeDisabled = disabled })
		d := g.device("anna").fresh()
		d.drop()
		a, done := g.look("app")
		require.NoError(t, a.engine.Expire(t.Context(), d.ident))
		done()
		d.connect()
		m := expect[*wire.JSONError](d.link)
		require.Equal(t, wire.CodeClientFileExpired, m.Code)
		require.Equal(t, disabled, m.RecoveryModeDisabled)
		require.Equal(t, disabled, m.Action == wire.ClientResetNoRecovery)
		require.Equal(t, !disabled, m.Action == wire.ClientReset)
	}
}

// One user can't make everybody's writes slow: of queries that are tried on every object it may have so many, over all its sessions.
func TestCostlySubscriptions(t *testing.T) {
	f := open(t, func(c *Config) { c.MaxScans = 3 })
	costly := `{"Dog":"(age > 1) OR (age > 2)"}`
	a, done := f.look("app")
	defer done()
	counted := func(n int) { // once the server has noticed that a connection is gone
		t.Helper()
		require.Eventually(t, func() bool {
			a.mu.Lock()
			defer a.mu.Unlock()
			return a.scans["anna"] == n
		}, patience, waitStep)
	}
	first := f.device("anna").subscribed(costly)
	second := f.device("anna").fresh()
	second.send(&wire.Query{Session: second.sid, Version: 1, Body: []byte(costly)})
	refused := expect[*wire.QueryError](second.link)
	require.Contains(t, string(refused.Text), "Invalid query: this user has more than 3 subscriptions in use")
	second.subscribe(2, `{"Dog":"(age == 1) OR (age == 2) OR (age == 3) OR (age > 9)"}`) // found by their values, but one
	f.device("berta").subscribed(costly)                                                 // another user
	first.subscribe(2, `{"Dog":"(age == 1)"}`)
	second.subscribe(3, costly)
	// Identifying oneself with what was granted before is refused as long as the user has too much.
	first.subscribe(3, `{"Dog":"(age > 1)"}`)
	second.drop()
	counted(1)
	first.subscribe(4, `{"Dog":"(age > 1) OR (age > 2) OR (age > 3)"}`)
	second.connect()
	m := expect[*wire.JSONError](second.link)
	require.Equal(t, wire.CodeOtherSessionError, m.Code)
	require.True(t, m.TryAgain)
	first.drop()
	second.drop()
	counted(0)
	second.connect().sync()
}

// A set has so many conditions, however they are written.
func TestTooManyConditions(t *testing.T) {
	f := open(t, nil)
	d := f.device("anna").subscribed(noDogs)
	d.send(&wire.Query{Session: d.sid, Version: 2, Body: []byte(`{"Dog":"` + manyConditions(4200) + `"}`)})
	refused := expect[*wire.QueryError](d.link)
	require.Contains(t, string(refused.Text), `Invalid query: "Dog": the subscription set has more than 4096 conditions`)
	d.sync()
}

func manyConditions(n int) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = fmt.Sprintf("(age == %d)", i)
	}
	return strings.Join(parts, " OR ")
}

// Rules that can't be evaluated let nobody in.
func TestTroubleWithRules(t *testing.T) {
	f := open(t, func(c *Config) { c.Rules = brokenRules{} })
	l := f.dial("anna")
	l.send(&wire.Bind{Session: 1, Data: (&wire.BindData{}).Append(nil), NeedIdent: true})
	m := expect[*wire.JSONError](l)
	require.Equal(t, wire.CodeOtherSessionError, m.Code)
	require.NotContains(t, m.Message, "disk")
}

type brokenRules struct{}

func (brokenRules) Policy(context.Context, string, string) (*rules.Policy, error) {
	return nil, context.DeadlineExceeded
}
func (brokenRules) Classes(context.Context, string) (*jsonschema.Classes, error) {
	return &jsonschema.Classes{Schema: schema.New()}, nil
}
func (brokenRules) AddQueryable(context.Context, string, map[string][]string) error { return nil }
func (brokenRules) AddClasses(context.Context, string, *schema.Schema) error        { return nil }
func (brokenRules) Watch(func(string)) (cancel func())                              { return func() {} }
