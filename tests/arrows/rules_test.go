package arrows

// rule says what the packages of a room may import. A room is a folder of the module and everything below it, unless a deeper
// folder is a room of its own.
type rule struct {
	room string
	// may lists the rooms that its packages may import directly, beside itself.
	may []string
	// never lists the rooms that they must not reach, by whatever way.
	never []string
	// pure: no I/O, no goroutine, no clock, no randomness that is not passed in.
	pure bool
}

var (
	pureSix    = []string{"core/value", "core/schema", "core/changeset", "core/merge", "core/rql", "core/wire"}
	theCore    = join(pureSix, "core/reset", "core/store", "core/realm", "core/realm/history", "core/session", "core/app", "core/client")
	everything = join(theCore, "server")
	// theServer is what the core knows nothing of.
	theServer = []string{"server", "cmd", "capi"}
)

// rules is design.md, section 2.
var rules = []rule{
	// value <- schema <- changeset <- merge; value, schema <- rql; wire stands alone.
	{room: "core/value", pure: true},
	{room: "core/schema", may: pureSix[:1], pure: true},
	{room: "core/changeset", may: pureSix[:2], pure: true},
	{room: "core/merge", may: pureSix[:3], pure: true},
	{room: "core/rql", may: pureSix[:2], pure: true},
	{room: "core/wire", pure: true},
	// What a client reset does to data, by the same rules as the six.
	{room: "core/reset", may: pureSix[:3], pure: true},
	// What the tests of the six share: the reader of the golden vectors, which opens files, and the in-memory model that is the
	// oracle. In no may list but those of tests, so that nothing that is shipped imports them.
	{room: "core/changeset/vectortest", may: pureSix},
	{room: "core/changeset/memstate", may: join(pureSix, "core/changeset/vectortest")},
	// Random changesets, for tests of states and of merging.
	{room: "core/changeset/statetest", may: join(pureSix, "core/changeset/memstate")},

	// store <- realm build on the six. Session sees a realm through an interface that it owns, app knows neither.
	{room: "core/store", may: pureSix, never: join(theServer, "core/realm", "core/session", "core/app", "core/client")},
	// What a file holds as an in-memory model, for tests.
	{room: "core/store/storetest", may: join(pureSix, "core/store", "core/changeset/memstate")},
	// core/realm/history is the file that a session sees: it implements session's interface and may speak in its types. It is a
	// room of its own, so that realm beside it keeps its hands off session.
	{room: "core/realm", may: join(pureSix, "core/store", "core/realm/history"), never: join(theServer, "core/app", "core/client")},
	{room: "core/realm/history", may: join(pureSix, "core/reset", "core/store", "core/session"), never: join(theServer, "core/app", "core/client")},
	// How connections are made stands alone.
	{room: "core/outbound", never: join(theServer, theCore...)},
	{room: "core/session", may: join(pureSix, "core/outbound"), never: join(theServer, "core/store", "core/realm", "core/app", "core/client")},
	{room: "core/app", may: join(pureSix[:1], "core/outbound"), never: join(theServer, "core/store", "core/realm", "core/session", "core/client")},

	// core/client ties the rooms of the client together, so that capi has no logic.
	{room: "core/client", may: join(pureSix, "core/store", "core/realm", "core/realm/history", "core/session", "core/app", "core/outbound"), never: theServer},

	// The server builds on the six and shares nothing else with the client. Its rooms are one here.
	{room: "server", may: pureSix, never: []string{"core/store", "core/realm", "core/session", "core/app", "core/client", "capi", "cmd"}},
	{room: "cmd/realm-sync-server", may: []string{"server"}, never: []string{"core/store", "core/realm", "core/session", "core/app", "core/client", "capi"}},

	// capi imports core only. Nothing imports capi: it is in no may list.
	{room: "capi", may: join(theCore, "core/outbound"), never: []string{"server", "cmd"}},

	// What crosses layers, and tools.
	{room: "tests", may: join(everything, "core/changeset/vectortest", "core/changeset/memstate", "core/changeset/statetest", "core/store/storetest"), never: []string{"capi"}},
	{room: "scripts"},
}

// impure lists what a pure package must not import: the packages through which a program reaches the world.
var impure = []string{
	"context", "crypto/rand", "database/sql", "io/fs", "io/ioutil", "log", "log/slog", "math/rand", "math/rand/v2", "net", "os",
	"os/exec", "os/signal", "plugin", "syscall",
}

// unreachable lists what a pure package must not even reach through a dependency.
var unreachable = []string{"database/sql", "net", "os/exec", "C"}

// clock lists the functions of package time that read the clock or wait for it; the rest of the package is arithmetic.
var clock = []string{"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until"}

func join(rooms []string, more ...string) []string {
	return append(append([]string{}, rooms...), more...)
}
