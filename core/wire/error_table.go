package wire

// The error codes of the protocol (section 9.5): 100-199 belong to a connection, 200-299 to a session. 213 doesn't exist.
const (
	CodeConnectionClosed          ErrorCode = 100
	CodeOtherError                ErrorCode = 101
	CodeUnknownMessage            ErrorCode = 102
	CodeBadSyntax                 ErrorCode = 103
	CodeLimitsExceeded            ErrorCode = 104
	CodeWrongProtocolVersion      ErrorCode = 105
	CodeBadSessionIdent           ErrorCode = 106
	CodeReuseOfSessionIdent       ErrorCode = 107
	CodeBoundInOtherSession       ErrorCode = 108
	CodeBadMessageOrder           ErrorCode = 109
	CodeBadDecompression          ErrorCode = 110
	CodeBadChangesetHeader        ErrorCode = 111
	CodeBadChangesetSize          ErrorCode = 112
	CodeSwitchToFLX               ErrorCode = 113
	CodeSwitchToPBS               ErrorCode = 114
	CodeSessionClosed             ErrorCode = 200
	CodeOtherSessionError         ErrorCode = 201
	CodeTokenExpired              ErrorCode = 202
	CodeBadAuthentication         ErrorCode = 203
	CodeIllegalRealmPath          ErrorCode = 204
	CodeNoSuchRealm               ErrorCode = 205
	CodePermissionDenied          ErrorCode = 206
	CodeBadServerFileIdent        ErrorCode = 207
	CodeBadClientFileIdent        ErrorCode = 208
	CodeBadServerVersion          ErrorCode = 209
	CodeBadClientVersion          ErrorCode = 210
	CodeDivergingHistories        ErrorCode = 211
	CodeBadChangeset              ErrorCode = 212
	CodePartialSyncDisabled       ErrorCode = 214
	CodeUnsupportedSessionFeature ErrorCode = 215
	CodeBadOriginFileIdent        ErrorCode = 216
	CodeBadClientFile             ErrorCode = 217
	CodeServerFileDeleted         ErrorCode = 218
	CodeClientFileBlacklisted     ErrorCode = 219
	CodeUserBlacklisted           ErrorCode = 220
	CodeTransactBeforeUpload      ErrorCode = 221
	CodeClientFileExpired         ErrorCode = 222
	CodeUserMismatch              ErrorCode = 223
	CodeTooManySessions           ErrorCode = 224
	CodeInvalidSchemaChange       ErrorCode = 225
	CodeBadQuery                  ErrorCode = 226
	CodeObjectAlreadyExists       ErrorCode = 227
	CodeServerPermissionsChanged  ErrorCode = 228
	CodeInitialSyncNotCompleted   ErrorCode = 229
	CodeWriteNotAllowed           ErrorCode = 230
	CodeCompensatingWrite         ErrorCode = 231
	CodeMigrateToFLX              ErrorCode = 232
	CodeBadProgress               ErrorCode = 233
	CodeRevertToPBS               ErrorCode = 234
	CodeBadSchemaVersion          ErrorCode = 235
	CodeSchemaVersionChanged      ErrorCode = 236
)

