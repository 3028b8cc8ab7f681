package rql

// tokenKind names a token of spec/query-language.md section 2.
type tokenKind uint8

const (
	tEnd tokenKind = iota
	tEqual
	tNotEqual
	tLess
	tGreater
	tLessEqual
	tGreaterEqual
	tPlus
	tMinus
	tStar
	tSlash
	tOpen
	tClose
	tIndexOpen
	tIndexClose
	tListOpen
	tListClose
	tComma
	tDot
	tAnd
	tOr
	tNot
	tIn
	tAny
	tAll
	tNone
	tTrue
	tFalse
	tFirst
	tLast
	tSizeWord
	tBeginsWith
	tEndsWith
	tContains
	tLike
	tText
	tBetween
	tGeoWithin
	tTruePredicate
	tFalsePredicate
	tSubquery
	tObj
	tGeoBox
	tGeoCircle
	tGeoPolygon
	tSort
	tDistinct
	tLimit
	tAscending
	tDescending
	tBinary
	tFold
	tSize
	tMax
	tMin
	tSum
	tAvg
	tLinks
	tType
	tKeys
	tValues
	tNull
	tInfinity
	tNaN
	tUUID
	tOID
	tTimestamp
	tLink
	tTypedLink
	tNatural
	tNumber
	tFloat
	tArg
	tPathArg
	tBase64
	tString
	tID
)

var tokenNames = map[tokenKind]string{
	tEnd: "end of file", tEqual: "==", tNotEqual: "!=", tLess: "<", tGreater: ">", tLessEqual: "<=", tGreaterEqual: ">=",
	tPlus: "'+'", tMinus: "'-'", tStar: "'*'", tSlash: "'/'", tOpen: "'('", tClose: "')'", tIndexOpen: "'['",
	tIndexClose: "']'", tListOpen: "'{'", tListClose: "'}'", tComma: "','", tDot: "'.'", tAnd: "&&", tOr: "||", tNot: "!",
	tIn: "in", tAny: "any", tAll: "all", tNone: "none", tTrue: "true", tFalse: "false", tFirst: "first", tLast: "last",
	tSizeWord: "size", tBeginsWith: "beginswith", tEndsWith: "endswith", tContains: "contains", tLike: "like",
	tText: "fulltext", tBetween: "between", tGeoWithin: "geowithin", tTruePredicate: "truepredicate",
	tFalsePredicate: "falsepredicate", tSubquery: "subquery", tObj: "obj", tGeoBox: "geobox", tGeoCircle: "geocircle",
	tGeoPolygon: "geopolygon", tSort: "sort", tDistinct: "distinct", tLimit: "limit", tAscending: "ascending",
	tDescending: "descending", tBinary: "binary", tFold: "[c]", tSize: "@size", tMax: "@max", tMin: "@min", tSum: "@sum",
	tAvg: "@average", tLinks: "@links", tType: "@type", tKeys: "@keys", tValues: "@values", tNull: "null",
	tInfinity: "infinity", tNaN: "NaN", tUUID: "UUID", tOID: "ObjectId", tTimestamp: "timestamp", tLink: "link",
	tTypedLink: "typed link", tNatural: "natural0", tNumber: "number", tFloat: "float", tArg: "argument",
	tPathArg: "keypath argument", tBase64: "base64", tString: "string", tID: "identifier",
}

// String returns the name that syntax errors use.
func (k tokenKind) String() string { return tokenNames[k] }

// isName tells whether the token is accepted where an identifier is expected.
func (k tokenKind) isName() bool {
	switch k {
	case tID, tBeginsWith, tEndsWith, tContains, tLike, tBetween, tText, tIn, tSort, tDistinct, tLimit, tAscending,
		tDescending, tBinary, tFirst, tLast, tSizeWord, tKeys, tValues, tLinks:
		return true
	default:
		return false
	}
}

// words that are accepted in any letter case, keyed by their lower-case form.
var anyCaseWords = map[string]tokenKind{
	"and": tAnd, "or": tOr, "beginswith": tBeginsWith, "endswith": tEndsWith, "contains": tContains, "like": tLike,
	"text": tText, "between": tBetween, "geowithin": tGeoWithin, "truepredicate": tTruePredicate,
	"falsepredicate": tFalsePredicate, "subquery": tSubquery, "obj": tObj, "geobox": tGeoBox, "geocircle": tGeoCircle,
	"geopolygon": tGeoPolygon, "sort": tSort, "distinct": tDistinct, "limit": tLimit, "ascending": tAscending,
	"asc": tAscending, "descending": tDescending, "desc": tDescending, "binary": tBinary, "bin": tBinary, "null": tNull,
	"nil": tNull, "inf": tInfinity, "infinity": tInfinity, "nan": tNaN,
}

// words that are accepted only in these spellings.
var exactWords = map[string]tokenKind{
	"not": tNot, "NOT": tNot, "in": tIn, "IN": tIn, "any": tAny, "ANY": tAny, "some": tAny, "SOME": tAny, "all": tAll,
	"ALL": tAll, "none": tNone, "NONE": tNone, "true": tTrue, "TRUE": tTrue, "false": tFalse, "FALSE": tFalse,
	"first": tFirst, "FIRST": tFirst, "last": tLast, "LAST": tLast, "size": tSizeWord, "SIZE": tSizeWord,
}

// longestWord bounds the look-up: no longer identifier can be a word of the language.
const longestWord = len("falsepredicate")

// operators that begin with @.
var atWords = map[string]tokenKind{
	"@size": tSize, "@count": tSize, "@max": tMax, "@min": tMin, "@sum": tSum, "@avg": tAvg, "@links": tLinks,
	"@type": tType, "@keys": tKeys, "@values": tValues,
}

// token is one scanned token: text[start:end] of the query.
type token struct {
	kind       tokenKind
	start, end int
}
