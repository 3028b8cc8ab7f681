package original

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// Null that one device of the original removes from a set of numbers leaves the sets of the others, which would stop syncing if they were told of it as it is.
func TestNullInSets(t *testing.T) {
	srv := startServer(t)
	schema := json.RawMessage(`{"Item": {"pk": "_id", "properties": {"_id": {"type": "Int"}, "s": {"type": "Int", "nullable": true, "collection": "Set"}}}}`)
	one, two := newPeer(t, srv, "nulls"), newPeer(t, srv, "nulls")
	for _, p := range []*peer{one, two} {
		p.open(object{"schema": schema})
		p.subscribe("Item")
	}
	change := func(op string, v any) object {
		return object{"op": op, "table": "Item", "object": key(1), "field": "s", "path": []any{}, "value": v}
	}
	one.write(create(1), change("SetInsert", integer(5)), change("SetInsert", nil))
	one.r("upload")
	two.r("download")
	require.JSONEq(t, `{"Item": [{"_id": {"int": "1"}, "s": [null, {"int": "5"}]}]}`, string(two.r("dump")))
	one.write(change("SetErase", nil))
	one.r("upload")
	two.r("download")
	require.JSONEq(t, `{"Item": [{"_id": {"int": "1"}, "s": [{"int": "5"}]}]}`, string(two.r("dump")))
	require.Empty(t, two.said())
}
