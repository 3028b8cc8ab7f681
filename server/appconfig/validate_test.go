package appconfig

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// raw shortens tables.
func raw(s string) json.RawMessage { return json.RawMessage(s) }

func TestValidate(t *testing.T) {
	t.Parallel()
	id := func(n string) string { return FixedID("test", n) }
	secret := func(name, value string) func(*Config) {
		return func(c *Config) { c.Secrets = append(c.Secrets, Secret{ID: id("s" + name), Name: name, Value: value}) }
	}
	provider := func(kind, config, secrets string) func(*Config) {
		return func(c *Config) {
			for i := range c.Providers {
				if c.Providers[i].Type == kind {
					c.Providers[i].Config = raw(config)
					return
				}
			}
			c.Providers = append(c.Providers, Provider{ID: id(kind), Name: kind, Type: kind, Config: raw(config), SecretConfig: raw(secrets)})
		}
	}
	role := func(f func(*Role)) func(*Config) { return func(c *Config) { f(&c.Services[0].DefaultRule.Roles[0]) } }
	schema := func(text string) func(*Config) {
		return func(c *Config) {
			c.Schemas = append(c.Schemas, Schema{ID: id(text), Metadata: Metadata{"mongodb-atlas", "d", "c"}, Schema: raw(text)})
		}
	}
	long := strings.Repeat("k", 32)
	for name, test := range map[string]struct {
		change []func(*Config)
		path   string // "" is valid
		reason string
	}{
		"default":             {},
		"name":                {[]func(*Config){func(c *Config) { c.Name = "" }}, "name", "text of 1 to"},
		"environment":         {[]func(*Config){func(c *Config) { c.Environment = "prod" }}, "environment", "must be one of"},
		"deployment":          {[]func(*Config){func(c *Config) { c.DeploymentModel = "EU" }}, "deployment_model", "GLOBAL"},
		"id":                  {[]func(*Config){func(c *Config) { c.Providers[1].ID = "zz" }}, "auth_providers[1]._id", "24 hexadecimal"},
		"id twice":            {[]func(*Config){func(c *Config) { c.Providers[1].ID = c.Providers[0].ID }}, "auth_providers[1]._id", "that of auth_providers[0]"},
		"provider":            {[]func(*Config){provider("ldap", "{}", "{}")}, "auth_providers[3].type", `"ldap"`},
		"provider twice":      {[]func(*Config){func(c *Config) { c.Providers[1].Type = "anon-user" }}, "auth_providers[1].type", "two of type"},
		"provider's config":   {[]func(*Config){provider(ProviderUserpass, "[]", "")}, "auth_providers[1]", "must be an object"},
		"provider's member":   {[]func(*Config){provider(ProviderUserpass, `{"autoConfirm":"yes"}`, "")}, "auth_providers[1]", "autoConfirm"},
		"confirm function":    {[]func(*Config){provider(ProviderUserpass, `{"runConfirmationFunction":true,"confirmationFunctionName":"no"}`, "")}, "auth_providers[1].config.confirmationFunctionName", `"no"`},
		"reset function":      {[]func(*Config){provider(ProviderUserpass, `{"runResetFunction":true,"resetFunctionName":"no"}`, "")}, "auth_providers[1].config.resetFunctionName", `"no"`},
		"auth function":       {[]func(*Config){provider(ProviderCustomFunction, `{"authFunctionName":"no"}`, "null")}, "auth_providers[3].config.authFunctionName", `"no"`},
		"custom token":        {[]func(*Config){secret("k", long), provider(ProviderCustomToken, `{"audience":[],"signingAlgorithm":"HS256","useJWKURI":false}`, `{"signingKeys":["k"]}`)}, "", ""},
		"custom token's text": {[]func(*Config){secret("k", long), provider(ProviderCustomToken, `{"audience":"a","signingAlgorithm":"HS256"}`, `{"signingKeys":"k"}`)}, "", ""},
		"algorithm none":      {[]func(*Config){secret("k", long), provider(ProviderCustomToken, `{"signingAlgorithm":"none"}`, `{"signingKeys":["k"]}`)}, "auth_providers[3].config.signingAlgorithm", "HS256, RS256 or ES256"},
		"no key":              {[]func(*Config){provider(ProviderCustomToken, `{"signingAlgorithm":"HS256"}`, `{}`)}, "auth_providers[3].secret_config.signingKeys", "name a secret"},
		"no such key":         {[]func(*Config){provider(ProviderCustomToken, `{"signingAlgorithm":"HS256"}`, `{"signingKeys":["k"]}`)}, "auth_providers[3].secret_config.signingKeys[0]", `no secret "k"`},
		"short key":           {[]func(*Config){secret("k", "short"), provider(ProviderCustomToken, `{"signingAlgorithm":"HS256"}`, `{"signingKeys":["k"]}`)}, "auth_providers[3].secret_config.signingKeys[0]", "at least 32"},
		"key that is no PEM":  {[]func(*Config){secret("k", long), provider(ProviderCustomToken, `{"signingAlgorithm":"RS256"}`, `{"signingKeys":["k"]}`)}, "auth_providers[3].secret_config.signingKeys[0]", "no RSA public key in PEM"},
		"key that is no EC":   {[]func(*Config){secret("k", long), provider(ProviderCustomToken, `{"signingAlgorithm":"ES256"}`, `{"signingKeys":["k"]}`)}, "auth_providers[3].secret_config.signingKeys[0]", "P-256 in PEM"},
		"four keys":           {[]func(*Config){secret("k", long), provider(ProviderCustomToken, `{"signingAlgorithm":"HS256"}`, `{"signingKeys":["k","k","k","k"]}`)}, "auth_providers[3].secret_config.signingKeys", "at most 3"},
		"jwks":                {[]func(*Config){provider(ProviderCustomToken, `{"useJWKURI":true,"jwkURI":"https://e.com/jwks"}`, `{}`)}, "", ""},
		"jwks without tls":    {[]func(*Config){provider(ProviderCustomToken, `{"useJWKURI":true,"jwkURI":"http://e.com/jwks"}`, `{}`)}, "auth_providers[3].config.jwkURI", "https"},
		"jwks with hs256":     {[]func(*Config){provider(ProviderCustomToken, `{"useJWKURI":true,"signingAlgorithm":"HS256","jwkURI":"https://e.com"}`, `{}`)}, "auth_providers[3].config.signingAlgorithm", "RS256"},
		"client secret":       {[]func(*Config){provider(ProviderGoogle, `{"clientId":"x"}`, `{"clientSecret":"no"}`)}, "auth_providers[3].secret_config.clientSecret", `"no"`},
		"metadata": {[]func(*Config){func(c *Config) {
			c.Providers[0].MetadataFields = []MetadataField{{Name: "a", FieldName: "x"}, {Name: "b", FieldName: "x"}}
		}}, "auth_providers[0].metadata_fields[1].field_name", "two"},
		"metadata's length": {[]func(*Config){func(c *Config) {
			c.Providers[0].MetadataFields = []MetadataField{{Name: "a", FieldName: strings.Repeat("ä", 65)}}
		}}, "auth_providers[0].metadata_fields[0].field_name", "64"},
		"secret's name":      {[]func(*Config){secret("a b", "x")}, "secrets[0].name", `"a b"`},
		"secret's size":      {[]func(*Config){secret("a", strings.Repeat("x", maxSecret+1))}, "secrets[0].value", "bytes"},
		"function in folder": {[]func(*Config){func(c *Config) { c.Functions = []Function{{ID: id("f"), Name: "a/b"}} }}, "", ""},
		"function outside":   {[]func(*Config){func(c *Config) { c.Functions = []Function{{ID: id("f"), Name: "../b"}} }}, "functions[0].name", `"../b"`},
		"function twice":     {[]func(*Config){func(c *Config) { c.Functions = []Function{{ID: id("f"), Name: "b"}, {ID: id("g"), Name: "b"}} }}, "functions[1].name", "two"},
		"can evaluate":       {[]func(*Config){func(c *Config) { c.Functions = []Function{{ID: id("f"), Name: "b", CanEvaluate: raw("7")}} }}, "functions[0].can_evaluate", "not 7"},
		"source's size": {[]func(*Config){func(c *Config) {
			c.Functions = []Function{{ID: id("f"), Name: "b", Source: strings.Repeat(" ", maxSource+1)}}
		}}, "functions[0].source", "bytes"},
		"value":             {[]func(*Config){func(c *Config) { c.Values = []Value{{ID: id("v"), Name: "v", Value: raw("{")}} }}, "values[0].value", "JSON"},
		"value from secret": {[]func(*Config){func(c *Config) { c.Values = []Value{{ID: id("v"), Name: "v", FromSecret: true, Value: raw(`"no"`)}} }}, "values[0].value", "no"},
		"service twice": {[]func(*Config){func(c *Config) {
			c.Services = append(c.Services, Service{ID: id("x"), Name: DefaultService, Type: "gcm"})
		}}, "services[1].name", "two"},
		"two that sync": {[]func(*Config){func(c *Config) {
			c.Services = append(c.Services, Service{ID: id("x"), Name: "x", Type: "mongodb", FlexibleSync: &FlexibleSync{}})
		}}, "services[1].flexible_sync", "syncs already"},
		"gcm with rules": {[]func(*Config){func(c *Config) { c.Services[0].Type = "gcm" }}, "services[0]", "has no sync"},
		"state":          {[]func(*Config){func(c *Config) { c.Services[0].FlexibleSync.State = "on" }}, "services[0].flexible_sync.state", "enabled"},
		"database":       {[]func(*Config){func(c *Config) { c.Services[0].FlexibleSync.DatabaseName = "" }}, "services[0].flexible_sync.database_name", "text"},
		"indexed":        {[]func(*Config){func(c *Config) { c.Services[0].FlexibleSync.IndexedQueryableFieldsNames = []string{""} }}, "services[0].flexible_sync.indexed_queryable_fields_names[0]", "text"},
		"queryable":      {[]func(*Config){func(c *Config) { c.Services[0].FlexibleSync.QueryableFieldsNames = []string{""} }}, "services[0].flexible_sync.queryable_fields_names[0]", "text"},
		"offline days":   {[]func(*Config){func(c *Config) { c.Services[0].FlexibleSync.ClientMaxOfflineDays = -1 }}, "services[0].flexible_sync.client_max_offline_days", "between"},
		"role's name":    {[]func(*Config){role(func(r *Role) { r.Name = "" })}, "services[0].default_rule.roles[0].name", "text"},
		"read":           {[]func(*Config){role(func(r *Role) { r.Read = raw(`"true"`) })}, "services[0].default_rule.roles[0].read", "true, false or an object"},
		"filter":         {[]func(*Config){role(func(r *Role) { r.DocumentFilters.Write = raw(`[]`) })}, "services[0].default_rule.roles[0].document_filters.write", "object"},
		"field": {[]func(*Config){role(func(r *Role) {
			r.Fields = map[string]FieldRule{"a": {Fields: map[string]FieldRule{"b": {Read: raw("1")}}}}
		})}, "services[0].default_rule.roles[0].fields.a.fields.b.read", "not 1"},
		"rule twice": {[]func(*Config){func(c *Config) {
			c.Services[0].Rules = []CollectionRule{{Rule{ID: id("1")}, "d", "c"}, {Rule{ID: id("2")}, "d", "c"}}
		}}, "services[0].rules[1]", "already"},
		"schema":            {[]func(*Config){schema(`{"title":"A","properties":{"_id":{"bsonType":"objectId"},"l":{"bsonType":"array","items":{"bsonType":"long"}}},"required":["_id"]}`)}, "", ""},
		"schema's type":     {[]func(*Config){schema(`{"title":"A","properties":{"l":{"bsonType":"array","items":{"bsonType":"lung"}}}}`)}, "schemas[0].schema.properties.l.items.bsonType", `"lung"`},
		"schema's required": {[]func(*Config){schema(`{"title":"A","properties":{},"required":["x"]}`)}, "schemas[0].schema.required[0]", `"x"`},
		"schema's form":     {[]func(*Config){schema(`[]`)}, "schemas[0].schema", "object"},
		"schema's depth":    {[]func(*Config){schema(strings.Repeat(`{"items":`, 100) + "{}" + strings.Repeat("}", 100))}, "schemas[0].schema" + strings.Repeat(".items", 65), "nested"},
		"schema twice":      {[]func(*Config){schema(`{}`), schema(`{"title":"b"}`)}, "schemas[1].metadata", "already"},
		"relationship": {[]func(*Config){schema(`{}`), func(c *Config) { c.Schemas[0].Relationships = raw(`{"a.b":{"ref":"x"}}`) }},
			"schemas[0].relationships.a.b.ref", `"x"`},
		"custom data": {[]func(*Config){func(c *Config) {
			c.CustomUserData = &CustomData{Enabled: true, ServiceID: "x", DatabaseName: "d", CollectionName: "c", UserIDField: "u"}
		}}, "custom_user_data.mongo_service_id", `"x"`},
		"custom data's field": {[]func(*Config){func(c *Config) {
			c.CustomUserData = &CustomData{Enabled: true, ServiceID: c.Services[0].ID, DatabaseName: "d", CollectionName: "c"}
		}}, "custom_user_data.user_id_field", "text"},
		"domains": {[]func(*Config){func(c *Config) {
			c.Providers = append(c.Providers, Provider{ID: id("5"), Name: "g", Type: ProviderGoogle, Config: raw(`{"clientId":"x"}`), DomainRestrictions: []string{"example.com"}})
		}}, "", ""},
		"no domain": {[]func(*Config){func(c *Config) {
			c.Providers = append(c.Providers, Provider{ID: id("5"), Name: "g", Type: ProviderGoogle, Config: raw(`{"clientId":"x"}`), DomainRestrictions: []string{"example.com", "@example.com"}})
		}}, "auth_providers[3].domain_restrictions[1]", "example.com"},
		"domains of others": {[]func(*Config){func(c *Config) { c.Providers[0].DomainRestrictions = []string{"example.com"} }}, "auth_providers[0].domain_restrictions[0]", "only oauth2-google"},
		"custom data off":   {[]func(*Config){func(c *Config) { c.CustomUserData = &CustomData{} }}, "", ""},
		"expiration":        {[]func(*Config){func(c *Config) { c.Security.RefreshTokenExpiration = 1799 }}, "security.refresh_token_expiration", "1800"},
		"origin":            {[]func(*Config){func(c *Config) { c.Security.AllowedOrigins = []string{"example.com"} }}, "security.allowed_request_origins[0]", "https"},
		"origins": {[]func(*Config){func(c *Config) {
			c.Security.AllowedOrigins = slices.Repeat([]string{"https://a.example"}, maxOrigins+1)
		}},
			"security.allowed_request_origins", "at most 1000"},
		"settings": {[]func(*Config){func(c *Config) { c.Settings = raw("1") }}, "settings", "object"},
		"environment values": {[]func(*Config){func(c *Config) { c.EnvironmentValues = map[string]map[string]json.RawMessage{"prod": {}} }},
			"environment_values.prod", "no such environment"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := Default("app")
			for _, f := range test.change {
				f(c)
			}
			err := c.Validate()
			if test.path == "" {
				require.NoError(t, err)
				return
			}
			var v *ValidationError
			require.ErrorAs(t, err, &v)
			require.Equal(t, test.path, v.Path)
			require.Contains(t, v.Reason, test.reason)
		})
	}
}

func TestValidationErrorText(t *testing.T) {
	t.Parallel()
	require.Equal(t, "a.json:3: x.y: wrong", (&ValidationError{File: "a.json", Line: 3, Path: "x.y", Reason: "wrong"}).Error())
	require.Equal(t, "a.json: wrong", (&ValidationError{File: "a.json", Reason: "wrong"}).Error())
}
