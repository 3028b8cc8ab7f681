package rules

// Truth is the value of an expression. The zero Truth is Undefined, and opens no gate.
type Truth uint8

// The values of an expression.
const (
	Undefined Truth = iota
	False
	True
)

// truthOf returns True or False.
func truthOf(b bool) Truth {
	if b {
		return True
	}
	return False
}

// not leaves what is undefined undefined.
func (t Truth) not() Truth {
	switch t {
	case True:
		return False
	case False:
		return True
	default:
		return Undefined
	}
}

// and is False if either is, else Undefined if either is.
func (t Truth) and(o Truth) Truth {
	switch {
	case t == False || o == False:
		return False
	case t == Undefined || o == Undefined:
		return Undefined
	default:
		return True
	}
}

// or is True if either is, else Undefined if either is.
func (t Truth) or(o Truth) Truth { return t.not().and(o.not()).not() }
