// Package appconfig is the configuration of apps: what App Services called an app, as its admin API and its export directory show it
// (spec/app-services.md sections 4, 9, 11 and 12). Everything else of the server reads it from here and follows its changes.
package appconfig

import "encoding/json"

// Config is the configuration of one app. One that a Store handed out is shared and must not be changed; Store.Update gives a copy that may be.
// Members are never nil-sensitive: an absent list is an empty one. Ids are 24 hexadecimal digits, unique in the server.
type Config struct {
	Name            string      `json:"name"`
	DeploymentModel string      `json:"deployment_model,omitempty"` // GLOBAL or LOCAL
	Location        string      `json:"location,omitempty"`         // as in US-VA
	Environment     string      `json:"environment,omitempty"`      // %%environment.tag
	Providers       []Provider  `json:"auth_providers"`
	Secrets         []Secret    `json:"secrets"`
	Functions       []Function  `json:"functions"`
	Values          []Value     `json:"values"`
	Services        []Service   `json:"services"`
	Schemas         []Schema    `json:"schemas"`
	CustomUserData  *CustomData `json:"custom_user_data,omitempty"`
	Sync            Sync        `json:"sync"`
	Security        Security    `json:"security"`
	// Settings are the private settings that suites set (app-services 11.4); merged deeply.
	Settings json.RawMessage `json:"settings,omitempty"`
	Features []string        `json:"features,omitempty"`
	// EnvironmentValues are %%environment.values, by tag ("" is no-environment) and name.
	EnvironmentValues map[string]map[string]json.RawMessage `json:"environment_values,omitempty"`
}

// Provider is one login provider (app-services 4.3). There is at most one of a type.
type Provider struct {
	ID       string `json:"_id"`
	Name     string `json:"name"` // the type again, unless the export says otherwise
	Type     string `json:"type"` // anon-user, local-userpass, api-key, custom-token, custom-function, oauth2-google, oauth2-apple, oauth2-facebook
	Disabled bool   `json:"disabled"`
	// Config is the type's own: see the types of providers.go.
	Config json.RawMessage `json:"config,omitempty"`
	// SecretConfig names secrets: {"signingKeys":["name"]}, {"clientSecret":"name"}.
	SecretConfig   json.RawMessage `json:"secret_config,omitempty"`
	MetadataFields []MetadataField `json:"metadata_fields,omitempty"`
	RedirectURIs   []string        `json:"redirect_uris,omitempty"`
	// DomainRestrictions of oauth2-google are the domains that the e-mail address of a user may have; none: all.
	DomainRestrictions []string `json:"domain_restrictions,omitempty"`
}

// MetadataField takes a value of an external identity over into the profile (4.4).
type MetadataField struct {
	Required  bool   `json:"required"`
	Name      string `json:"name"`       // dotted path; a backslash escapes a dot
	FieldName string `json:"field_name"` // default: the last component of Name
}

