package main

import (
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"realmsync/server/applog"
)

// logFlags are the flags of commands that log.
type logFlags struct {
	LogLevel  string `default:"info" enum:"debug,info,warn,error" help:"Least level that is logged: ${enum}."`
	LogFormat string `default:"text" enum:"text,json" help:"Form of log lines: ${enum}."`
}

// logger writes to w, which is standard error: standard output is for what programs read.
func (f logFlags) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(f.LogLevel)) // one of the enum
	options := &slog.HandlerOptions{Level: level}
	if f.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// appLogFlags are about the lines of apps that the admin API shows.
type appLogFlags struct {
	LogKeep  time.Duration `default:"240h" help:"How long the admin API has the log lines of an app (default: ${default}); 0: it has none, and those there are are deleted."`
	LogLines int           `default:"100000" help:"Most log lines that the admin API has of one app (default: ${default}), fewer when there are more than a million of all apps; 0: as --log-keep 0."`
}

func (f appLogFlags) check() error {
	if f.LogKeep < 0 || f.LogLines < 0 {
		return errors.New("--log-keep and --log-lines can't be negative; 0 keeps nothing")
	}
	return nil
}

// appLogs keeps the lines of apps in the data directory. log is told of what is wrong with that. Close it last.
func (f appLogFlags) appLogs(data string, log *slog.Logger) *applog.Store {
	return applog.Open(applog.Config{Dir: data, Keep: f.LogKeep, Lines: f.LogLines, Logger: log})
}

func lostLines(logs *applog.Store) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "realm_app_log_lines_lost_total", Help: "Log lines of apps that the admin API doesn't have: they came too fast, or could not be written.",
	}, func() float64 { return float64(logs.Lost()) })
}
