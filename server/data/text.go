package data

import (
	"maps"
	"slices"
	"strconv"
)

func sorted(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }

// parseWhole reads a 64-bit integer.
func parseWhole(text string) (any, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}
