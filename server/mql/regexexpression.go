package mql

import (
	"regexp"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// compileRegexOperator reads {input, regex, options}: whether there is a match, the first, or all of them. The regular expression must be a
// constant: compiling one costs more than looking for it.
func compileRegexOperator(name string, arg any, in names) (expression, error) {
	parts, err := arguments(name, arg, "input regex options?")
	if err != nil {
		return nil, err
	}
	input, err := compileExpression(parts[0], in)
	if err != nil {
		return nil, err
	}
	pattern, ok := parts[1].(bson.Regex)
	if text, isText := parts[1].(string); isText && (text == "" || text[0] != '$') {
		pattern, ok = bson.Regex{Pattern: text}, true
	}
	if !ok {
		return nil, fail("the 'regex' of %s must be a constant here: a string or a regular expression", name)
	}
	if options, given := parts[2].(string); given {
		pattern.Options = options
	} else if !absent(parts[2]) {
		return nil, fail("the 'options' of %s must be a constant string", name)
	}
	re, size, err := compileRegex(pattern.Pattern, pattern.Options)
	if err != nil {
		return nil, err
	}
	if err := in.program(size); err != nil {
		return nil, err
	}
	return func(d bson.D, m *Meter) (any, error) {
		v, err := input(d, m)
		if err != nil {
			return nil, err
		}
		s, ok := v.(string)
		if !ok && !absent(v) {
			return nil, fail("%s needs 'input' to be of type string", name)
		}
		if err := m.Step(1 + len(s)*size/16); err != nil {
			return nil, err
		}
		switch name {
		case "$regexMatch":
			return ok && re.MatchString(s), nil
		case "$regexFind":
			if !ok {
				return nil, nil
			}
			at := re.FindStringSubmatchIndex(s)
			if at == nil {
				return nil, nil
			}
			return match(s, at, utf8.RuneCountInString(s[:at[0]])), nil
		}
		if !ok {
			return bson.A{}, nil
		}
		return allMatches(re, s, size, m)
	}, nil
}

// allMatches are the matches one after the other. Looking for each may go through the whole text, so what they may cost is counted before: for
// few of them first, for more if there are.
func allMatches(re *regexp.Regexp, s string, size int, m *Meter) (any, error) {
	var found [][]int
	for most := 16; ; most *= 8 {
		if err := m.Step(most * (1 + len(s)*size/16)); err != nil {
			return nil, err
		}
		if found = re.FindAllStringSubmatchIndex(s, most); len(found) < most {
			break
		}
	}
	out := make(bson.A, 0, len(found))
	count, counted := 0, 0 // characters of the bytes so far
	for _, at := range found {
		count += utf8.RuneCountInString(s[counted:at[0]])
		counted = at[0]
		out = append(out, match(s, at, count))
	}
	return out, nil
}

// match is what is told of a match: its text, where it begins in characters, and its groups.
func match(s string, at []int, idx int) bson.D {
	captures := bson.A{}
	for i := 2; i < len(at); i += 2 {
		if at[i] < 0 {
			captures = append(captures, nil)
			continue
		}
		captures = append(captures, s[at[i]:at[i+1]])
	}
	return bson.D{{Key: "match", Value: s[at[0]:at[1]]}, {Key: "idx", Value: int32(idx)}, {Key: "captures", Value: captures}}
}
