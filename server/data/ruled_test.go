package data

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/server/appconfig"
	"realmsync/server/auth"
	"realmsync/server/rules"
)

// The rules of the configuration hold for programs, and so do the filters of a rule (app-services 12.1).
func TestRuled(t *testing.T) {
	f := open(t, func(c *Config) { c.Permissions = NewRuled(rules.NewSets(c.Apps)) })
	f.must(`{"insertedIds":[1,2,3]}`, "d", "c", "insertMany", `{"documents":[{"_id":1,"owner":"ann","secret":1},{"_id":2,"owner":"bob","secret":2},{"_id":3,"owner":"ann","secret":3}]}`)
	rule := f.config.Services[0].DefaultRule
	rule.Filters = json.RawMessage(`[{"name":"mine","apply_when":{"%%user.type":"normal"},"query":{"owner":"%%user.id"},"projection":{"secret":0}},{"name":"never","apply_when":{"%%false":true},"query":{"_id":0}}]`)
	ann, server := &auth.Caller{UserID: "ann", Type: auth.TypeNormal}, &auth.Caller{UserID: "s", Type: auth.TypeServer}
	get := func(caller *auth.Caller, method, arg string) string {
		t.Helper()
		v, err := f.as(caller, "d", "c", method, arg)
		require.NoError(t, err)
		return text(t, v)
	}
	require.Equal(t, text(t, doc(t, `{"x":[{"_id":1,"owner":"ann"},{"_id":3,"owner":"ann"}]}`)[0].Value), get(ann, "find", `{}`))
	require.Equal(t, `{"$numberLong":"0"}`, get(ann, "count", `{"query":{"secret":1}}`))
	require.Equal(t, text(t, doc(t, `{"matchedCount":0,"modifiedCount":0}`)), get(ann, "updateOne", `{"query":{"_id":2},"update":{"$set":{"a":1}}}`))
	require.Equal(t, text(t, doc(t, `{"deletedCount":2}`)), get(ann, "deleteMany", `{"query":{}}`))
	require.Equal(t, text(t, doc(t, `{"x":[{"_id":2,"owner":"bob","secret":2}]}`)[0].Value), get(server, "find", `{}`))

	// A rule of the collection that says nothing takes nothing away.
	for _, filters := range []string{``, `[]`, `null`} {
		own := appconfig.CollectionRule{Database: "d", Collection: "c", Rule: appconfig.Rule{Filters: json.RawMessage(filters)}}
		config := *f.config
		services := slices.Clone(config.Services)
		services[0].Rules = []appconfig.CollectionRule{own}
		config.Services = services
		access, err := NewRuled(rules.NewSets(configs{&config})).Access(t.Context(), "app", ann, Collection{service1, "d", "c"})
		require.NoError(t, err)
		_, sees := access.readable(doc(t, `{"_id":2,"owner":"bob"}`))
		require.False(t, sees, filters)
		_, sees = access.readable(doc(t, `{"_id":1,"owner":"ann"}`))
		require.True(t, sees, filters)
	}

	// Whoever is nobody sees nothing.
	require.Equal(t, `[]`, get(nil, "find", `{}`))
	broken := *f.config
	services := slices.Clone(f.config.Services)
	other := *rule
	other.Filters = json.RawMessage(`[{"query":{"a":{"$nonsense":1}}}]`)
	services[0].DefaultRule = &other
	broken.Services = services
	_, err := NewRuled(rules.NewSets(configs{&broken})).Access(t.Context(), "app", ann, Collection{service1, "d", "c"})
	require.ErrorContains(t, err, "filters[0].query")
}
