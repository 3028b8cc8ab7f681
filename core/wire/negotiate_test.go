package wire

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOffer(t *testing.T) {
	header := OfferHeader()
	require.True(t, strings.HasPrefix(header, "com.mongodb.realm-query-sync#14, com.mongodb.realm-query-sync#13, "), header)
	require.True(t, strings.HasSuffix(header, ", com.mongodb.realm-query-sync#2"), header)
	require.Len(t, OfferedSubprotocols(), 13)
	for _, token := range OfferedSubprotocols() {
		v, err := AcceptSubprotocol(token)
		require.NoError(t, err)
		require.Equal(t, token, Subprotocol(v))
	}
}

// Section 1.3: the client's acceptance.
func TestAcceptSubprotocolRefuses(t *testing.T) {
	for _, token := range []string{"", "14", "com.mongodb.realm-query-sync#", "com.mongodb.realm-query-sync#15", "com.mongodb.realm-query-sync#1", "com.mongodb.realm-query-sync#0",
		"com.mongodb.realm-query-sync#14 ", "com.mongodb.realm-query-sync#+14", "com.mongodb.realm-query-sync#2-14", "com.mongodb.realm-query-sync/14", "com.mongodb.realm-sync#14",
		"COM.mongodb.realm-query-sync#14", "com.mongodb.realm-query-sync#14, com.mongodb.realm-query-sync#13", "com.mongodb.realm-query-sync#99999999999999999999"} {
		_, err := AcceptSubprotocol(token)
		require.Error(t, err, token)
	}
}

// Conformance 2 and 3: the server's choice and its refusal.
func TestChooseSubprotocol(t *testing.T) {
	const p = SubprotocolPrefix
	for _, c := range []struct {
		headers []string
		minimum int
		version int
		suffix  string
	}{
		{[]string{OfferHeader()}, MinVersion, 14, ""},
		{[]string{OfferHeader()}, Version, 14, ""},
		{[]string{p + "9", p + "11, " + p + "10"}, 8, 11, ""},
		{[]string{p + "16," + p + "15,\t" + p + "14"}, 2, 14, ""},
		{[]string{p + "20-30, " + p + "3-12"}, 2, 12, ""},
		{[]string{p + "3-99"}, 2, 14, ""},
		{[]string{"chat, " + PartitionSubprotocolPrefix + "14," + p + "7"}, 2, 7, ""},
		{[]string{p + "7, " + p + "6"}, 8, 0, ClientTooOld},
		{[]string{p + "1"}, 2, 0, ClientTooOld},
		{[]string{p + "15, " + p + "16"}, 2, 0, ClientTooNew},
		{[]string{p + "15-16"}, 2, 0, ClientTooNew},
		{nil, 2, 0, ""},
		{[]string{""}, 2, 0, ""},
		{[]string{PartitionSubprotocolPrefix + "14"}, 2, 0, ""},
		{[]string{"com.mongodb.realm-query-sync/7"}, 2, 0, ""},
		{[]string{p + "x, " + p + "0, " + p + "014, " + p + "14-3, " + p + "-3, " + p + "3-, " + p}, 2, 0, ""},
		{[]string{strings.Repeat("x,", 10000) + p + "14"}, 2, 0, ""},
	} {
		token, version, err := ChooseSubprotocol(c.headers, c.minimum)
		require.Equal(t, c.version, version, "%q", c.headers)
		if c.version != 0 {
			require.NoError(t, err)
			accepted, err := AcceptSubprotocol(token)
			require.NoError(t, err)
			require.Equal(t, c.version, accepted)
			continue
		}
		var refusal *NegotiationError
		require.ErrorAs(t, err, &refusal, "%q", c.headers)
		require.Equal(t, c.suffix, refusal.Suffix, "%q", c.headers)
		require.True(t, strings.HasSuffix(refusal.Body(), "REALM_SYNC_PROTOCOL_MISMATCH"+c.suffix))
		code, found := Mismatch([]byte(refusal.Body()))
		require.True(t, found)
		require.Equal(t, refusal.CloseCode(), code)
	}
	code, found := Mismatch([]byte("404 page not found"))
	require.False(t, found)
	require.Zero(t, code)
	code, _ = Mismatch([]byte("...REALM_SYNC_PROTOCOL_MISMATCH:CLIENT_TOO_NEW..."))
	require.Equal(t, CloseClientTooNew, code)
}

func FuzzChooseSubprotocol(f *testing.F) {
	f.Add(OfferHeader(), 2)
	f.Add(SubprotocolPrefix+"3-9,"+SubprotocolPrefix+"15", 8)
	f.Fuzz(func(t *testing.T, header string, minimum int) {
		token, version, err := ChooseSubprotocol([]string{header}, minimum)
		if err != nil {
			return
		}
		if version < minimum || version > Version || token != Subprotocol(version) {
			t.Fatalf("chose %q, version %d, minimum %d", token, version, minimum)
		}
	})
}
