package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"realmsync/server/apierror"
	"realmsync/server/appconfig"
	"realmsync/server/applog"
	"realmsync/server/auth"
	"realmsync/server/dbfile"
	"realmsync/server/excerpt"
)

// MaxBody is the most that a request's body may have, in bytes: sources of functions and schemas are in them.
const MaxBody = 4 << 20

// maxOpenBody is MaxBody for requests that anybody may send: logins.
const maxOpenBody = 64 << 10

// Users are the apps and their users. *auth.Service is them.
type Users interface {
	Credentials

	Group(ctx context.Context) (string, error)
	Apps(ctx context.Context) ([]auth.App, error)
	ExistingApp(ctx context.Context, id string) (*auth.App, error)
	AppByInternalID(ctx context.Context, id string) (*auth.App, error)
	CreateApp(ctx context.Context, id string) (app *auth.App, created bool, err error)
	DeleteApp(ctx context.Context, app *auth.App) error
	CanCreate(ctx context.Context, id string) error
	Deletions(ctx context.Context) ([]string, error)
	FinishDeletion(ctx context.Context, id string) error

	Users(ctx context.Context, app *auth.App, after string, limit int) ([]auth.UserInfo, error)
	User(ctx context.Context, app *auth.App, id string) (auth.UserInfo, error)
	DeleteUser(ctx context.Context, app *auth.App, id string) error
	SetUserDisabled(ctx context.Context, app *auth.App, id string, disabled bool) error
	RevokeSessions(ctx context.Context, app *auth.App, id string) error
	Sessions(ctx context.Context, app *auth.App, user, after string, limit int) ([]auth.SessionInfo, error)
	RevokeSession(ctx context.Context, app *auth.App, user, id string) error
	RevokeApp(ctx context.Context, app *auth.App) (n int64, err error)
	Inspect(ctx context.Context, app *auth.App, token string) (info auth.TokenInfo, expired bool, err error)
}

// Sync is what syncs. *sync.Server is it.
type Sync interface {
	// ForceReset makes the server forget a client file: its next IDENT is refused in a way that makes the client reset. store.ErrNotFound if
	// there is no such file.
	ForceReset(ctx context.Context, app *auth.App, file uint64) error
	// Terminate makes the server forget all client files of an app, and so every client reset.
	Terminate(ctx context.Context, app *auth.App) error
	// Remove ends all connections to an app that was deleted, and removes its data. It can be called again.
	Remove(ctx context.Context, app string) error
}

// Config says what a Server works with. Logs may be nil: there are none then.
type Config struct {
	Accounts *Accounts
	Users    Users
	Configs  *appconfig.Store
	Sync     Sync
	// Deletions finishes the deletions of apps; nil: its own.
	Deletions *Deletions
	Logs      *applog.Store
	Version   string // of the program
	Now       func() time.Time
	// Logger gets a line for each request that changes something, with who did it.
	Logger *slog.Logger

	letters func(n int) string // of tests; nil: random ones
}

// Server is the HTTP handler for /api/admin/v3.0 and /api/private/v1.0. It is safe for concurrent use.
type Server struct {
	cfg Config
	log *slog.Logger
}

