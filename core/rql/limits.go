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
)

// maxRecursion bounds the parser's stack, redundant parentheses included. Canonical text needs at most two levels of
// parentheses for each level of MaxNesting, and arithmetic one more.
const maxRecursion = 8 * MaxNesting
