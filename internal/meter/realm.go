package meter

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Results of a submitted code.
const (
	Passed    = "passed"
	Wrong     = "wrong"
	Malformed = "malformed"
	Throttled = "throttled"
	// Off: the authenticator's codes are off after too many wrong ones.
	Off = "off"
	// Failed: the code was not checked, for example because the store failed or another
	// tab has passed the challenge meanwhile.
	Failed = "failed"
)

// What a throttle counts wrong codes by.
const (
	ByUser    = "user"
	ByAddress = "address"
)

// Kinds of enrolments.
const (
	First       = "first"
	Replacement = "replacement"
)

// Answers of whoami.
const (
	User      = "user"
	Anonymous = "anonymous"
	Unknown   = "unknown"
)

// Upper bounds of the histograms, in seconds. The gate takes microseconds where no
// question is asked, and as long as whoami where one is.
var (
	gateBounds   = []float64{10e-6, 25e-6, 50e-6, 100e-6, 250e-6, .001, .005, .025, .1, .25, .5, 1, 2.5, 5, 15}
	whoamiBounds = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15}
)

// Realm has the metrics of one realm. A nil Realm counts nothing. It is safe for concurrent
// use. Its registry is a [prometheus.Collector].
type Realm struct {
	*prometheus.Registry

	challenges, steps, enrolments, answers, throttles, held *prometheus.CounterVec

	// Metrics of cleared requests. Their label values are fixed, so counting needs no lookup.
	dropped, pages             prometheus.Counter
	whoami, forwarded, refused prometheus.Observer
}

// discard takes the counts of nil realms. It is never exported.
var discard = New("")

func (r *Realm) orDiscard() *Realm {
	if r == nil {
		return discard
	}
	return r
}

// New returns the metrics of a realm in which nothing was counted yet.
func New(realm string) *Realm {
	r := &Realm{Registry: prometheus.NewRegistry()}
	r.challenges = r.counter(realm, "challenges_total", "Codes that were given, by factor and result.",
		label{"factor", []string{"totp", "backup", "recovery"}}, label{"result", []string{Passed, Wrong, Malformed, Throttled, Off, Failed}})
	r.steps = r.counter(realm, "totp_steps_total", "Accepted codes of authenticator apps, by their time step, relative to the server's clock.",
		label{"step", []string{"previous", "current", "next"}})
	r.enrolments = r.counter(realm, "enrolments_total", "Authenticator apps that were set up.", label{"kind", []string{First, Replacement}})
	r.answers = r.counter(realm, "answers_total", "Questions to whoami, by answer.", label{"kind", []string{User, Anonymous, Unknown}})
	r.throttles = r.counter(realm, "throttled_total", "Codes that were refused without a check because of earlier wrong ones, by what had to wait: the user or the address.",
		label{"by", []string{ByUser, ByAddress}})
	r.held = r.counter(realm, "held_total", "Requests and responses that were withheld, by reason.",
		label{"verdict", []string{"challenge", "enrol", Unknown, "guest", "upgrade", "again", "anew", "lost"}})
	r.dropped = r.counter(realm, "dropped_cookies_total", "Cookies that were not forwarded to the portal because they were not sealed.").WithLabelValues()
	r.pages = r.counter(realm, "page_views_total", "Requests of browsers for pages that were forwarded.").WithLabelValues()
	r.whoami = r.histogram("whoami_duration_seconds", "Time that questions to whoami took.", whoamiBounds, "realm").WithLabelValues(realm)
	gate := r.histogram("gate_duration_seconds", "Time that the gate took before a request was forwarded or refused, including questions to whoami, without the arrival of the body.",
		gateBounds, "realm", "outcome")
	r.forwarded, r.refused = gate.WithLabelValues(realm, "forwarded"), gate.WithLabelValues(realm, "refused")
	return r
}

// counter registers a counter with these labels and the label of the realm.
func (r *Realm) counter(realm, name, help string, labels ...label) *prometheus.CounterVec {
	c := newCounter(name, help, append([]label{{"realm", []string{realm}}}, labels...)...)
	r.MustRegister(c)
	return c.MustCurryWith(prometheus.Labels{"realm": realm})
}

func (r *Realm) histogram(name, help string, bounds []float64, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: Prefix + name, Help: help, Buckets: bounds}, labels)
	r.MustRegister(h)
	return h
}

// Challenge counts a submitted code. A factor that is not listed, as for a code that has no
// factor's shape, is counted as "other".
func (r *Realm) Challenge(factor, result string) {
	r.orDiscard().challenges.WithLabelValues(factor, result).Inc()
}

// Step counts an accepted code by its time step relative to the current one: -1, 0 or 1.
func (r *Realm) Step(offset int64) {
	step := map[int64]string{-1: "previous", 0: "current", 1: "next"}[offset]
	r.orDiscard().steps.WithLabelValues(step).Inc()
}

// Enrolment counts an authenticator that was set up: First or Replacement.
func (r *Realm) Enrolment(kind string) { r.orDiscard().enrolments.WithLabelValues(kind).Inc() }

// Answer counts the answer to a question, and how long the question took.
func (r *Realm) Answer(kind string, took time.Duration) {
	r = r.orDiscard()
	r.answers.WithLabelValues(kind).Inc()
	observe(r.whoami, took)
}

// Unnamed counts an unknown answer without a question. It is for sites that take the user
// from another authenticator: its placeholder was empty.
func (r *Realm) Unnamed() { r.orDiscard().answers.WithLabelValues(Unknown).Inc() }

// Throttle counts a code that was refused without a check: ByUser or ByAddress.
func (r *Realm) Throttle(by string) { r.orDiscard().throttles.WithLabelValues(by).Inc() }

// Held counts a request or response that the gateway withheld and answered itself.
func (r *Realm) Held(verdict string) { r.orDiscard().held.WithLabelValues(verdict).Inc() }

// Dropped counts cookies that were removed because they were not sealed.
func (r *Realm) Dropped(n int) { r.orDiscard().dropped.Add(float64(n)) }

// Page counts a forwarded request by which a browser opens a page.
func (r *Realm) Page() { r.orDiscard().pages.Inc() }

// Forward counts how long the gate took before it forwarded a request.
func (r *Realm) Forward(took time.Duration) { observe(r.orDiscard().forwarded, took) }

// Refuse counts how long the gate took before it answered a request itself.
func (r *Realm) Refuse(took time.Duration) { observe(r.orDiscard().refused, took) }

// observe counts a duration. A negative one, as after a test moved the clock, counts as 0.
func observe(h prometheus.Observer, took time.Duration) { h.Observe(max(took, 0).Seconds()) }
