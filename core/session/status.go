package session

import "realmsync/core/wire"

// Names of statuses that this package gives by itself.
const (
	statusAborted        = "OperationAborted"
	statusAuth           = "AuthError"
	statusBadChangeset   = "BadChangeset"
	statusBrokenPromise  = "BrokenPromise"
	statusClosed         = "ConnectionClosed"
	statusConnectFailed  = "SyncConnectFailed"
	statusConnectTimeout = "SyncConnectTimeout"
	statusInvariant      = "SyncProtocolInvariantFailed"
	statusLimit          = "LimitExceeded"
	statusMismatch       = "MismatchedConfig"
	statusNegotiation    = "SyncProtocolNegotiationFailed"
	statusResetFailed    = "AutoClientResetFailed"
	statusRuntime        = "RuntimeError"
	statusSubscription   = "SubscriptionFailed"
	statusTLS            = "TlsHandshakeFailed"
	statusUnknown        = "UnknownError"
	statusUserNotFound   = "ClientUserNotFound"
)

// statusNumbers is the table of sync-semantics 6.5.
var statusNumbers = map[string]int{
	"RuntimeError": 1000, "MultipleSyncAgents": 1012, "ObjectAlreadyExists": 1013, "BadChangeset": 1015, "SubscriptionFailed": 1016,
	"NoSubscriptionForWrite": 1026, "OperationAborted": 1027, "AutoClientResetFailed": 1028, "BadSyncPartitionValue": 1029,
	"ConnectionClosed": 1030, "InvalidSubscriptionQuery": 1031, "SyncClientResetRequired": 1032, "SyncCompensatingWrite": 1033,
	"SyncConnectFailed": 1034, "SyncConnectTimeout": 1035, "SyncInvalidSchemaChange": 1036, "SyncPermissionDenied": 1037,
	"SyncProtocolInvariantFailed": 1038, "SyncProtocolNegotiationFailed": 1039, "SyncServerPermissionsChanged": 1040,
	"SyncUserMismatch": 1041, "TlsHandshakeFailed": 1042, "WrongSyncType": 1043, "SyncWriteNotAllowed": 1044,
	"SyncLocalClockBeforeEpoch": 1045, "SyncSchemaMigrationError": 1046, "BrokenPromise": 2002, "MismatchedConfig": 2013,
	"SchemaValidationFailed": 2016, "InvalidSchemaChange": 2019, "LimitExceeded": 3018, "IllegalCombination": 3022, "BadServerUrl": 3023,
	"ClientUserNotFound": 4100, "ClientUserNotLoggedIn": 4101, "InvalidSession": 4301, "AuthError": 4346, "UnknownError": 2000000,
}

func statusNumber(name string) int {
	if n, ok := statusNumbers[name]; ok {
		return n
	}
	return statusNumbers[statusUnknown]
}

// statusOf names the status of a code of the protocol.
func statusOf(code wire.ErrorCode) string {
	if info, ok := code.Info(); ok && info.Status != "" {
		return info.Status
	}
	return statusUnknown
}
