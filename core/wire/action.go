package wire

// Action is what a json_error asks the client to do (section 9.2).
type Action uint8

// The actions. NoAction never is on the wire: it stands for errors of the legacy form and for those a client finds by itself.
const (
	NoAction Action = iota
	ProtocolViolation
	ApplicationBug
	Warning
	Transient
	DeleteRealm
	ClientReset
	ClientResetNoRecovery
	MigrateToFLX // for clients of partition-based sync only
	RevertToPBS  // for clients that were migrated to flexible sync only
	RefreshUser
	RefreshLocation
	LogOutUser
	MigrateSchema
)

var actionNames = [...]string{
	NoAction: "NoAction", ProtocolViolation: "ProtocolViolation", ApplicationBug: "ApplicationBug", Warning: "Warning",
	Transient: "Transient", DeleteRealm: "DeleteRealm", ClientReset: "ClientReset",
	ClientResetNoRecovery: "ClientResetNoRecovery", MigrateToFLX: "MigrateToFLX", RevertToPBS: "RevertToPBS",
	RefreshUser: "RefreshUser", RefreshLocation: "RefreshLocation", LogOutUser: "LogOutUser", MigrateSchema: "MigrateSchema",
}

// String returns the name as it is on the wire.
func (a Action) String() string {
	if int(a) < len(actionNames) {
		return actionNames[a]
	}
	return "invalid action"
}

// ParseAction returns the action of a json_error. As in the original any text that isn't one is ApplicationBug.
func ParseAction(name string) Action {
	for a := ProtocolViolation; int(a) < len(actionNames); a++ {
		if actionNames[a] == name {
			return a
		}
	}
	return ApplicationBug
}
