package session

import "sync"

// observers are the observers of a session's connection. Changes are delivered in order, one at a time: by whoever made them, or by
// whoever is delivering already. The zero value has none.
type observers struct {
	mu         sync.Mutex
	list       []observer
	next       uint64
	changes    []connectionChange
	delivering bool
}

type observer struct {
	token uint64
	f     func(old, now ConnectionState)
}

type connectionChange struct{ old, now ConnectionState }

func (o *observers) add(f func(old, now ConnectionState)) uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	token := o.next
	o.next++
	o.list = append(o.list, observer{token, f})
	return token
}

func (o *observers) remove(token uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, x := range o.list {
		if x.token == token {
			o.list = append(o.list[:i:i], o.list[i+1:]...)
			return
		}
	}
}

// changed notes a change. It is called under the lock that the change is made under: that gives the order.
func (o *observers) changed(c connectionChange) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.changes = append(o.changes, c)
}

// deliver calls the observers. It is called without locks, after changed.
func (o *observers) deliver() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.delivering {
		return
	}
	o.delivering = true
	defer func() { o.delivering = false }()
	for len(o.changes) > 0 {
		c := o.changes[0]
		o.changes = o.changes[1:]
		for _, x := range o.list {
			if o.has(x.token) {
				o.call(x.f, c)
			}
		}
	}
}

func (o *observers) call(f func(old, now ConnectionState), c connectionChange) {
	o.mu.Unlock()
	defer o.mu.Lock()
	f(c.old, c.now)
}

func (o *observers) has(token uint64) bool {
	for _, x := range o.list {
		if x.token == token {
			return true
		}
	}
	return false
}
