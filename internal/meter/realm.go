package meter

import "time"

// What became of a code that was given, and what held a request up.
const (
	Passed    = "passed"
	Wrong     = "wrong"
	Malformed = "malformed"
	Throttled = "throttled"
	// Off: the authenticator's codes are off after too many wrong ones.
	Off = "off"
	// Failed: nothing was found out, as when the store failed or another tab was first.
	Failed = "failed"
)

// Who a wait or stop is about.
const (
	ByUser    = "user"
	ByAddress = "address"
)

// How an authenticator came to a user.
const (
	First       = "first"
	Replacement = "replacement"
)

// What whoami answered.
const (
	User      = "user"
	Anonymous = "anonymous"
	Unknown   = "unknown"
)

// What the gate did with a request in the end.
const (
	Forwarded = "forwarded"
	Refused   = "refused"
)

// Bounds of the histograms. The gate takes microseconds where nobody is asked and as
// long as whoami where somebody is.
var (
	gateBounds = []time.Duration{
		10 * time.Microsecond, 25 * time.Microsecond, 50 * time.Microsecond, 100 * time.Microsecond, 250 * time.Microsecond,
		time.Millisecond, 5 * time.Millisecond, 25 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond,
		500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second, 15 * time.Second,
	}
	whoamiBounds = []time.Duration{
		5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
		250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 15 * time.Second,
	}
)

// Realm is what is counted in one realm. A nil Realm counts nothing. It is safe for
// concurrent use.
type Realm struct {
	challenges, steps, enrolments, answers, throttles, held, dropped, pages *Counter

	whoami, forwarded, refused *Histogram
}

// New returns a realm in which nothing was counted yet.
func New() *Realm {
	return &Realm{
		challenges: newCounter("challenges_total", "Codes that were given, by the factor and what became of them.",
			label("factor", "totp", "backup", "recovery"), label("result", Passed, Wrong, Malformed, Throttled, Off, Failed)),
		steps: newCounter("totp_steps_total", "Accepted codes of authenticator apps, by the time step that they were of, seen from the server's clock.",
			label("step", "previous", "current", "next")),
		enrolments: newCounter("enrolments_total", "Authenticator apps that were set up.", label("kind", First, Replacement)),
		answers:    newCounter("answers_total", "Questions put to whoami, by what they showed.", label("kind", User, Anonymous, Unknown)),
		throttles:  newCounter("throttled_total", "Codes that were not looked at because of earlier wrong ones, by whose they were.", label("by", ByUser, ByAddress)),
		held: newCounter("held_total", "Requests and responses that were held at the gate, by what was missing.",
			label("verdict", "challenge", "enrol", Unknown, "guest", "upgrade", "again", "anew", "lost")),
		dropped:   newCounter("dropped_cookies_total", "Cookies that the portal did not get to see because nobody had sealed them."),
		pages:     newCounter("page_views_total", "Pages that browsers asked to be shown and that were forwarded."),
		whoami:    newHistogram(whoamiBounds),
		forwarded: newHistogram(gateBounds), refused: newHistogram(gateBounds),
	}
}

// Counters are all of the realm's.
func (r *Realm) Counters() []*Counter {
	return []*Counter{r.challenges, r.steps, r.enrolments, r.answers, r.throttles, r.held, r.dropped, r.pages}
}

// Whoami is how long questions took; Gate how long the gate took before a request was
// forwarded, or refused.
func (r *Realm) Whoami() *Histogram { return r.whoami }

// Gate returns the histogram of one outcome: Forwarded or Refused.
func (r *Realm) Gate(outcome string) *Histogram {
	if outcome == Forwarded {
		return r.forwarded
	}
	return r.refused
}

// Challenge counts a code that was given. An unknown factor is one whose kind the
// code's shape did not tell.
func (r *Realm) Challenge(factor, result string) {
	if r != nil {
		r.challenges.add(1, factor, result)
	}
}

// Step counts an accepted code by its step, seen from the present one: -1, 0 or 1.
func (r *Realm) Step(offset int64) {
	if r == nil {
		return
	}
	names := [...]string{"previous", "current", "next"}
	name := other
	if i := offset + 1; i >= 0 && i < int64(len(names)) {
		name = names[i]
	}
	r.steps.add(1, name)
}

// Enrolment counts an authenticator that was set up: First or Replacement.
func (r *Realm) Enrolment(kind string) {
	if r != nil {
		r.enrolments.add(1, kind)
	}
}

// Answer counts what a question showed, and how long it took.
func (r *Realm) Answer(kind string, took time.Duration) {
	if r == nil {
		return
	}
	r.answers.add(1, kind)
	r.whoami.observe(took)
}

// Unnamed counts an unknown answer for which nobody was asked: another authenticator
// had found nobody.
func (r *Realm) Unnamed() {
	if r != nil {
		r.answers.add(1, Unknown)
	}
}

// Throttle counts a code that was not looked at: ByUser or ByAddress.
func (r *Realm) Throttle(by string) {
	if r != nil {
		r.throttles.add(1, by)
	}
}

// Held counts a request or response that was held at the gate.
func (r *Realm) Held(verdict string) {
	if r != nil {
		r.held.add(1, verdict)
	}
}

// Dropped counts cookies that were not sealed.
func (r *Realm) Dropped(n int) {
	if r != nil && n > 0 {
		r.dropped.add(uint64(n))
	}
}

// Page counts a page that a browser asked to be shown.
func (r *Realm) Page() {
	if r != nil {
		r.pages.n[0].Add(1)
	}
}

// Forward and Refuse count how long the gate took over one request.
func (r *Realm) Forward(took time.Duration) {
	if r != nil {
		r.forwarded.observe(took)
	}
}

// Refuse is Forward for a request that did not reach the portal.
func (r *Realm) Refuse(took time.Duration) {
	if r != nil {
		r.refused.observe(took)
	}
}
