package appconfig

import "encoding/json"

// The names that an app has without being configured.
const (
	DefaultService  = "mongodb-atlas" // as App Services called the data source that it made
	DefaultDatabase = "app"
)

// Default is the configuration of an app that has none stored: anonymous and e-mail logins, e-mails confirmed at once, API keys off,
// and one data source that syncs in development mode and in which everybody may do everything. Its ids are the same each time.
func Default(app string) *Config {
	yes := json.RawMessage("true")
	provider := func(kind, config string, disabled bool) Provider {
		p := Provider{ID: FixedID(app, "auth_provider", kind), Name: kind, Type: kind, Disabled: disabled}
		if config != "" {
			p.Config = json.RawMessage(config)
		}
		return p
	}
	return &Config{
		Name: app, DeploymentModel: "GLOBAL", Location: "US-VA",
		Providers: []Provider{
			provider(ProviderAnonymous, "", false),
			provider(ProviderUserpass, `{"autoConfirm":true}`, false),
			provider(ProviderAPIKey, "", true),
		},
		Secrets: []Secret{}, Functions: []Function{}, Values: []Value{}, Schemas: []Schema{},
		Services: []Service{{
			ID: FixedID(app, "service", DefaultService), Name: DefaultService, Type: "mongodb-atlas", Version: 1,
			FlexibleSync: &FlexibleSync{State: SyncEnabled, DatabaseName: DefaultDatabase, QueryableFieldsNames: []string{}},
			DefaultRule: &Rule{ID: FixedID(app, "default_rule", DefaultService), Roles: []Role{{
				Name: "default", ApplyWhen: json.RawMessage("{}"), DocumentFilters: &DocumentFilters{Read: yes, Write: yes},
				Read: yes, Write: yes, Insert: yes, Delete: yes, Search: yes,
			}}},
			Rules: []CollectionRule{},
		}},
		Sync: Sync{DevelopmentMode: true},
	}
}

// New is the configuration of an app that somebody is about to configure: it has API keys, disabled, and nothing else
// (app-services 11.2, step 9).
func New(app, name string) *Config {
	return &Config{
		Name: name, DeploymentModel: "GLOBAL", Location: "US-VA",
		Providers: []Provider{{ID: FixedID(app, "auth_provider", ProviderAPIKey), Name: ProviderAPIKey, Type: ProviderAPIKey, Disabled: true}},
		Secrets:   []Secret{}, Functions: []Function{}, Values: []Value{}, Services: []Service{}, Schemas: []Schema{},
	}
}
