package observe

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/whoami"
	"github.com/secondgate/secondgate/internal/report"
)

// A question about a visit that is not signed in has side effects at some portals. They replace
// the visit's session, which invalidates a form that is open in the browser, or they remember
// whoami's address and redirect to it after the sign-in. A probe detects this, with its own
// session, before the first question about a visitor is asked.
type probe struct {
	at time.Time
	// failed says that the portal did not answer. fragile says that questions about strangers
	// have side effects, so none is asked. halted says that a question had side effects in spite
	// of the probe, and that no further one is asked.
	failed, fragile, halted bool
}

// How long the result of a probe is used.
const (
	probeLife       = time.Hour
	failedProbeLife = time.Minute
)

// probing keeps the result of the last probe. Its mutex is held while a probe runs.
type probing struct {
	probeMu sync.Mutex
	last    probe
}

// harms returns why a question must not be asked; "" if it may be asked.
func (ob *Observer) harms(q question) string {
	p := ob.probed(q.template)
	switch {
	case p.halted:
		return "questions stopped: see the portal itself"
	case p.failed:
		return "the portal did not answer a stranger"
	case p.fragile && !q.signedIn && !q.likely:
		return "perhaps not signed in, and this portal must not be asked about strangers"
	}
	return ""
}

// probed is the result of the last probe, or of a new one where that is too old.
func (ob *Observer) probed(t *template) probe {
	ob.probeMu.Lock()
	defer ob.probeMu.Unlock()
	life := probeLife
	if ob.last.failed {
		life = failedProbeLife
	}
	if !ob.last.halted && (ob.last.at.IsZero() || time.Since(ob.last.at) >= life) {
		ob.last = ob.probe(t)
		ob.last.at = time.Now()
	}
	return ob.last
}

// probe visits the portal as a stranger, and asks it twice about the stranger's session.
func (ob *Observer) probe(t *template) probe {
	ctx, cancel := context.WithTimeout(ob.ctx, 2*portal.AskDeadline)
	defer cancel()
	header := strangersHeader(t.header)
	redirects := false
	fetch := func(ctx context.Context, uri string, h http.Header) (whoami.Response, error) {
		res, err := ob.fetcher(t)(ctx, uri, h)
		redirects = redirects || err == nil && res.Status >= 300 && res.Status < 400
		return res, err
	}
	jar, err := ob.strangersJar(ctx, t, header)
	if err != nil {
		return probe{failed: true}
	}
	replaces := false
	var a portal.Answer
	for range 2 {
		a = ob.Asker.Ask(ctx, portal.Credentials{Jar: jar, Header: header}, fetch)
		replaces = replaces || changesAny(jar, a.Changes)
		jar = jar.Apply(a.Changes)
	}
	if ob.ctx.Err() != nil {
		return probe{failed: true}
	}
	ob.reportProbe(a, replaces, redirects)
	return probe{fragile: replaces || redirects}
}

// strangersJar gets a session from a page that strangers see.
func (ob *Observer) strangersJar(ctx context.Context, t *template, header http.Header) (*portal.Jar, error) {
	page := ob.Site.Rules.SignInPage
	if page == "" {
		page = "/"
	}
	ctx, cancel := context.WithTimeout(ctx, portal.AskDeadline)
	defer cancel()
	res, err := ob.fetcher(t)(ctx, page, header.Clone())
	if err != nil {
		return nil, err
	}
	changes, err := portal.Changes(res.Header["Set-Cookie"], page, ob.CookiePolicy, ob.Clock())
	return portal.EmptyJar.Apply(changes), err
}

// strangersHeader returns the question's headers that are equal in all browsers of the kind.
func strangersHeader(question http.Header) http.Header {
	h := make(http.Header)
	for _, name := range []string{"User-Agent", "Accept", "Accept-Language", "Accept-Encoding", "Cache-Control"} {
		if v, ok := question[name]; ok {
			h[name] = v
		}
	}
	return h
}

// changesAny reports whether changes delete or replace a credential in the jar.
func changesAny(jar *portal.Jar, changes []portal.Change) bool {
	return slices.ContainsFunc(jar.Cookies(), func(c portal.Cookie) bool {
		return slices.ContainsFunc(changes, func(ch portal.Change) bool {
			return ch.Name == c.Name && ch.Path == c.Path && ch.Value != c.Value
		})
	})
}

// reportProbe writes what the probe found into report and log.
func (ob *Observer) reportProbe(a portal.Answer, replaces, redirects bool) {
	found := func(text string) {
		ob.count(report.Portal, text)
		ob.Events.Log.Info("mode observe: "+text, zap.String("realm", ob.Realm))
	}
	switch a.Kind {
	case gate.Unknown:
		found("whoami proves nothing about a stranger: " + a.Why)
	case gate.User:
		found("whoami names a user to a stranger")
	}
	switch {
	case replaces:
		found("a question changes a stranger's session, so the portal is asked only about visits that have certainly signed in")
	case redirects:
		found("whoami redirects strangers, so the portal is asked only about visits that have certainly signed in")
	}
}

// haltIf stops the questions of a fragile portal if one about a stranger replaced the
// stranger's session: the response that looked like that of a sign-in was none.
func (ob *Observer) haltIf(replaced bool) {
	ob.probeMu.Lock()
	defer ob.probeMu.Unlock()
	if !replaced || !ob.last.fragile || ob.last.halted {
		return
	}
	ob.last.halted = true
	const text = "a question replaced the session of a visitor who was not signed in: no further questions are asked until the configuration is loaded again"
	ob.count(report.Portal, text)
	ob.Events.Log.Warn("mode observe: "+text, zap.String("realm", ob.Realm))
}
