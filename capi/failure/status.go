package failure

// Status is realm_status_t. The numbers are part of the ABI; a test compares them with the header.
type Status int32

// The statuses of include/realm_sync.h.
const (
	OK               Status = 0
	InvalidHandle    Status = 1
	InvalidArgument  Status = 2
	Logic            Status = 3
	WrongThread      Status = 4
	Closed           Status = 5
	NotInTransaction Status = 6
	Frozen           Status = 7
	NoSuchObject     Status = 8
	NoSuchClass      Status = 9
	NoSuchProperty   Status = 10
	TypeMismatch     Status = 11
	NotNullable      Status = 12
	OutOfRange       Status = 13
	KeyExists        Status = 14
	InvalidQuery     Status = 15
	InvalidSchema    Status = 16
	SchemaMismatch   Status = 17
	FileAccess       Status = 18
	FileFormat       Status = 19
	MismatchedConfig Status = 20
	NotSynced        Status = 21
	NoSubscription   Status = 22
	SessionGone      Status = 23
	Aborted          Status = 24
	Timeout          Status = 25
	App              Status = 26
	Sync             Status = 27
	Network          Status = 28
	Unsupported      Status = 29
	Internal         Status = 30
)

// names are what realm_error_t.name says of failures that have no name of their own.
var names = [...]string{
	OK: "OK", InvalidHandle: "InvalidHandle", InvalidArgument: "InvalidArgument", Logic: "LogicError", WrongThread: "WrongThread",
	Closed: "ClosedRealm", NotInTransaction: "WrongTransactionState", Frozen: "Frozen", NoSuchObject: "NoSuchObject",
	NoSuchClass: "NoSuchTable", NoSuchProperty: "InvalidProperty", TypeMismatch: "TypeMismatch", NotNullable: "PropertyNotNullable",
	OutOfRange: "OutOfBounds", KeyExists: "ObjectAlreadyExists", InvalidQuery: "InvalidQuery", InvalidSchema: "SchemaValidationFailed",
	SchemaMismatch: "SchemaMismatch", FileAccess: "FileOperationFailed", FileFormat: "InvalidDatabase", MismatchedConfig: "MismatchedConfig",
	NotSynced: "NotSynced", NoSubscription: "NoSubscriptionForWrite", SessionGone: "SessionGone", Aborted: "OperationAborted",
	Timeout: "Timeout", App: "AppError", Sync: "SyncError", Network: "NetworkError", Unsupported: "Unsupported", Internal: "InternalError",
}

// String returns the name.
func (s Status) String() string {
	if s < 0 || int(s) >= len(names) {
		return "unknown status"
	}
	return names[s]
}

// Domain is realm_error_domain_t: where Failure.Code comes from.
type Domain int32

// The domains of include/realm_sync.h.
const (
	DomainLibrary   Domain = 0
	DomainHTTP      Domain = 1
	DomainService   Domain = 2
	DomainClient    Domain = 3
	DomainSync      Domain = 4
	DomainWebSocket Domain = 5
)
