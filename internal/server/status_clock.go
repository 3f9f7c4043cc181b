package server

import (
	"fmt"
	"math"
	"time"

	"github.com/secondgate/secondgate/internal/clockdrift"
)

// ClockStatus is the state of the server's clock.
type ClockStatus struct {
	// NTP is the time source, or "". SourceUp is true if it gave a usable answer at the last
	// comparison.
	NTP      string `json:"ntp,omitempty"`
	SourceUp bool   `json:"source_up"`
	// Ahead is how many seconds the clock was ahead of the source (negative: behind) at the time
	// Compared; nil if there is no recent comparison.
	Ahead    *float64  `json:"ahead_seconds,omitempty"`
	Compared time.Time `json:"compared,omitzero"`
	// Lean is the offset estimated from customers' codes; nil while there are too few codes.
	Lean *LeanStatus `json:"lean,omitempty"`
}

// LeanStatus is a [clockdrift.Estimate] of the clock's offset from customers' codes.
type LeanStatus struct {
	// Users is the number of users with codes in the estimate. Late is how many seconds late the
	// codes are (negative: early). From and To are the bounds of the estimate's uncertainty.
	Users int     `json:"users"`
	Late  float64 `json:"late_seconds"`
	From  float64 `json:"from_seconds"`
	To    float64 `json:"to_seconds"`
	// Suspicious is true if the clock is probably wrong.
	Suspicious bool `json:"suspicious"`
}

func (e *Engine) clockStatus() ClockStatus {
	c := e.watch.clock.state()
	s := ClockStatus{NTP: c.Source, SourceUp: c.Up}
	if c.Known {
		ahead := seconds(c.Offset)
		s.Ahead, s.Compared = &ahead, c.At.UTC()
	}
	if l := e.drift.Estimate(); l.Known() {
		s.Lean = &LeanStatus{l.Users, seconds(l.Lean), seconds(l.Low), seconds(l.High), l.Alarming()}
	}
	return s
}

// clockFormat is the format of times in the texts below, in UTC.
const clockFormat = "2006-01-02 15:04"

// seconds returns d in seconds, rounded to milliseconds.
func seconds(d time.Duration) float64 { return math.Round(d.Seconds()*1000) / 1000 }

// Comparison describes the comparison with the NTP source, for the command status.
func (s ClockStatus) Comparison() string {
	switch {
	case s.NTP == "":
		return "not compared; `ntp` in the Caddyfile names a source"
	case s.Ahead == nil:
		return fmt.Sprintf("not known: %s gave no answer that can be used", s.NTP)
	case !s.SourceUp:
		return fmt.Sprintf("%s, compared %s UTC; %s does not answer since", s.ahead(), s.Compared.Format(clockFormat), s.NTP)
	}
	return fmt.Sprintf("%s (%s), compared %s UTC", s.ahead(), s.NTP, s.Compared.Format(clockFormat))
}

func (s ClockStatus) ahead() string {
	if *s.Ahead < 0 {
		return fmt.Sprintf("%.3f s behind", -*s.Ahead)
	}
	return fmt.Sprintf("%.3f s ahead", *s.Ahead)
}

// Leaning describes the estimate from customers' codes, for the command status.
func (s ClockStatus) Leaning() string {
	if s.Lean == nil {
		return fmt.Sprintf("too few to tell anything of the clock; want those of %d users within a day", clockdrift.MinUsers)
	}
	d := time.Duration(s.Lean.Late * float64(time.Second))
	text := fmt.Sprintf("%s, by %d users", clockdrift.Estimate{Lean: d}, s.Lean.Users)
	if s.Lean.Suspicious {
		return text + ": check the server's clock"
	}
	return text + ", which is no more than customers differ"
}
