package rql

// Limits on query text. Queries come from the network: each limit is checked before work is done, and exceeding one is
// ErrLimit.
const (
	// MaxText is the longest query text in bytes that Parse accepts.
	MaxText = 1 << 20
	// MaxSyncText is the longest query text in bytes that ParseSync accepts (spec/sync-semantics.md section 4.4).
	MaxSyncText = 256 << 10
	// MaxNesting is how deep AND, OR, NOT, SUBQUERY and arithmetic may nest, together. ParseSync accepts twice as much,
	// because canonical text can be deeper than what the user wrote.
	MaxNesting = 200
	// MaxArgs is how many positional arguments Parse accepts. Elements of list arguments don't count.
	MaxArgs = 4096
	// MaxPath is how many elements one key path may have.
	MaxPath = 64
	// MaxWildcards is how many bytes a part of a LIKE pattern between two stars may have if there is a ? in it: finding such
	// a part takes time proportional to its length. Parts without ? have no limit. A longer part in a pattern that is
	// itself a property matches nothing.
	MaxWildcards = 256
	// MaxVertices is how many vertices all rings of a GEOWITHIN region may have together.
	MaxVertices = 1000
)

// maxRecursion bounds the parser's stack, redundant parentheses included. Canonical text needs at most two levels of
// parentheses for each level of MaxNesting, and arithmetic one more.
const maxRecursion = 8 * MaxNesting
