package budget

import (
	"errors"
	"slices"
	"sync"
)

// ErrTooLarge says that something is larger than all that may be held.
var ErrTooLarge = errors.New("budget: it is larger than all that may be held together")

// Held is memory that is held until somebody else takes what is in it: answers until clients have read them. It can't be had back as that of caches can, so that
// somebody is ended when all hold too much: whoever has been slow for longest among those who hold most. Make it with NewHeld. Its methods may be called concurrently; a
// nil one has no end.
type Held struct {
	most int64

	mu    sync.Mutex
	total int64   // of all that are in list
	list  []*Hold // in the order in which they came, without those that were ended
}

// Owner is on whose behalf something is held. Those of one app count together, of these those from one address, and of these those of one user.
type Owner struct{ App, Address, User string }

// levels are the groups that an owner is in, the largest first.
var levels = []func(Owner) Owner{
	func(o Owner) Owner { return Owner{App: o.App} },
	func(o Owner) Owner { return Owner{App: o.App, Address: o.Address} },
	func(o Owner) Owner { return o },
}

// Hold is one thing that is held.
type Hold struct {
	in    *Held
	bytes int64
	owner Owner
	end   func()
}

// NewHeld makes a budget of so many bytes, at least 1.
func NewHeld(bytes int64) *Held { return &Held{most: max(bytes, 1)} }

// Take counts bytes that are held, until Give. If all hold too much then, others are ended, and this one may be when others come, by the function that was given with
// them: it must lead to their Give, must not block, and calls nothing here. It isn't called after Give. The error is ErrTooLarge.
func (h *Held) Take(bytes int, owner Owner, end func()) (*Hold, error) {
	if h == nil {
		return nil, nil
	}
	if int64(bytes) > h.most {
		return nil, ErrTooLarge
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	hold := &Hold{h, int64(bytes), owner, end}
	h.list = append(h.list, hold)
	h.total += hold.bytes
	for h.total > h.most {
		i := h.worst()
		worst := h.list[i]
		h.drop(i)
		worst.end()
	}
	return hold, nil
}

// worst is the place of the one that came first among those of the user with most, from the address with most, of the app with most: one who holds little loses it only
// to those who hold as little. The last one counts, but isn't it: it has not had its chance. mu is held.
func (h *Held) worst() (place int) {
	var among Owner
	for i, group := range levels {
		sums := map[Owner]int64{}
		for _, one := range h.list {
			if i == 0 || levels[i-1](one.owner) == among {
				sums[group(one.owner)] += one.bytes
			}
		}
		var most int64
		for at, one := range h.list[:len(h.list)-1] { // in order: of equals, the one that came first
			if sum := sums[group(one.owner)]; sum > most { // none of another group has one
				most, place = sum, at
			}
		}
		among = group(h.list[place].owner)
	}
	return place
}

// drop takes one out. mu is held.
func (h *Held) drop(i int) {
	h.total -= h.list[i].bytes
	h.list = slices.Delete(h.list, i, i+1)
}

// Give says that it is held no more. It may be called on nil, and more than once.
func (one *Hold) Give() {
	if one == nil {
		return
	}
	one.in.mu.Lock()
	defer one.in.mu.Unlock()
	if i := slices.Index(one.in.list, one); i >= 0 {
		one.in.drop(i)
	}
}

// Bytes is how much is held, without what is being ended.
func (h *Held) Bytes() int64 {
	if h == nil {
		return 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.total
}
