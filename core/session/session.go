package session

// Session is the synchronization of one realm file.
type Session struct{}

// Path returns the path of the file.
func (s *Session) Path() string { return "" }

// Retain adds an external reference.
func (s *Session) Retain() {}

// Release takes an external reference back.
func (s *Session) Release() {}

// Alive tells whether there is an external reference.
func (s *Session) Alive() bool { return false }

// State returns the state.
func (s *Session) State() State { return Inactive }

// ConnectionState returns the state of the connection as far as this session is concerned.
func (s *Session) ConnectionState() ConnectionState { return Disconnected }

// Pause stops synchronizing until Resume.
func (s *Session) Pause() {}

// Resume starts synchronizing again.
func (s *Session) Resume() {}

// Reconnect ends delays before the next attempt to connect.
func (s *Session) Reconnect() {}

// WaitForUpload calls f once, when the server has all that is committed now.
func (s *Session) WaitForUpload(f func(error)) {}

// WaitForDownload calls f once, when the file has all that the server has now.
func (s *Session) WaitForDownload(f func(error)) {}

// WaitForSet calls f once, when the subscription set is Complete, Failed or Superseded.
func (s *Session) WaitForSet(version int64, f func(SetState, error)) {}

// ObserveConnection has f called when the connection state changes.
func (s *Session) ObserveConnection(f func(old, now ConnectionState)) (token uint64) { return 0 }

// UnobserveConnection ends that.
func (s *Session) UnobserveConnection(token uint64) {}

// SetErrorHandler replaces Config.OnError.
func (s *Session) SetErrorHandler(f func(*Session, *Error)) {}
