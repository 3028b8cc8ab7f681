package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// redraw is how often a progress bar is drawn, at most.
const redraw = 100 * time.Millisecond

// progress is a bar on a terminal, with the number of documents. The nil progress draws nothing.
type progress struct {
	w     io.Writer
	total int64 // bytes; 0: unknown
	now   func() time.Time

	start, drawn time.Time
	wide         int
}

// newProgress returns a bar if w is a terminal.
func newProgress(w io.Writer, total int64) *progress {
	f, ok := w.(*os.File)
	if !ok {
		return nil
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	return &progress{w: w, total: total, now: time.Now}
}

// show draws the bar, unless it was drawn just now.
func (p *progress) show(done int64, documents int) {
	if p == nil {
		return
	}
	now := p.now()
	if p.start.IsZero() {
		p.start = now
	}
	if now.Sub(p.drawn) < redraw {
		return
	}
	p.drawn = now
	p.draw(done, documents, now)
}

// end draws the bar for the last time, and ends its line.
func (p *progress) end(done int64, documents int) {
	if p == nil {
		return
	}
	p.draw(done, documents, p.now())
	_, _ = fmt.Fprintln(p.w)
}

const barWidth = 30

func (p *progress) draw(done int64, documents int, now time.Time) {
	var line strings.Builder
	if p.total > 0 {
		part := min(float64(done)/float64(p.total), 1)
		full := int(part * barWidth)
		fmt.Fprintf(&line, "[%s%s] %3.0f%%  ", strings.Repeat("#", full), strings.Repeat(".", barWidth-full), 100*part)
	}
	fmt.Fprintf(&line, "%d documents", documents)
	if seconds := now.Sub(p.start).Seconds(); seconds >= 1 && !p.start.IsZero() {
		fmt.Fprintf(&line, "  %.0f/s", float64(documents)/seconds)
	}
	text := line.String()
	p.wide = max(p.wide, len(text))
	_, _ = fmt.Fprintf(p.w, "\r%-*s", p.wide, text)
}
