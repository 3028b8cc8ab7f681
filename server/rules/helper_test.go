package rules

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.uber.org/goleak"

	"realmsync/server/appconfig"
	"realmsync/server/ejson"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// doc reads a document from extended JSON.
func doc(t testing.TB, text string) bson.D {
	t.Helper()
	d, err := ejson.ParseDocument([]byte(text))
	require.NoError(t, err)
	return d
}

// service makes a data source from the JSON of its members, which syncs the database "db" with the queryable fields owner, team, public and n.
func service(t testing.TB, text string) *appconfig.Config {
	t.Helper()
	c := &appconfig.Config{}
	s := appconfig.Service{Name: "mongodb-atlas", Type: "mongodb-atlas", FlexibleSync: &appconfig.FlexibleSync{
		State: "enabled", DatabaseName: "db", QueryableFieldsNames: []string{"owner", "team", "public", "n"},
		CollectionQueryableFieldNames: map[string][]string{"Dog": {"breed"}},
	}}
	require.NoError(t, json.Unmarshal([]byte(text), &s))
	c.Services = append(c.Services, s)
	return c
}

func compiled(t testing.TB, c *appconfig.Config) *Set {
	t.Helper()
	s, err := Compile(c)
	require.NoError(t, err)
	return s
}

// anna is the caller of most tests.
func anna(t testing.TB) *Caller {
	return &Caller{UserID: "anna", Type: "normal", CustomData: doc(t, `{"teams":["red","blue"],"admin":true,"level":3,"o":{"$oid":"5e43ddcc636ee106eaa12bda"}}`)}
}

func schemaOf(class, name string) appconfig.Schema {
	return appconfig.Schema{Metadata: appconfig.Metadata{DataSource: "mongodb-atlas", Database: "db", Collection: name}, Schema: json.RawMessage(`{"title":"` + class + `","properties":{"_id":{"bsonType":"long"}}}`)}
}

// reads tells whether anything of a field of a document may be read.
func reads(r *Role, d bson.D, field string) bool {
	_, ok := r.read(d, field)
	return ok
}

// parseFilter reads the text of a filter.
func parseFilter(text string) (*Filter, error) {
	v, err := ejson.Parse([]byte(text))
	if err != nil {
		return nil, err
	}
	return filterOf(v)
}
