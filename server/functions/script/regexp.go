package script

import (
	"time"

	"github.com/dlclark/regexp2/v2"
)

// maxCPU is the longest that Limits.CPU may be: as long as one regular expression is matched.
const maxCPU = 60 * time.Second

// Regular expressions that Go's own package does not know (look-around, back references) are matched by regexp2, which backtracks: some
// would take for ever, in a step that cannot be interrupted. What is given up after maxCPU looks like no match to goja, which nobody sees:
// the call was interrupted before.
func init() { regexp2.DefaultMatchTimeout = maxCPU }
