package rql

// Op is a comparison operator.
type Op uint8

// The comparison operators. IN has no code of its own: it is OpEqual with a multi-valued right operand.
const (
	OpEqual Op = iota
	OpNotEqual
	OpLess
	OpLessEqual
	OpGreater
	OpGreaterEqual
	OpBeginsWith
	OpEndsWith
	OpContains
	OpLike
	opIn   // only in the syntax tree
	opText // only in the syntax tree
)

var opTexts = [...]string{"==", "!=", "<", "<=", ">", ">=", "BEGINSWITH", "ENDSWITH", "CONTAINS", "LIKE", "IN", "TEXT"}

// String returns the operator as canonical text writes it.
func (op Op) String() string { return opTexts[op] }

// IsOrdering tells whether the operator is <, <=, > or >=.
func (op Op) IsOrdering() bool { return op >= OpLess && op <= OpGreaterEqual }

// IsString tells whether the operator is BEGINSWITH, ENDSWITH, CONTAINS or LIKE.
func (op Op) IsString() bool { return op >= OpBeginsWith && op <= OpLike }

// errorName is the operator as error texts write it: those spell == as =, and the string operators in lower case.
func (op Op) errorName() string {
	switch op {
	case OpEqual:
		return "="
	case OpBeginsWith:
		return "beginswith"
	case OpEndsWith:
		return "endswith"
	case OpContains:
		return "contains"
	case OpLike:
		return "like"
	case opIn:
		return "in"
	case opText:
		return "text"
	default:
		return op.String()
	}
}

// Quantifier says how a multi-valued operand is tested (spec section 6.7).
type Quantifier uint8

// The quantifiers. QuantNone is the absence of one, not the word NONE; it tests like ANY unless both operands are lists.
const (
	QuantNone Quantifier = iota
	QuantAny
	QuantAll
	QuantNever // the word NONE
)

// String returns the word, "" for QuantNone.
func (q Quantifier) String() string { return [...]string{"", "ANY", "ALL", "NONE"}[q] }

// prefix is the word with a blank behind it, or nothing.
func (q Quantifier) prefix() string {
	if q == QuantNone {
		return ""
	}
	return q.String() + " "
}
