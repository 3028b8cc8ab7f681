package wire

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// Prefixes of subprotocol tokens; a version number follows (section 1.3).
const (
	SubprotocolPrefix          = "com.mongodb.realm-query-sync#" // flexible sync
	PartitionSubprotocolPrefix = "com.mongodb.realm-sync#"       // partition-based sync, never accepted here
)

// MismatchMarker is in the body of an HTTP answer that refuses the upgrade because of the version; one of the two
// others may follow it. Use NegotiationError.Body.
const (
	MismatchMarker = "REALM_SYNC_PROTOCOL_MISMATCH"
	ClientTooOld   = ":CLIENT_TOO_OLD"
	ClientTooNew   = ":CLIENT_TOO_NEW"
)

// maxOffer bounds the number of tokens that a server looks at. Clients offer one per version.
const maxOffer = 256

// OfferedSubprotocols returns what a client offers, newest version first.
func OfferedSubprotocols() []string {
	tokens := make([]string, 0, Version-MinVersion+1)
	for v := Version; v >= MinVersion; v-- {
		tokens = append(tokens, Subprotocol(v))
	}
	return tokens
}

// OfferHeader returns the value of the Sec-WebSocket-Protocol header of a client.
func OfferHeader() string { return strings.Join(OfferedSubprotocols(), ", ") }

// Subprotocol returns the token of a version.
func Subprotocol(version int) string { return SubprotocolPrefix + strconv.Itoa(version) }

// AcceptSubprotocol is the client's test of the token that the server chose: the prefix of flexible sync and a bare decimal
// number of MinVersion..Version. It returns the version. Everything else is fatal for the connection.
func AcceptSubprotocol(token string) (version int, err error) {
	v, ok := versionNumber(token)
	if !ok {
		return 0, fmt.Errorf("wire: the server chose the subprotocol %s, expected %s with a number", quote([]byte(token)), SubprotocolPrefix)
	}
	if v < MinVersion || v > Version {
		return 0, fmt.Errorf("wire: the server chose version %d of the sync protocol, which was not offered (%d to %d)", v, MinVersion, Version)
	}
	return v, nil
}

// versionNumber reads a token with a bare number.
func versionNumber(token string) (int, bool) {
	text, ok := strings.CutPrefix(token, SubprotocolPrefix)
	if !ok {
		return 0, false
	}
	return smallNumber(text)
}

func smallNumber(text string) (int, bool) {
	if len(text) > 6 || len(text) > 1 && text[0] == '0' {
		return 0, false
	}
	v, ok := parseUint([]byte(text))
	return int(v), ok
}

// NegotiationError is what a server has no common version with. It must answer the upgrade with HTTP status 400 and Body, never
// with 101 (sections 1.3 and 1.5).
type NegotiationError struct {
	Suffix string // ClientTooOld, ClientTooNew, or "" if the client doesn't speak flexible sync at all
	Reason string
}

// Error returns the reason.
func (e *NegotiationError) Error() string { return "wire: " + e.Reason }

// Body returns the body of the answer: the reason, then the marker that a client looks for at the end.
func (e *NegotiationError) Body() string { return e.Reason + "\n" + MismatchMarker + e.Suffix }

// CloseCode returns what a client makes of the answer.
func (e *NegotiationError) CloseCode() CloseCode {
	switch e.Suffix {
	case ClientTooOld:
		return CloseClientTooOld
	case ClientTooNew:
		return CloseClientTooNew
	default:
		return CloseVersionMismatch
	}
}

// ChooseSubprotocol is the server's choice: the largest version of minVersion..Version that the client offers. headers are the
// values of Sec-WebSocket-Protocol, each a list separated by commas. The token is to be sent back as it is.
// Tokens of the form prefix<from>-<to> are understood as well; those of other protocols are skipped.
func ChooseSubprotocol(headers []string, minVersion int) (token string, version int, err error) {
	lowest, highest, best, seen := 0, 0, 0, 0
	for _, header := range headers {
		for token := range strings.SplitSeq(header, ",") {
			if seen++; seen > maxOffer {
				break
			}
			from, to, ok := offeredRange(strings.Trim(token, " \t"))
			if !ok {
				continue
			}
			if lowest == 0 || from < lowest {
				lowest = from
			}
			highest = max(highest, to)
			if v := min(to, Version); v >= from && v >= minVersion {
				best = max(best, v)
			}
		}
	}
	switch {
	case best != 0:
		return Subprotocol(best), best, nil
	case highest == 0:
		return "", 0, &NegotiationError{Reason: "the client offers no subprotocol of flexible sync (" + SubprotocolPrefix + "N)"}
	case highest < minVersion:
		return "", 0, &NegotiationError{Suffix: ClientTooOld, Reason: fmt.Sprintf("the client speaks at most version %d of the sync protocol, this server needs %d to %d: update the client's SDK", highest, minVersion, Version)}
	default:
		return "", 0, &NegotiationError{Suffix: ClientTooNew, Reason: fmt.Sprintf("the client speaks versions from %d of the sync protocol, this server needs %d to %d: update the server", lowest, minVersion, Version)}
	}
}

// offeredRange reads one token of an offer.
func offeredRange(token string) (from, to int, ok bool) {
	text, ok := strings.CutPrefix(token, SubprotocolPrefix)
	if !ok {
		return 0, 0, false
	}
	first, last, isRange := strings.Cut(text, "-")
	if from, ok = smallNumber(first); !ok || from == 0 {
		return 0, 0, false
	}
	if !isRange {
		return from, from, true
	}
	if to, ok = smallNumber(last); !ok || to < from {
		return 0, 0, false
	}
	return from, to, true
}

// Mismatch is the client's look at the body of an answer other than 101: it tells whether the server refused because of the
// version, and the code that stands for it (section 1.5).
func Mismatch(body []byte) (CloseCode, bool) {
	_, after, found := bytes.Cut(body, []byte(MismatchMarker))
	switch {
	case !found:
		return 0, false
	case bytes.HasPrefix(after, []byte(ClientTooOld)):
		return CloseClientTooOld, true
	case bytes.HasPrefix(after, []byte(ClientTooNew)):
		return CloseClientTooNew, true
	default:
		return CloseVersionMismatch, true
	}
}
