package history

import (
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/value"
)

// A change of another client arrives, and the program sees it; then conflicting ones are decided by their times.
func TestIntegrate(t *testing.T) {
	d := newDevice(t, ownIdent)
	d.write(create(1), set(1, "s", value.String("mine")))
	require.NoError(t, d.file.Integrate(steady(progress(3, 0, 0, 0), entry(t, 3, 0, 5000, create(2), set(2, "i", value.Int(7))))))
	require.Contains(t, d.json(), `"_id":{"int":"2"},"i":{"int":"7"}`)
	require.Contains(t, d.json(), `mine`)
	status, err := d.file.Status()
	require.NoError(t, err)
	require.Equal(t, progress(3, 0, 0, 0), status.Progress)
	require.EqualValues(t, 5, status.Version) // schema, ident, write, integration
}