// Secret is a value that is written and never read back by an API.
type Secret struct {
	ID    string `json:"_id"`
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Function is one JavaScript function.
type Function struct {
	ID          string          `json:"_id"`
	Name        string          `json:"name"`
	Private     bool            `json:"private"`
	RunAsSystem bool            `json:"run_as_system"`
	CanEvaluate json.RawMessage `json:"can_evaluate,omitempty"` // an expression; absent, null and {} are true
	Source      string          `json:"source"`
}

// Value is one of context.values and %%values.
type Value struct {
	ID         string          `json:"_id"`
	Name       string          `json:"name"`
	Private    bool            `json:"private"`
	FromSecret bool            `json:"from_secret"` // Value is the name of a secret, as a JSON string
	Value      json.RawMessage `json:"value"`
}

// Service is a data source (type mongodb or mongodb-atlas) or another service (gcm), which is kept and not used.
type Service struct {
	ID           string          `json:"_id"`
	Name         string          `json:"name"`
	Type         string          `json:"type"`
	Version      int64           `json:"version"`
	LastModified int64           `json:"last_modified"`    // seconds since 1970
	Config       json.RawMessage `json:"config,omitempty"` // what is not sync
	SecretConfig json.RawMessage `json:"secret_config,omitempty"`
	FlexibleSync *FlexibleSync   `json:"flexible_sync,omitempty"`
	// PartitionSync is kept so that it reads back; partition-based sync is not served.
	PartitionSync json.RawMessage  `json:"partition_sync,omitempty"`
	DefaultRule   *Rule            `json:"default_rule,omitempty"`
	Rules         []CollectionRule `json:"rules"`
}

// IsData says whether the service holds collections.
func (s *Service) IsData() bool { return s.Type == "mongodb" || s.Type == "mongodb-atlas" }

// FlexibleSync is how a data source syncs (11.2 step 21).
type FlexibleSync struct {
	State                         string              `json:"state"` // "enabled", "disabled" (paused) or "" (terminated)
	DatabaseName                  string              `json:"database_name"`
	QueryableFieldsNames          []string            `json:"queryable_fields_names"`
	CollectionQueryableFieldNames map[string][]string `json:"collection_queryable_fields_names,omitempty"`
	// IndexedQueryableFieldsNames are queryable like the others: this server finds the sessions of an equal field without being told which.
	IndexedQueryableFieldsNames []string        `json:"indexed_queryable_fields_names,omitempty"`
	AsymmetricTables            []string        `json:"asymmetric_tables,omitempty"`
	IsRecoveryModeDisabled      bool            `json:"is_recovery_mode_disabled"`
	ClientMaxOfflineDays        int             `json:"client_max_offline_days,omitempty"` // 0: the server's default
	Permissions                 json.RawMessage `json:"permissions,omitempty"`             // legacy (12.4)
}

// Rule is a list of roles: the default of a data source, or those of one collection.
type Rule struct {
	ID      string          `json:"_id"`
	Roles   []Role          `json:"roles"`
	Filters json.RawMessage `json:"filters,omitempty"`
}

// CollectionRule is the rule of one collection.
type CollectionRule struct {
	Rule

	Database   string `json:"database"`
	Collection string `json:"collection"`
}

// Role is one role (12.1). Expressions are JSON; nil and null mean that it is not given.
type Role struct {
	Name             string               `json:"name"`
	ApplyWhen        json.RawMessage      `json:"apply_when"`
	DocumentFilters  *DocumentFilters     `json:"document_filters,omitempty"`
	Read             json.RawMessage      `json:"read,omitempty"`
	Write            json.RawMessage      `json:"write,omitempty"`
	Insert           json.RawMessage      `json:"insert,omitempty"`
	Delete           json.RawMessage      `json:"delete,omitempty"`
	Search           json.RawMessage      `json:"search,omitempty"`
	Fields           map[string]FieldRule `json:"fields,omitempty"`
	AdditionalFields *FieldRule           `json:"additional_fields,omitempty"`
}

// DocumentFilters say which documents a role may read and write.
type DocumentFilters struct {
	Read  json.RawMessage `json:"read,omitempty"`
	Write json.RawMessage `json:"write,omitempty"`
}

// FieldRule is the permission of one field.
type FieldRule struct {
	Read   json.RawMessage      `json:"read,omitempty"`
	Write  json.RawMessage      `json:"write,omitempty"`
	Fields map[string]FieldRule `json:"fields,omitempty"`
}

// Schema is the schema of one collection (11.2 step 15).
type Schema struct {
	ID            string          `json:"_id"`
	Metadata      Metadata        `json:"metadata"`
	Schema        json.RawMessage `json:"schema"`
	Relationships json.RawMessage `json:"relationships,omitempty"`
}

// Metadata names the collection of a schema.
type Metadata struct {
	DataSource string `json:"data_source"`
	Database   string `json:"database"`
	Collection string `json:"collection"`
}

// CustomData says where the custom data of users is (section 9).
type CustomData struct {
	ServiceID      string `json:"mongo_service_id"`
	Enabled        bool   `json:"enabled"`
	DatabaseName   string `json:"database_name"`
	CollectionName string `json:"collection_name"`
	UserIDField    string `json:"user_id_field"`
	// OnCreation is the name of the function that runs for a new user; "" is none.
	OnCreation string `json:"on_user_creation_function_name,omitempty"`
}

// Sync is what the app's sync has beside its data source's.
type Sync struct {
	DevelopmentMode bool `json:"development_mode_enabled"`
	// SchemaVersion counts the deployed changes of schemas that programs written for the schema before do not survive.
	SchemaVersion int `json:"schema_version,omitempty"`
	// Draft is open while changes of schemas are collected for one step of SchemaVersion (11.4); nil: there is none.
	Draft *Draft `json:"draft,omitempty"`
}

// Draft is a group of changes that count as one when it is deployed.
type Draft struct {
	ID       string `json:"_id"`
	Breaking bool   `json:"breaking"` // it has a change that SchemaVersion counts
}

// Security is the lifetime of sessions, and which origins browsers may call from.
type Security struct {
	RefreshTokenExpiration int64    `json:"refresh_token_expiration,omitempty"` // seconds, at least 1800; 0: the server's default
	AllowedOrigins         []string `json:"allowed_request_origins,omitempty"`  // see AllowsOrigin
}

// SyncService returns the data source that syncs, or nil.
func (c *Config) SyncService() *Service {
	for i := range c.Services {
		if c.Services[i].FlexibleSync != nil {
			return &c.Services[i]
		}
	}
	return nil
}

// Provider returns the provider of a type, or nil.
func (c *Config) Provider(kind string) *Provider {
	for i := range c.Providers {
		if c.Providers[i].Type == kind {
			return &c.Providers[i]
		}
	}
	return nil
}

// Service returns the service of a name, or nil.
func (c *Config) Service(name string) *Service {
	for i := range c.Services {
		if c.Services[i].Name == name {
			return &c.Services[i]
		}
	}
	return nil
}

// Function returns the function of a name, or nil.
func (c *Config) Function(name string) *Function {
	for i := range c.Functions {
		if c.Functions[i].Name == name {
			return &c.Functions[i]
		}
	}
	return nil
}
