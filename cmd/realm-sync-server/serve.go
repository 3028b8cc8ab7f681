package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"realmsync/server/admin"
	"realmsync/server/api"
	"realmsync/server/appconfig"
	"realmsync/server/auth"
	"realmsync/server/budget"
	"realmsync/server/rules"
	"realmsync/server/store"
	"realmsync/server/store/sqlite"
	"realmsync/server/sync"
)

type serveCommand struct {
	dataFlags
	logFlags
	appLogFlags
	memoryFlags
	opsFlags
	adminFlags
	proxyFlags
	appFileFlags
	mailFlags
	functionFlags

	Listen           []string      `default:"127.0.0.1:9090" placeholder:"HOST:PORT" help:"Address to listen on, may be repeated (default: ${default}). Port 0 picks one. localhost means both loopback addresses."`
	BaseURL          string        `name:"base-url" placeholder:"URL" help:"Public address of this server, as apps are configured with it. Needed behind a proxy or a port mapping, and with TLS if the certificate is for a name. Default: the address that the client connected to."`
	Dev              bool          `help:"Development mode: every app id exists, everybody may log in, read and write. Not for a public address."`
	KnownApps        bool          `help:"With --dev: no app is made on first contact, only by the admin API, files and app create. The test suites of the original want it."`
	ProgramDelay     time.Duration `placeholder:"TIME" help:"With --dev: what functions and the data API write reaches devices so much later (default: at once). App Services took about a second, and the original's suite of client resets counts on that."`
	FixedSchema      bool          `help:"Refuse classes and properties that clients bring (error 225), also for apps in development mode, where they are added otherwise; other changes of the schema are refused in any case."`
	Rules            string        `enum:"compatible,strict" default:"compatible" help:"Rules by which apps merge that --dev or --app makes, compatible or strict (default: ${default})."`
	CustomJWTSecret  string        `name:"custom-jwt-secret" env:"REALM_SYNC_CUSTOM_JWT_SECRET" placeholder:"SECRET" help:"With --dev: accept custom JWTs signed with this secret (HS256, at least 32 bytes). Better set in the environment ($$${env})."`
	AccessTokenLife  time.Duration `default:"30m" help:"Lifetime of access tokens (default: ${default})."`
	RefreshTokenLife time.Duration `default:"1440h" help:"Lifetime of sessions, at least 30m (default: ${default})."`
	KeyLife          time.Duration `name:"token-key-life" default:"2160h" help:"How long a key signs tokens before another is made; 0: until keys rotate. Old keys are good as long as tokens that they signed (default: ${default})."`
	DrainTimeout     time.Duration `default:"10s" help:"Longest time to finish requests after SIGTERM (default: ${default})."`
}

// Run serves until a signal.
func (c *serveCommand) Run(k *kong.Context) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	// The second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	defer lastResort(ctx, 2*c.DrainTimeout+lastResortGrace, k.Stderr, os.Exit)()
	return c.serve(ctx, k)
}

