package sync

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"realmsync/server/history"
	"realmsync/server/store"
	"realmsync/server/view"
)

// A bootstrap that the server starts by itself has the query version of what the client has already, and its store.View takes the place of that
// one's. What the client had before must not be forgotten: the bootstrap may never arrive, and until it does the client writes by what it had. So the
// body of such a view begins with the views before it: earlierMark, their JSON, earlierMark.

// earlierMark begins the body of a view that names earlier ones. A set's own text doesn't begin with it.
const earlierMark = "\x02"

// maxEarlier is how many earlier views are kept. A client that has not integrated a bootstrap after so many more, and has written in between, is
// judged by the oldest.
const maxEarlier = 32

// earlier is a view that a client had under the same query version or a lower one.
type earlier struct {
	Snapshot uint64 `json:"s"`
	First    uint64 `json:"f,omitempty"`
	Body     string `json:"b"`

	Broken []string `json:"x,omitempty"` // see past.broken
}

// past is a view that a client was sent.
type past struct {
	store.View
	broken []string // what its predecessors under the same query version showed that were broken off, if it is something else: history.Epoch.Broken
}

// withEarlier returns the body of a view that comes after some epochs, and after some views that were broken off.
func withEarlier(epochs []history.Epoch, broken []string, body string) (string, error) {
	var list []earlier
	for _, e := range epochs[max(0, len(epochs)-maxEarlier):] {
		if set, ok := e.View.(*view.Set); ok && e.Snapshot > 0 {
			var broken []string
			for _, v := range e.Broken {
				broken = append(broken, v.(*view.Set).Body())
			}
			list = append(list, earlier{e.Snapshot, e.First, set.Body(), broken})
		}
	}
	if len(broken) > 0 {
		list = append(list, earlier{Broken: broken}) // about the view itself
	}
	if len(list) == 0 {
		return body, nil
	}
	text, err := json.Marshal(list)
	return earlierMark + string(text) + earlierMark + body, err
}

// expand takes the earlier views out of the bodies of views, and puts them in front of those.
func expand(views []store.View) ([]past, error) {
	var out []past
	for _, v := range views {
		if !strings.HasPrefix(v.Body, earlierMark) {
			out = append(out, past{View: v})
			continue
		}
		text, body, ok := strings.Cut(v.Body[1:], earlierMark)
		var list []earlier
		if err := json.Unmarshal([]byte(text), &list); err != nil || !ok {
			return nil, fmt.Errorf("sync: a stored view of client file %d is damaged", v.File)
		}
		itself := past{View: v}
		itself.Body = body
		for _, e := range list {
			if e.Snapshot == 0 {
				itself.broken = e.Broken
				continue
			}
			out = append(out, past{store.View{File: v.File, QueryVersion: v.QueryVersion, Body: e.Body, Snapshot: e.Snapshot, First: cmp.Or(e.First, e.Snapshot)}, e.Broken})
		}
		out = append(out, itself)
	}
	return out, nil
}
