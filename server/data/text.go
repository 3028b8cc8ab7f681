package data

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/core/value"
	"realmsync/server/ejson"
)

func sorted(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }

// idsOf returns what the text of an id in a path may stand for, the likeliest first: extended JSON if it begins with '{', else an ObjectId, a UUID
// or an integer if it looks like one, else the text.
func idsOf(text string) (bson.A, error) {
	if strings.HasPrefix(text, "{") {
		id, err := ejson.Parse([]byte(text))
		if err != nil {
			return nil, invalid("the id in the path: %s", clip(err.Error()))
		}
		return bson.A{id}, nil
	}
	var out bson.A
	if id, err := bson.ObjectIDFromHex(text); err == nil {
		out = append(out, id)
	}
	if id, err := value.ParseUUID(text); err == nil && len(text) == 36 {
		out = append(out, bson.Binary{Subtype: bson.TypeBinaryUUID, Data: id[:]})
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		out = append(out, n)
	}
	return append(out, text), nil
}
