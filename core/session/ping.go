package session

import (
	"time"

	"realmsync/core/wire"
)

// pinger decides when a connection sends PING and how long it waits for PONG (wire-protocol 3.8, 10.1).
type pinger struct {
	epoch time.Time     // what timestamps count from
	rtt   time.Duration // last round trip

	at    time.Time // when the next ping is due; zero while one is outstanding
	due   bool      // it is to be sent now
	sent  time.Time
	stamp int64
	waits bool // for the answer to stamp
	by    time.Time
}

// start begins with a connection: the first ping comes after a random part of the period.
func (p *pinger) start(now time.Time, t Timings, random float64) {
	if p.epoch.IsZero() {
		p.epoch = now
	}
	*p = pinger{epoch: p.epoch, rtt: p.rtt}
	p.at = now.Add(time.Duration(random * float64(t.PingPeriod)))
}

// tick lets a ping become due.
func (p *pinger) tick(now time.Time, t Timings) {
	if !p.at.IsZero() && !now.Before(p.at) {
		p.by = p.at.Add(t.PongTimeout)
		p.at, p.due = time.Time{}, true
	}
}

// urgent sends a ping now, unless one is under way.
func (p *pinger) urgent(now time.Time, t Timings) {
	if !p.waits && !p.due {
		p.at = now
		p.tick(now, t)
	}
}

// message returns the ping that is due.
func (p *pinger) message(now time.Time) []byte {
	p.due, p.waits, p.sent = false, true, now
	p.stamp = now.Sub(p.epoch).Milliseconds()
	m := wire.Ping{Timestamp: p.stamp, RTT: p.rtt.Milliseconds()}
	msg, _ := m.Append(nil) // two small numbers: nothing to refuse
	return msg
}

// pong takes an answer and tells whether it is the one.
func (p *pinger) pong(stamp int64, now time.Time, t Timings, random float64) bool {
	if !p.waits || stamp != p.stamp {
		return false
	}
	p.rtt = now.Sub(p.sent)
	p.waits, p.by = false, time.Time{}
	period := t.PingPeriod - time.Duration(random*float64(t.PingPeriod)/10)
	p.at = now.Add(max(period-p.rtt, 0))
	return true
}

// late tells whether the answer hasn't come in time.
func (p *pinger) late(now time.Time) bool { return !p.by.IsZero() && !now.Before(p.by) }

// extend gives an outstanding answer its whole time again.
func (p *pinger) extend(now time.Time, t Timings) {
	if !p.by.IsZero() {
		p.by = now.Add(t.PongTimeout)
	}
}

// deadline is when something is to be done. deaf: nothing is read, so no answer can be missed.
func (p *pinger) deadline(deaf bool) time.Time {
	if deaf && p.at.IsZero() {
		return time.Time{}
	}
	if p.at.IsZero() {
		return p.by
	}
	return p.at
}
