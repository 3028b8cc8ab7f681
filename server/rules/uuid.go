package rules

import (
	"encoding/hex"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/core/value"
)

func parseUUID(s string) (any, bool) {
	id, err := value.ParseUUID(s)
	if err != nil {
		return nil, false
	}
	return bson.Binary{Subtype: bson.TypeBinaryUUID, Data: id[:]}, true
}

func formatUUID(b []byte) string {
	h := hex.EncodeToString(b)
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}
