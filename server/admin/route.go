package admin

import (
	"net/http"
	"strings"

	"realmsync/server/pathpattern"
)

// route is a path: segments, where one that begins with ':' takes any text.
type route struct {
	method  string
	pattern string
	handle  func(*call) error
	open    bool // it needs no access token
}

// The two APIs, and the prefix of what belongs to an app in the first and in the second.
const (
	adminPrefix   = "/api/admin/v3.0/"
	privatePrefix = "/api/private/v1.0/"
	inGroup       = adminPrefix + "groups/:group/apps"
	inApp         = inGroup + "/:app/"
	inPrivate     = privatePrefix + "groups/:group/apps/:app/"
)

const (
	get, post, put, patch, del = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete
)

// routes lists everything. The first that fits is taken.
var routes = []route{
	{post, adminPrefix + "auth/providers/:provider/login", (*call).login, true},
	{post, adminPrefix + "auth/session", (*call).refresh, true},
	{del, adminPrefix + "auth/session", (*call).logout, true},
	{get, adminPrefix + "auth/profile", (*call).profile, false},

	{get, inGroup, (*call).listApps, false},
	{post, inGroup, (*call).createApp, false},
	{get, inGroup + "/:app", (*call).getApp, false},
	{del, inGroup + "/:app", (*call).deleteApp, false},

	{get, inApp + "secrets", ofSecrets.list, false},
	{post, inApp + "secrets", ofSecrets.create, false},
	{put, inApp + "secrets/:id", ofSecrets.put, false},
	{del, inApp + "secrets/:id", ofSecrets.remove, false},

	{get, inApp + "auth_providers", (*call).listProviders, false},
	{post, inApp + "auth_providers", (*call).createProvider, false},
	{get, inApp + "auth_providers/:id", (*call).getProvider, false},
	{patch, inApp + "auth_providers/:id", (*call).patchProvider, false},
	{del, inApp + "auth_providers/:id", (*call).deleteProvider, false},
	{put, inApp + "auth_providers/:id/enable", (*call).enableProvider, false},
	{put, inApp + "auth_providers/:id/disable", (*call).disableProvider, false},

	{get, inApp + "functions", ofFunctions.list, false},
	{post, inApp + "functions", ofFunctions.create, false},
	{get, inApp + "functions/:id", ofFunctions.get, false},
	{put, inApp + "functions/:id", ofFunctions.put, false},
	{del, inApp + "functions/:id", ofFunctions.remove, false},

	{get, inApp + "values", ofValues.list, false},
	{post, inApp + "values", ofValues.create, false},
	{get, inApp + "values/:id", ofValues.get, false},
	{put, inApp + "values/:id", ofValues.put, false},
	{del, inApp + "values/:id", ofValues.remove, false},

	{get, inApp + "services", (*call).listServices, false},
	{post, inApp + "services", (*call).createService, false},
	{get, inApp + "services/:id", (*call).getService, false},
	{del, inApp + "services/:id", (*call).deleteService, false},
	{get, inApp + "services/:id/config", (*call).getServiceConfig, false},
	{patch, inApp + "services/:id/config", (*call).patchServiceConfig, false},

	{get, inApp + "services/:id/rules", (*call).listRules, false},
	{post, inApp + "services/:id/rules", (*call).createRule, false},
	{get, inApp + "services/:id/rules/:rule", (*call).getRule, false},
	{put, inApp + "services/:id/rules/:rule", (*call).putRule, false},
	{del, inApp + "services/:id/rules/:rule", (*call).deleteRule, false},
	{get, inApp + "services/:id/default_rule", (*call).getDefaultRule, false},
	{post, inApp + "services/:id/default_rule", (*call).createDefaultRule, false},
	{put, inApp + "services/:id/default_rule", (*call).putDefaultRule, false},
	{del, inApp + "services/:id/default_rule", (*call).deleteDefaultRule, false},

	{get, inApp + "schemas", (*call).listSchemas, false},
	{post, inApp + "schemas", (*call).createSchema, false},
	{get, inApp + "schemas/:id", (*call).getSchema, false},
	{put, inApp + "schemas/:id", (*call).putSchema, false},
	{del, inApp + "schemas/:id", (*call).deleteSchema, false},

	{get, inApp + "custom_user_data", (*call).getCustomData, false},
	{patch, inApp + "custom_user_data", (*call).patchCustomData, false},

	{get, inApp + "sync/config", (*call).getSyncConfig, false},
	{put, inApp + "sync/config", (*call).putSyncConfig, false},
	{get, inApp + "sync/state", (*call).getSyncState, false},
	{get, inApp + "sync/progress", (*call).getSyncProgress, false},
	{put, inApp + "sync/force_reset", (*call).forceReset, false},
	{get, inApp + "sync/schemas/versions", (*call).getSchemaVersions, false},
	{get, inApp + "sync/migration", (*call).getMigration, false},
	{put, inApp + "sync/migration", (*call).putMigration, false},

	{post, inApp + "drafts", (*call).createDraft, false},
	{get, inApp + "drafts", (*call).listDrafts, false},
	{post, inApp + "drafts/:id/deployment", (*call).deployDraft, false},
	{del, inApp + "drafts/:id", (*call).deleteDraft, false},

	{get, inApp + "api_keys", (*call).listKeys, false},
	{post, inApp + "api_keys", (*call).createKey, false},
	{get, inApp + "api_keys/:id", (*call).getKey, false},
	{del, inApp + "api_keys/:id", (*call).deleteKey, false},
	{put, inApp + "api_keys/:id/enable", (*call).enableKey, false},
	{put, inApp + "api_keys/:id/disable", (*call).disableKey, false},
	{get, inApp + "user_registrations/pending_users", (*call).listPending, false},
	{post, inApp + "user_registrations/by_email/:email/confirm", (*call).confirmPending, false},
	{del, inApp + "user_registrations/by_email/:email", (*call).deletePending, false},

	{get, inApp + "users", (*call).listUsers, false},
	{post, inApp + "users", (*call).createUser, false},
	{post, inApp + "users/verify_token", (*call).verifyToken, false},
	{get, inApp + "users/:user", (*call).getUser, false},
	{del, inApp + "users/:user", (*call).deleteUser, false},
	{put, inApp + "users/:user/logout", (*call).logoutUser, false},
	{get, inApp + "users/:user/sessions", (*call).listSessions, false},
	{del, inApp + "users/:user/sessions/:id", (*call).revokeSession, false},
	{get, inApp + "sessions", (*call).listSessions, false},
	{del, inApp + "sessions", (*call).revokeApp, false},
	{put, inApp + "users/:user/disable", (*call).disableUser, false},
	{put, inApp + "users/:user/enable", (*call).enableUser, false},

	{get, inApp + "security/refresh_token_expiration", (*call).getRefreshExpiration, false},
	{put, inApp + "security/refresh_token_expiration", (*call).putRefreshExpiration, false},
	{patch, inApp + "security/refresh_token_expiration", (*call).putRefreshExpiration, false},
	{get, inApp + "security/allowed_request_origins", (*call).getOrigins, false},
	{post, inApp + "security/allowed_request_origins", (*call).postOrigins, false},
	{get, inApp + "logs", (*call).getLogs, false},

	{get, privatePrefix + "version", (*call).version, true},
	{get, inPrivate + "features", (*call).getFeatures, false},
	{post, inPrivate + "features", (*call).postFeatures, false},
	{get, inPrivate + "settings", (*call).getSettings, false},
	{patch, inPrivate + "settings", (*call).patchSettings, false},
}

// maxSegments is more than any pattern has.
const maxSegments = 16

// route finds the route of the request.
func (c *call) route() (*route, error) {
	segments := strings.SplitN(strings.TrimRight(c.r.URL.Path, "/"), "/", maxSegments)
	var allow []string
	for i := range routes {
		params, ok := pathpattern.Match(routes[i].pattern, segments)
		switch {
		case !ok:
		case routes[i].method == c.r.Method:
			c.params = params
			return &routes[i], nil
		default:
			allow = append(allow, routes[i].method)
		}
	}
	if allow == nil {
		return nil, refuse(http.StatusNotFound, "", "there is nothing at this path")
	}
	c.w.Header().Set("Allow", strings.Join(allow, ", "))
	return nil, refuse(http.StatusMethodNotAllowed, "", "this path takes %s", strings.Join(allow, ", "))
}