func (c *serveCommand) serve(ctx context.Context, k *kong.Context) (err error) {
	log := c.logger(k.Stderr)
	if err := c.check(); err != nil {
		return err
	}
	for _, name := range strangers(k.Model, os.Environ()) {
		log.Warn("an environment variable looks like a setting, but there is no such setting; it does nothing", "name", name)
	}
	memory := c.limitMemory(log)
	defer sqlite.LimitMemory(memory.sqlite)()
	caches := budget.New(memory.caches)
	defer caches.Close()
	turns := longWork()
	if err := makeDataDir(c.Data); err != nil {
		return err
	}
	unlock, err := lockDataDir(c.Data)
	if err != nil {
		return err
	}
	defer unlock()
	logs := c.appLogs(c.Data, log)
	defer func() { err = errors.Join(err, logs.Close()) }()
	log = slog.New(logs.Handler(log.Handler()))

	configs, err := appconfig.Open(ctx, appconfig.StoreConfig{Dir: c.Data, Check: checkConfig, Logger: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, configs.Close()) }()
	accounts, err := admin.OpenAccounts(ctx, admin.AccountsConfig{Dir: c.Data, Dev: c.Dev, Logger: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, accounts.Close()) }()
	mailer, closeMailer, err := c.mailFlags.open(log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeMailer()) }()

	var endpoint *sync.Server // nobody is revoked before it is served
	config := auth.Config{
		Dir: c.Data, Dev: c.Dev, KnownApps: c.KnownApps, DevStrict: c.Rules == "strict", AccessLife: c.AccessTokenLife, RefreshLife: c.RefreshTokenLife, KeyLife: c.KeyLife, Logger: log,
		OnRevoke: func(r auth.Revocation) { endpoint.Revoke(r) }, Configs: configs, Mailer: mailer, Group: accounts.Group(),
	}
	if c.CustomJWTSecret != "" {
		config.CustomJWTSecret = []byte(c.CustomJWTSecret)
	}
	users, err := auth.Open(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, users.Close()) }()
	defer followUsers(ctx, users, log)()

	sets := rules.NewSets(configs)
	documents, ruled, err := c.openData(users, configs, sets, turns, func() *sync.Server { return endpoint }, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, documents.Close()) }()

	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), lostLines(logs))
	live := liveRules(configs, sets, users)
	endpoint, err = sync.New(c.opsFlags.ops(memory, sync.Config{
		Auth: users, Store: c.store(exists(users)), Remove: c.remove(documents, logs), Dev: c.Dev, FixedSchema: c.FixedSchema, SpoolDir: c.Data, Registry: registry, Logger: log,
		Budget: caches, Turns: turns, Rules: live, Opened: documents.Opened, Trimming: documents.CatchUp, Committed: documents.Committed, Hold: c.hold(),
	}, configs))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, endpoint.Close()) }()
	defer followRevocations(ctx, users, log)()
	guardSchemas(configs, users, endpoint)
	deletions := admin.NewDeletions(users, configs, endpoint)
	defer followDeletions(ctx, deletions, log)()
	made := c.makes(users, deletions)
	if err := c.applyFiles(ctx, configs, made, log); err != nil { // only now: what devices have is looked at
		return err
	}
	scripts, err := c.functionFlags.open(configs, users, documents, ruled, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, scripts.Close()) }()
	live.SetFunctions(scripts)
	if len(c.Apps) > 0 { // only now: what is changed is followed
		defer c.followFiles(ctx, configs, made, log)()
	}
	administration, err := openAdmin(accounts, users, configs, endpoint, deletions, logs, log)
	if err != nil {
		return err
	}
	public := administration
	if len(c.AdminListen) > 0 {
		public = nil
	}
	handler, err := api.New(api.Config{Auth: users, BaseURL: c.BaseURL, Sync: endpoint, Stores: endpoint.Readable, Admin: public, Functions: scripts, Collections: documents, Data: documents, Registry: registry, HideMetrics: c.MetricsListen != "",
		TrustedProxies: c.prefixes(), HeaderTimeout: c.HeaderTimeout, ReadTimeout: c.RequestTimeout, MaxHeld: memory.answers, Logger: log})
	if err != nil {
		return err
	}
	listeners, err := listen("--listen", c.Listen)
	if err != nil {
		return err
	}
	// What accepts now waits in the kernel until it is served. It is said when all listeners are there: whoever waits for the line need not fear that one fails.
	var said bytes.Buffer
	out := k.Stdout
	k.Stdout = &said
	for _, l := range listeners {
		_, _ = fmt.Fprintf(&said, "listening on %s://%s\n", c.scheme(), l.Addr()) // a buffer takes everything
		if c.Dev && !loopback(l) {
			log.Warn("development mode on an address that others can reach: everybody may read and write everything", "listen", l.Addr().String())
		}
	}
	guard, err := c.opsFlags.guard(log)
	if err != nil {
		return err
	}
	defer guard.stop()
	stopAdmin, err := c.listenAdmin(k, users, administration, guard, log)
	if err != nil {
		return err
	}
	defer func() {
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.DrainTimeout)
		defer cancel()
		err = errors.Join(err, stopAdmin(drain))
	}()
	stopMetrics, err := c.listenMetrics(k, handler, registry, guard, log)
	if err != nil {
		return err
	}
	defer stopMetrics()
	stopDebug, err := c.startDebug(k, log)
	if err != nil {
		return err
	}
	defer stopDebug()
	log.Info("serving", "version", version, "data", c.Data, "dev", c.Dev)
	k.Stdout = out
	if _, err := out.Write(said.Bytes()); err != nil {
		log.Warn("standard output cannot be written", "error", err)
	}
	err = c.run(ctx, handler, endpoint, guard.before(listeners...))
	log.Info("stopped")
	return err
}

// check refuses settings that contradict themselves or would do nothing.
func (c *serveCommand) check() error {
	if !c.Dev {
		for name, given := range map[string]bool{"--program-delay": c.ProgramDelay != 0, "--known-apps": c.KnownApps} {
			if given {
				return fmt.Errorf("%s works with --dev only: without it, it would do nothing; leave it out, or add --dev", name)
			}
		}
	}
	if c.Rules == "strict" && !c.Dev && len(c.Apps) == 0 {
		return errors.New("--rules is for apps that --dev or --app makes: without either it would do nothing; make apps with app create --rules strict")
	}
	return errors.Join(c.appLogFlags.check(), c.memoryFlags.check(), c.opsFlags.check())
}

// store opens the data of an app, each in a directory of its own. App ids are names of files too (auth.ValidAppID).
func (c *serveCommand) store(exists func(ctx context.Context, app string) error) func(ctx context.Context, app string) (store.Store, error) {
	return func(ctx context.Context, app string) (store.Store, error) {
		if err := exists(ctx, app); err != nil {
			return nil, err
		}
		return sqlite.Open(ctx, filepath.Join(c.Data, "apps", app, "sync.db"))
	}
}

// run serves until the context ends. Then it accepts nothing more, sends the sync clients away, and finishes what was begun,
// within DrainTimeout.
func (c *serveCommand) run(ctx context.Context, handler *api.Server, endpoint *sync.Server, listeners []net.Listener) error {
	server := handler.HTTPServer()
	var group errgroup.Group
	serving, failed := context.WithCancelCause(ctx)
	defer failed(nil)
	for _, l := range listeners {
		group.Go(func() error {
			if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				failed(err)
				return fmt.Errorf("serving %s: %w", l.Addr(), err)
			}
			return nil
		})
	}
	<-serving.Done()
	handler.Drain()
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.DrainTimeout)
	defer cancel()
	group.Go(func() error {
		_ = endpoint.Drain(drain) // those that don't go are cut off
		return nil
	})
	if err := server.Shutdown(drain); err != nil {
		_ = server.Close() // those that have not finished by now are cut off
	}
	return group.Wait()
}

// hold is sync.Config.Hold for --program-delay.
func (c *serveCommand) hold() func(context.Context) {
	if c.ProgramDelay <= 0 {
		return nil
	}
	return func(ctx context.Context) {
		late := time.NewTimer(c.ProgramDelay)
		defer late.Stop()
		select {
		case <-late.C:
		case <-ctx.Done():
		}
	}
}
