package server

import (
	"fmt"
	"math"
	"time"

	"github.com/secondgate/secondgate/internal/clockdrift"
)

// ClockStatus is what is known of the server's clock.
type ClockStatus struct {
	// NTP is the source that it is compared with, empty for none; SourceUp whether that
	// gave an answer the last time.
	NTP      string `json:"ntp,omitempty"`
	SourceUp bool   `json:"source_up"`
	// Ahead is how far the clock is ahead of the source's, in seconds (negative: behind),
	// as it was at Compared; nil while nothing is known.
	Ahead    *float64  `json:"ahead_seconds,omitempty"`
	Compared time.Time `json:"compared,omitzero"`
	// Lean is what customers' codes say; nil while there are too few.
	Lean *LeanStatus `json:"lean,omitempty"`
}

// LeanStatus is a [clockdrift.Estimate].
type LeanStatus struct {
	// Users are those with codes that counted. Late is how late these lean in seconds
	// (negative: early), From and To where that is by chance.
	Users int     `json:"users"`
	Late  float64 `json:"late_seconds"`
	From  float64 `json:"from_seconds"`
	To    float64 `json:"to_seconds"`
	// Suspicious says that the clock should be looked at.
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

// clockFormat is how times are written beside the clock, in UTC.
const clockFormat = "2006-01-02 15:04"

// seconds are rounded to milliseconds: more is noise.
func seconds(d time.Duration) float64 { return math.Round(d.Seconds()*1000) / 1000 }

// Comparison says what the NTP source said, in words.
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

// Leaning says what customers' codes say, in words.
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