// errorTable has one row per known code. A row without status is deadly: receiving the code ends the process of an original
// client, so it is never sent; close is what a server does instead. Action and tryAgain are what our server sends, the
// recommendations of section 9.5; status is what a client makes of the code (sync-semantics.md 6.3).
var errorTable = [...]ErrorInfo{
	{Code: CodeConnectionClosed, Name: "connection_closed", Status: "ConnectionClosed", Action: Transient, TryAgain: true},
	{Code: CodeOtherError, Name: "other_error", Status: "RuntimeError", Action: Transient, TryAgain: true},
	{Code: CodeUnknownMessage, Name: "unknown_message", Status: "SyncProtocolInvariantFailed", Action: ProtocolViolation},
	{Code: CodeBadSyntax, Name: "bad_syntax", Status: "SyncProtocolInvariantFailed", Action: ProtocolViolation},
	{Code: CodeLimitsExceeded, Name: "limits_exceeded", Close: CloseMessageTooBig},
	{Code: CodeWrongProtocolVersion, Name: "wrong_protocol_version", Status: "SyncProtocolInvariantFailed", Action: ProtocolViolation},
	{Code: CodeBadSessionIdent, Name: "bad_session_ident", Status: "SyncProtocolInvariantFailed", Action: ProtocolViolation},
	{Code: CodeReuseOfSessionIdent, Name: "reuse_of_session_ident", Status: "SyncProtocolInvariantFailed", Action: ProtocolViolation},
	{Code: CodeBoundInOtherSession, Name: "bound_in_other_session", Status: "SyncProtocolInvariantFailed", Action: ProtocolViolation, TryAgain: true},
	{Code: CodeBadMessageOrder, Name: "bad_message_order", Status: "SyncProtocolInvariantFailed", Action: ProtocolViolation},
	{Code: CodeBadDecompression, Name: "bad_decompression", Status: "RuntimeError", Action: ProtocolViolation},
	{Code: CodeBadChangesetHeader, Name: "bad_changeset_header_syntax", Status: "SyncProtocolInvariantFailed", Action: ProtocolViolation},
	{Code: CodeBadChangesetSize, Name: "bad_changeset_size", Status: "SyncProtocolInvariantFailed", Action: ProtocolViolation},
	{Code: CodeSwitchToFLX, Name: "switch_to_flx_sync", Status: "WrongSyncType", Action: ApplicationBug},
	{Code: CodeSwitchToPBS, Name: "switch_to_pbs", Status: "WrongSyncType", Action: ApplicationBug},
	{Code: CodeSessionClosed, Name: "session_closed", Status: "ConnectionClosed", Action: Transient, TryAgain: true},
	{Code: CodeOtherSessionError, Name: "other_session_error", Status: "RuntimeError", Action: Transient, TryAgain: true},
	{Code: CodeTokenExpired, Name: "token_expired", Close: CloseUnauthorized},
	{Code: CodeBadAuthentication, Name: "bad_authentication", Close: CloseUnauthorized},
	{Code: CodeIllegalRealmPath, Name: "illegal_realm_path", Status: "BadSyncPartitionValue", Action: ApplicationBug},
	{Code: CodeNoSuchRealm, Name: "no_such_realm", Close: CloseInternalError},
	{Code: CodePermissionDenied, Name: "permission_denied", Status: "SyncPermissionDenied", Action: ApplicationBug},
	{Code: CodeBadServerFileIdent, Name: "bad_server_file_ident", Close: CloseInternalError},
	{Code: CodeBadClientFileIdent, Name: "bad_client_file_ident", Status: "SyncClientResetRequired", Action: ClientReset},
	{Code: CodeBadServerVersion, Name: "bad_server_version", Status: "SyncClientResetRequired", Action: ClientReset},
	{Code: CodeBadClientVersion, Name: "bad_client_version", Status: "SyncClientResetRequired", Action: ClientReset},
	{Code: CodeDivergingHistories, Name: "diverging_histories", Status: "SyncClientResetRequired", Action: ClientReset},
	{Code: CodeBadChangeset, Name: "bad_changeset", Status: "BadChangeset", Action: ClientReset},
	{Code: CodePartialSyncDisabled, Name: "partial_sync_disabled", Close: CloseInternalError},
	{Code: CodeUnsupportedSessionFeature, Name: "unsupported_session_feature", Close: CloseInternalError},
	{Code: CodeBadOriginFileIdent, Name: "bad_origin_file_ident", Status: "SyncProtocolInvariantFailed", Action: ProtocolViolation},
	{Code: CodeBadClientFile, Name: "bad_client_file", Status: "SyncClientResetRequired", Action: ClientReset},
	{Code: CodeServerFileDeleted, Name: "server_file_deleted", Close: CloseInternalError},
	{Code: CodeClientFileBlacklisted, Name: "client_file_blacklisted", Close: CloseForbidden},
	{Code: CodeUserBlacklisted, Name: "user_blacklisted", Close: CloseForbidden},
	{Code: CodeTransactBeforeUpload, Name: "transact_before_upload", Close: CloseInternalError},
	{Code: CodeClientFileExpired, Name: "client_file_expired", Status: "SyncClientResetRequired", Action: ClientReset},
	{Code: CodeUserMismatch, Name: "user_mismatch", Status: "SyncUserMismatch", Action: ApplicationBug},
	{Code: CodeTooManySessions, Name: "too_many_sessions", Close: CloseInternalError},
	{Code: CodeInvalidSchemaChange, Name: "invalid_schema_change", Status: "InvalidSchemaChange", Action: ApplicationBug},
	{Code: CodeBadQuery, Name: "bad_query", Status: "InvalidSubscriptionQuery", Action: ApplicationBug},
	{Code: CodeObjectAlreadyExists, Name: "object_already_exists", Status: "ObjectAlreadyExists", Action: ApplicationBug},
	{Code: CodeServerPermissionsChanged, Name: "server_permissions_changed", Status: "SyncServerPermissionsChanged", Action: ClientReset},
	{Code: CodeInitialSyncNotCompleted, Name: "initial_sync_not_completed", Status: "ConnectionClosed", Action: Transient, TryAgain: true},
	{Code: CodeWriteNotAllowed, Name: "write_not_allowed", Status: "SyncWriteNotAllowed", Action: ClientReset},
	{Code: CodeCompensatingWrite, Name: "compensating_write", Status: "SyncCompensatingWrite", Action: Warning, TryAgain: true},
	{Code: CodeMigrateToFLX, Name: "migrate_to_flx", Status: "WrongSyncType", Action: MigrateToFLX},
	{Code: CodeBadProgress, Name: "bad_progress", Status: "SyncProtocolInvariantFailed", Action: ProtocolViolation},
	{Code: CodeRevertToPBS, Name: "revert_to_pbs", Status: "WrongSyncType", Action: RevertToPBS},
	{Code: CodeBadSchemaVersion, Name: "bad_schema_version", Status: "SyncSchemaMigrationError", Action: ApplicationBug},
	{Code: CodeSchemaVersionChanged, Name: "schema_version_changed", Status: "SyncSchemaMigrationError", Action: MigrateSchema, TryAgain: true},
}
