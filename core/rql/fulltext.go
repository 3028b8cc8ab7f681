package rql

import (
	"strings"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// maxToken is how many bytes of a word count.
const maxToken = 64

// search is the right side of TEXT, taken apart (spec section 6.4): all words and prefixes must occur, none of excluded may.
type search struct {
	words, prefixes, excluded []string
}

// parseSearch reads blank-separated words; -word excludes, word* is a prefix.
func parseSearch(text string, pos int) *search {
	s := &search{}
	excluded := map[string]bool{}
	all := map[string]bool{}
	for field := range strings.FieldsSeq(text) {
		word, exclude := strings.CutPrefix(field, "-")
		word, prefix := strings.CutSuffix(word, "*")
		tokens := append(tokensOf(word), "") // of other alphabets there are no words: nothing has them
		if len(tokens) > 2 {
			panic(fail(ErrInvalidArgument, pos, "Non alphanumeric characters not allowed inside search word"))
		}
		token := tokens[0]
		if known, ok := excluded[token]; ok && known != exclude {
			panic(fail(ErrInvalidArgument, pos, "You can't include and exclude the same token"))
		}
		excluded[token] = exclude
		switch {
		case exclude && !all["-"+token]:
			s.excluded = append(s.excluded, token)
			all["-"+token] = true
		case exclude:
		case prefix && token != "":
			s.prefixes = append(s.prefixes, token)
		case !all[token]:
			s.words = append(s.words, token)
			all[token] = true
		}
	}
	if len(excluded) == 0 {
		panic(fail(ErrInvalidArgument, pos, "Missing search token"))
	}
	return s
}

// tokensOf cuts text into words: letters and digits of ASCII and of U+00C0 to U+00FE, in lower case and without diacritics.
func tokensOf(text string) []string {
	var out []string
	eachToken(text, func(token []byte) bool {
		out = append(out, string(token))
		return true
	})
	return out
}

// eachToken calls f with each word until it returns false. The bytes are overwritten by the next word.
func eachToken(text string, f func(token []byte) bool) {
	var buffer [maxToken]byte
	token := buffer[:0]
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z':
			token = appendToken(token, c)
			continue
		case c >= 'A' && c <= 'Z':
			token = appendToken(token, c+'a'-'A')
			continue
		case c == 0xC3 && i+1 < len(text) && text[i+1]&0xC0 == 0x80:
			i++
			if text[i] == 0x97 || text[i] == 0xB7 { // the signs of multiplication and division vanish
				continue
			}
			if text[i] != 0xBF {
				if base := latin[text[i]&0x1F]; base != 0 {
					token = appendToken(token, base)
				} else {
					token = appendToken(token, 0xC3, foldByte(0xC3, text[i]))
				}
				continue
			}
		}
		if len(token) > 0 && !f(token) {
			return
		}
		token = buffer[:0]
	}
	if len(token) > 0 {
		f(token)
	}
}

// appendToken drops what is beyond the length that counts.
func appendToken(token []byte, letter ...byte) []byte {
	if len(token)+len(letter) > maxToken {
		return token
	}
	return append(token, letter...)
}

// latin are the letters of U+00E0 to U+00FF without diacritics; 0 for those that stay as they are: those of other alphabets
// than ASCII, å, and what is no letter.
var latin = [32]byte{
	'a', 'a', 'a', 'a', 'a', 0, 0, 'c', 'e', 'e', 'e', 'e', 'i', 'i', 'i', 'i',
	0, 'n', 'o', 'o', 'o', 'o', 'o', 0, 0, 'u', 'u', 'u', 'u', 'y', 0, 0,
}

// match tells whether a text has what is searched for. Of null only exclusions are true.
func (s *search) match(v value.Value) bool {
	found := 0
	wanted := len(s.words) + len(s.prefixes)
	if v.Kind() != value.KindString {
		return wanted == 0
	}
	seen := make([]bool, wanted)
	fits := true
	mark := func(i int) {
		if !seen[i] {
			seen[i] = true
			found++
		}
	}
	eachToken(v.Str(), func(token []byte) bool {
		for _, word := range s.excluded {
			if string(token) == word {
				fits = false
				return false
			}
		}
		for i, word := range s.words {
			if string(token) == word {
				mark(i)
			}
		}
		for i, prefix := range s.prefixes {
			if strings.HasPrefix(string(token), prefix) {
				mark(len(s.words) + i)
			}
		}
		return len(s.excluded) > 0 || found < wanted
	})
	return fits && found == wanted
}

// fullText binds TEXT.
func (b *binder) fullText(c *comparison, left, right Operand) Node {
	path := asKeyPath(left)
	constant, ok := right.(*Constant)
	switch {
	case path == nil, path.Reading != ReadValue, len(path.Steps) > 0, path.Prop() == nil || path.Prop().Type != value.KindString || path.Prop().Collection != schema.Single:
		panic(fail(ErrInvalidQuery, c.pos, "Unsupported operator TEXT in query: '%s' is not a string property", printOperand(left)))
	case !ok || constant.Value.Kind() != value.KindString:
		panic(fail(ErrInvalidQuery, c.pos, "The right hand side of TEXT must be one string"))
	case !path.Prop().FullText:
		panic(fail(ErrIllegalOperation, c.pos, "Column has no fulltext index"))
	case !b.navigation:
		panic(unsupported(c.pos, "TEXT"))
	}
	return &FullText{Path: left, Text: constant.Value.Str(), search: parseSearch(constant.Value.Str(), c.pos)}
}

type fullTextMatch struct {
	path   evaluator
	search *search
}

func (c *compiler) fullText(n *FullText) matcher {
	c.navigates = true
	return &fullTextMatch{c.evaluator(n.Path), n.search}
}

func (m *fullTextMatch) match(o Object, r *run) (bool, error) {
	texts := r.take()
	defer r.give(texts)
	if err := m.path.eval(o, r, texts); err != nil {
		return false, err
	}
	for _, v := range texts.values {
		if m.search.match(v) {
			return true, nil
		}
	}
	return false, nil
}
