package session

// Manager holds the sessions of a process or of an App.
type Manager struct {
	opt Options
}

// NewManager returns a manager. Close it when it is no longer needed.
func NewManager(opt Options) *Manager { return &Manager{opt: opt.withDefaults()} }

// Open returns the session of cfg.Path with one reference more.
func (m *Manager) Open(cfg Config) (*Session, error) { return nil, ErrEnded }

// Close ends all sessions and waits for everything that the manager has started. It must not be called from a callback.
func (m *Manager) Close() {}
