package history

import (
	"fmt"
	"iter"
	"slices"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/merge"
	"realmsync/core/value"
	"realmsync/server/store"
)

// simClient is a client file as spec/merge.md section 9 describes it: a state, the history of its own changes, cursors.
type simClient struct {
	file        store.File
	state       *memstate.State
	base        uint64
	entries     []simEntry // of the versions base+1, base+2, ...
	reciprocals map[uint64]*changeset.Changeset
	progress    merge.Progress
	scanned     merge.UploadCursor
	active      uint64 // query version whose bootstrap it has integrated
	wanted      uint64 // query version that it wants to have
	queries     []Viewer
	rules       merge.Rules
	clock       uint64 // of collections that were integrated, no change is older than they (see nest)
}

// simEntry is a version of a client.
type simEntry struct {
	local     bool // made here; otherwise an integration
	remote    uint64
	timestamp uint64
	changes   *changeset.Changeset
}

func (c *simClient) newest() uint64 { return c.base + uint64(len(c.entries)) }

func (c *simClient) at(version uint64) *simEntry { return &c.entries[version-c.base-1] }

func (c *simClient) uploads(version uint64) bool {
	e := c.at(version)
	return e.local && !e.changes.Empty()
}

// commit records what the client has done to its state.
func (c *simClient) commit(changes *changeset.Changeset) {
	c.entries = append(c.entries, simEntry{local: true, remote: c.progress.Download.ServerVersion, timestamp: c.clock, changes: changes})
}

func (c *simClient) next(after uint64) (uint64, bool, error) {
	for v := after + 1; v <= c.newest(); v++ {
		if c.uploads(v) {
			return v, true, nil
		}
	}
	return 0, false, nil
}

// NextAfter implements merge.History.
func (c *simClient) NextAfter(after, upTo uint64) (uint64, bool, error) {
	v, ok, err := c.next(after)
	return v, ok && v <= upTo, err
}

// Reciprocal implements merge.History.
func (c *simClient) Reciprocal(version uint64) (merge.Entry, error) {
	e := c.at(version)
	out := merge.Entry{Changeset: e.changes, Timestamp: e.timestamp, FileIdent: c.file.Ident}
	if r := c.reciprocals[version]; r != nil {
		out.Changeset = r
	}
	return out, nil
}

// StoreReciprocal implements merge.History.
func (c *simClient) StoreReciprocal(version uint64, r *changeset.Changeset) error {
	c.reciprocals[version] = r
	return nil
}

func (c *simClient) scan(after, upTo uint64) iter.Seq2[merge.LocalEntry, error] {
	return func(yield func(merge.LocalEntry, error) bool) {
		for v := after + 1; v <= min(upTo, c.newest()); v++ {
			e := c.at(v)
			if !yield(merge.LocalEntry{Version: v, RemoteVersion: e.remote, Timestamp: e.timestamp, Upload: c.uploads(v), Size: 1}, nil) {
				return
			}
		}
	}
}

// download is a DOWNLOAD message.
type download struct {
	progress  merge.Progress
	entries   []*merge.Entry // LastIntegrated is the client's version
	bootstrap uint64         // query version, if it is one
}

// integrate takes a message in.
func (c *simClient) integrate(m download) error {
	var headers []merge.Received
	for _, e := range m.entries {
		headers = append(headers, merge.Received{ServerVersion: e.Version, ClientVersion: e.LastIntegrated, FileIdent: e.FileIdent})
	}
	if err := merge.CheckDownload(c.progress, m.progress, headers, c.newest(), c.file.Ident); err != nil {
		return err
	}
	current := c.newest()
	if err := merge.Rebase(m.entries, c.base, current); err != nil {
		return err
	}
	err := c.rules.Batch(c, current, m.entries, func(e *merge.Entry) error {
		if changeset.Supported(e.Changeset) != nil {
			c.clock = max(c.clock, e.Timestamp)
		}
		if err := applyBy(c.rules, c.state, e); err != nil {
			return fmt.Errorf("server version %d: %w", e.Version, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := c.save(m.progress); err != nil {
		return err
	}
	e := simEntry{remote: c.progress.Download.ServerVersion, changes: &changeset.Changeset{}}
	if n := len(m.entries); n > 0 {
		e.remote, e.timestamp = m.entries[n-1].Version, m.entries[n-1].Timestamp
	}
	c.entries = append(c.entries, e)
	if m.bootstrap != 0 {
		c.active = m.bootstrap
	}
	return nil
}

// applyBy is memstate.State.Apply by some rules.
func applyBy(rules merge.Rules, st *memstate.State, e *merge.Entry) error {
	st.Begin()
	if err := rules.ApplyEntry(st, e); err != nil {
		st.Rollback()
		return err
	}
	st.Commit()
	return nil
}

// save stores progress and trims.
func (c *simClient) save(p merge.Progress) error {
	next, err := c.progress.Advance(p)
	if err != nil {
		return err
	}
	c.progress, c.scanned = next, c.scanned.Raise(next.Upload)
	base, err := merge.TrimVersion(next, c.base, c.newest(), c.next)
	if err != nil {
		return err
	}
	for v := range c.reciprocals {
		if v <= base {
			delete(c.reciprocals, v)
		}
	}
	c.entries = slices.Clone(c.entries[base-c.base:])
	c.base = base
	return nil
}

// write commits operations that a number stands for.
func (c *simClient) write(n uint64) error {
	all := &changeset.Changeset{}
	pick := func(of uint64) int64 {
		v := n % of
		n /= of
		return int64(v)
	}
	do := func(in changeset.Instruction) error {
		all.Instructions = append(all.Instructions, in)
		return c.state.Apply(&changeset.Changeset{Instructions: []changeset.Instruction{in}})
	}
	for range 1 + pick(3) {
		k := pick(4)
		exists, err := c.state.Exists("T", key(k))
		if err != nil {
			return err
		}
		var ins []changeset.Instruction
		switch op := pick(10); {
		case op == 9 && c.state.Schema().Class("T").Property("x") == nil:
			ins = append(ins, addColumn("T", "x", value.KindInt, false))
		case !exists:
			ins = append(ins, create(k), set(k, "zone", value.String(string(rune('a'+pick(3))))))
			if pick(2) == 0 {
				in := set(k, "n", value.Int(pick(5)))
				in.Default = true
				ins = append(ins, in)
			}
		case op == 0:
			ins = append(ins, erase(k))
			if pick(3) == 0 {
				ins = append(ins, create(k), set(k, "zone", value.String(string(rune('a'+pick(3))))), set(k, "n", value.Int(pick(9))))
			}
		case op <= 2:
			ins = append(ins, set(k, "zone", value.String(string(rune('a'+pick(3))))))
		case op == 3:
			ins = append(ins, set(k, "m", []value.Value{value.Null(), value.String("x"), value.Int(pick(9)), value.FromLink("T", key(pick(4)))}[pick(4)]))
		case op <= 6:
			ins = append(ins, add(k, "n", pick(9)-4))
		case op == 7 && c.state.Schema().Class("T").Property("x") != nil:
			ins = append(ins, set(k, "x", value.Int(pick(5))))
		default:
			ins = append(ins, set(k, "n", value.Int(pick(100))))
		}
		for _, in := range ins {
			if err := do(in); err != nil {
				return err
			}
		}
	}
	c.clock += uint64(pick(7)) // the clocks of clients differ
	c.commit(all)
	return nil
}
