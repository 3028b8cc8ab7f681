package admin

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"realmsync/server/applog"
)

// The types of lines: what functions wrote, and what tells how they ended; and all else.
const (
	functionLine = "FUNCTION"
	serverLine   = "SERVER"
)

// logView is a line as App Services showed it. Messages is what its command line tools print, fields what the server's log has beside them.
type logView struct {
	ID        string          `json:"_id"`
	Request   string          `json:"co_id,omitempty"`
	User      string          `json:"user_id,omitempty"`
	Type      string          `json:"type"`
	Level     string          `json:"level"`
	Message   string          `json:"message"`
	Messages  []string        `json:"messages"`
	Error     string          `json:"error,omitempty"`
	Started   string          `json:"started"`
	Completed string          `json:"completed"`
	Fields    json.RawMessage `json:"fields"`
}

// getLogs shows what was logged about the app, the newest first, with the parameters that App Services had: errors_only=true, co_id, user_id, type, start_date
// (exclusive), end_date (inclusive), skip and limit. Where there is more, nextEndDate and nextSkip are the end_date and the skip of the next page.
func (c *call) getLogs() error {
	q, none, err := c.logQuery(c.r.URL.Query())
	if err != nil {
		return err
	}
	out := struct {
		Logs    []logView `json:"logs"`
		NextEnd string    `json:"nextEndDate,omitempty"`
		Skip    int       `json:"nextSkip,omitempty"`
	}{Logs: []logView{}}
	if c.cfg.Logs == nil || none {
		return c.json(http.StatusOK, out)
	}
	lines, more, err := c.cfg.Logs.Lines(c.ctx(), q)
	if err != nil {
		return err
	}
	for _, l := range lines {
		at := l.At.Format(time.RFC3339Nano)
		view := logView{ID: l.ID(), Request: l.Request, User: l.User, Type: serverLine, Level: l.Level.String(), Message: l.Message, Messages: []string{l.Message}, Error: l.Error, Started: at, Completed: at, Fields: l.Fields}
		if l.Function() {
			view.Type = functionLine
		}
		out.Logs = append(out.Logs, view)
	}
	if more {
		// The next page begins where this one ends, after those that were shown of that moment.
		last := lines[len(lines)-1].At
		for _, l := range lines {
			if l.At.Equal(last) {
				out.Skip++
			}
		}
		if last.Equal(q.Until) {
			out.Skip += q.Skip
		}
		out.NextEnd = last.Format(time.RFC3339Nano)
	}
	return c.json(http.StatusOK, out)
}

// logQuery reads the parameters. none: there can't be such a line.
func (c *call) logQuery(p url.Values) (q applog.Query, none bool, err error) {
	q = applog.Query{App: c.app.ID, Errors: p.Get("errors_only") == "true", Request: p.Get("co_id"), User: p.Get("user_id"), Limit: applog.MaxPage}
	if q.After, err = logTime(p, "start_date"); err != nil {
		return q, false, err
	}
	if q.Until, err = logTime(p, "end_date"); err != nil {
		return q, false, err
	}
	if q.Skip, err = logNumber(p, "skip", 0, 0, 1<<31-1); err != nil {
		return q, false, err
	}
	if q.Limit, err = logNumber(p, "limit", applog.MaxPage, 1, applog.MaxPage); err != nil {
		return q, false, err
	}
	if types := p.Get("type"); types != "" {
		functions, server := false, false
		for t := range strings.SplitSeq(types, ",") {
			functions, server = functions || strings.EqualFold(t, functionLine), server || strings.EqualFold(t, serverLine)
		}
		if functions != server {
			q.Functions = &functions
		}
		none = !functions && !server
	}
	return q, none, nil
}

func logTime(p url.Values, name string) (time.Time, error) {
	text := p.Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999-0700", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, badRequest("'%s' must be a time like 2026-01-31T23:59:59.999Z", name)
}

func logNumber(p url.Values, name string, otherwise, least, most int) (int, error) {
	text := p.Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, badRequest("'%s' must be an integer from %d to %d", name, least, most)
	}
	return n, nil
}
