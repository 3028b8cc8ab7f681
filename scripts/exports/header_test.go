package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const sample = `/* REALM_API in a comment: REALM_API int realm_commented(void); */
#define REALM_API extern \
    __attribute__((visibility("default")))
// REALM_API int realm_line(void);
REALM_API const char* realm_b(void);
/* Two lines, a function pointer among the parameters. */
REALM_API realm_status_t realm_a(realm_t* realm, void (*callback)(void* userdata),
                                 realm_error_t* error);
typedef void (*realm_callback_t)(void* userdata);
`

func TestDeclaredReadsDeclarationsOnly(t *testing.T) {
	names, err := declared(sample)
	require.NoError(t, err)
	require.Equal(t, []string{"realm_a", "realm_b"}, names)
}

func TestDeclaredRefusesWhatItDoesNotUnderstand(t *testing.T) {
	for text, want := range map[string]string{
		"int x;":                                "no REALM_API declaration",
		"REALM_API int realm_x(void)":           "has no end",
		"REALM_API int realm_x;":                "no function name",
		"REALM_API int other(void);":            "does not begin with realm_",
		sample + "REALM_API int realm_a(void);": "declared twice",
	} {
		_, err := declared(text)
		require.ErrorContains(t, err, want)
	}
}

func TestCompareNamesBothSides(t *testing.T) {
	require.NoError(t, compare([]string{"realm_a"}, []string{"realm_a"}))
	err := compare([]string{"realm_a", "realm_b"}, []string{"realm_b", "sqlite3_open"})
	require.ErrorContains(t, err, "realm_a is in the header and not exported")
	require.ErrorContains(t, err, "sqlite3_open is exported and not in the header")
	require.NotContains(t, err.Error(), "realm_b ")
}

func TestTheHeaderOfThisRepository(t *testing.T) {
	var out strings.Builder
	require.NoError(t, run([]string{"map", filepath.Join("..", "..", "include", "realm_sync.h")}, &out))
	for _, fixed := range []string{"realm_get_sync_session", "realm_wait_for_upload", "realm_wait_for_download", "realm_session_state"} {
		require.Contains(t, out.String(), "    "+fixed+";\n")
	}
}

func TestCheckReadsTheDynamicSymbols(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	header := filepath.Join("..", "..", "include", "realm_sync.h")
	require.ErrorContains(t, run([]string{"check", header, header}, &strings.Builder{}), "bad magic number")
	// The test program is no library: whatever its dynamic symbols are, the header's functions are missing.
	err = run([]string{"check", header, self}, &strings.Builder{})
	require.Error(t, err)
}
