package session

import "fmt"

// State is what a session is doing (sync-semantics 1.2). The numbers are API.
type State uint8

// The states of a session. Active says nothing about the network: an offline session is Active and Disconnected.
const (
	Active                State = 0 // syncing, or trying to
	Dying                 State = 1 // nobody refers to it any more; it uploads what is left, then ends
	Inactive              State = 2 // not syncing; may be revived
	WaitingForAccessToken State = 3 // gets a new access token before it becomes Active
	Paused                State = 4 // stopped by Pause; only Resume starts it again
)

// String names the state.
func (s State) String() string {
	switch s {
	case Active:
		return "active"
	case Dying:
		return "dying"
	case Inactive:
		return "inactive"
	case WaitingForAccessToken:
		return "waiting for access token"
	case Paused:
		return "paused"
	default:
		return fmt.Sprintf("state %d", uint8(s))
	}
}

// ConnectionState is what a session knows of its connection (sync-semantics 1.8). A suspended session is Disconnected, although the
// connection it shares with others may be open. The numbers are API.
type ConnectionState uint8

// The connection states.
const (
	Disconnected ConnectionState = 0
	Connecting   ConnectionState = 1
	Connected    ConnectionState = 2
)

// String names the state.
func (s ConnectionState) String() string {
	switch s {
	case Disconnected:
		return "disconnected"
	case Connecting:
		return "connecting"
	case Connected:
		return "connected"
	default:
		return fmt.Sprintf("connection state %d", uint8(s))
	}
}

// StopPolicy says what becomes of a session when its last reference is released (sync-semantics 1.5). The numbers are API.
type StopPolicy uint8

// The stop policies.
const (
	Immediately          StopPolicy = 0
	LiveIndefinitely     StopPolicy = 1
	AfterChangesUploaded StopPolicy = 2
)