// New makes a server.
func New(cfg Config) (*Server, error) {
	if cfg.Accounts == nil || cfg.Users == nil || cfg.Configs == nil || cfg.Sync == nil {
		return nil, errors.New("admin: Accounts, Users, Configs and Sync are required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Deletions == nil {
		cfg.Deletions = NewDeletions(cfg.Users, cfg.Configs, cfg.Sync)
	}
	if cfg.letters == nil {
		cfg.letters = letters
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Server{cfg: cfg, log: cfg.Logger}, nil
}

// call is one request on its way.
type call struct {
	*Server

	w      http.ResponseWriter
	r      *http.Request
	id     string // names the request in logs
	params map[string]string
	admin  Admin
	app    *auth.App // of the path
	object string    // what was changed, for the audit log
	status int       // of the answer, 0: none yet
}

func (c *call) ctx() context.Context { return c.r.Context() }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{Server: s, w: w, r: r, id: w.Header().Get("X-Appservices-Request-Id")}
	if c.id == "" {
		c.id = appconfig.NewID(s.cfg.Now())
	}
	defer func() {
		if p := recover(); p != nil {
			if c.status != 0 {
				panic(p) // half an answer must not look like a whole one
			}
			s.log.Error("a handler panicked", "request", c.id, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			c.fail(errors.New("a handler panicked"))
		}
	}()
	route, err := c.route()
	limit := int64(MaxBody)
	if route != nil && route.open {
		limit = maxOpenBody
	}
	r.Body = http.MaxBytesReader(w, r.Body, limit)
	if err == nil {
		err = c.admit(route)
	}
	if err == nil {
		err = route.handle(c)
	}
	if err != nil {
		c.fail(err)
	}
	if route != nil && route.method != http.MethodGet {
		c.audit(route, err)
	}
}

// admit checks who calls, and finds the app of the path.
func (c *call) admit(route *route) (err error) {
	if !route.open {
		if c.admin, err = c.cfg.Accounts.Access(c.ctx(), c.bearer()); err != nil {
			return err
		}
	}
	group, ok := c.params["group"]
	if !ok {
		return nil
	}
	own, err := c.cfg.Users.Group(c.ctx())
	if err != nil {
		return err
	}
	if group != own {
		return refuse(http.StatusNotFound, "", "group not found")
	}
	id, ok := c.params["app"]
	if !ok {
		return nil
	}
	if c.app, err = c.cfg.Users.AppByInternalID(c.ctx(), id); err != nil {
		return err
	}
	if c.app == nil {
		return refuse(http.StatusNotFound, "", "app not found")
	}
	return nil
}

// audit writes who changed what (app-services 13.7), and who tried.
func (c *call) audit(route *route, err error) {
	attrs := []slog.Attr{slog.String("request", c.id), slog.String("admin", c.admin.Email), slog.String("method", route.method),
		slog.String("route", route.pattern), slog.Int("status", c.status), slog.String("remote", c.r.RemoteAddr)}
	if c.app != nil {
		attrs = append(attrs, slog.String("app", c.app.ID))
	}
	if c.object != "" {
		attrs = append(attrs, slog.String("object", clip(c.object)))
	}
	level := slog.LevelInfo
	if err != nil {
		level = slog.LevelWarn
		attrs = append(attrs, slog.Any("reason", err))
	}
	c.log.LogAttrs(context.WithoutCancel(c.ctx()), level, "audit", attrs...)
}

// fail answers with an error in the form of app-services 2.1.
func (c *call) fail(err error) {
	var e *apierror.Error
	var wrong *appconfig.ValidationError
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &e):
	case errors.As(err, &wrong):
		e = refuse(http.StatusBadRequest, "BadRequest", "%s", wrong.Error())
	case errors.As(err, &tooLarge):
		e = refuse(http.StatusRequestEntityTooLarge, "BadRequest", "the request's body is larger than %d bytes", tooLarge.Limit)
	default:
		c.log.Error("an admin request failed", "request", c.id, "path", clip(c.r.URL.Path), "error", err)
		e = refuse(http.StatusInternalServerError, "InternalServerError", "internal server error; the server's log has more under request %s", c.id)
		if dbfile.Full(err) {
			e = refuse(http.StatusServiceUnavailable, "InternalServerError", "the server's disk is full, and nothing was stored; try again when there is room")
		}
	}
	e.Head(c.w.Header())
	body := struct {
		Error string `json:"error"`
		Code  string `json:"error_code,omitempty"`
	}{e.Text, e.Code}
	c.write(e.Status, mustJSON(body))
}

func refuse(status int, code, format string, args ...any) *apierror.Error {
	return apierror.New(status, code, format, args...)
}

func badRequest(format string, args ...any) *apierror.Error {
	return refuse(http.StatusBadRequest, "BadRequest", format, args...)
}

// bearer returns the token of the Authorization header; "" if there is none.
func (c *call) bearer() string {
	scheme, token, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// remote is the client's address for counting attempts.
func (c *call) remote() string { return auth.RemoteOf(c.r.RemoteAddr) }

// clip bounds what is repeated of a client's text, in bytes; it cuts between characters.
func clip(s string) string { return excerpt.Of(s, 128) }
