package gateway

import (
	"context"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/whoami"
	"github.com/secondgate/secondgate/internal/report"
)

// temper is how the portal takes a question about somebody who is not signed in. Some
// replace the session, so that a form which is open in the browser is worth nothing any
// more; some remember whoami's address, and lead there after the sign-in. It is found out
// with a session that is nobody's, before any question about a visitor is put.
type temper struct {
	at time.Time
	// failed: the portal did not answer. shy: strangers must not be asked about. halted:
	// a question did harm all the same, and none is put any more.
	failed, shy, halted bool
}

// How long a rehearsal counts.
const (
	temperLife  = time.Hour
	temperRetry = time.Minute
)

// spare says why a question is better not put, "" if it may be.
func (ob *observer) spare(q audience) string {
	t := ob.known(q.basis)
	switch {
	case t.halted:
		return "questions stopped: see the portal itself"
	case t.failed:
		return "the portal did not answer a stranger"
	case t.shy && !q.signedIn && !q.convinced:
		return "not surely signed in, and the portal must not be asked about strangers"
	}
	return ""
}

// known is the portal's temper, found out anew where it is not known or long ago.
func (ob *observer) known(b *basis) temper {
	ob.rehearsing.Lock()
	defer ob.rehearsing.Unlock()
	ob.mu.Lock()
	t := ob.temper
	ob.mu.Unlock()
	life := temperLife
	if t.failed {
		life = temperRetry
	}
	if t.halted || !t.at.IsZero() && time.Since(t.at) < life {
		return t
	}
	t = ob.rehearse(b)
	t.at = time.Now()
	ob.mu.Lock()
	ob.temper = t
	ob.mu.Unlock()
	return t
}

// rehearse visits the portal as a stranger, and asks it twice about him.
func (ob *observer) rehearse(b *basis) temper {
	ctx, cancel := context.WithTimeout(ob.ctx, 2*portal.AskDeadline)
	defer cancel()
	header := strangersHeader(b.header)
	redirects := false
	fetch := func(ctx context.Context, uri string, h http.Header) (whoami.Response, error) {
		res, err := ob.g.Fetch(ctx, b.x.next, b.x.r, uri, h)
		redirects = redirects || err == nil && res.Status >= 300 && res.Status < 400
		return res, err
	}
	jar, err := ob.stranger(ctx, b, header)
	if err != nil {
		return temper{failed: true}
	}
	shy := false
	var a portal.Answer
	for range 2 {
		a = ob.g.Asker.Ask(ctx, portal.Credentials{Jar: jar, Header: header}, fetch)
		shy = shy || replaces(jar, a.Changes)
		jar = jar.Apply(a.Changes)
	}
	if ob.ctx.Err() != nil {
		return temper{failed: true}
	}
	ob.tell(a, shy, redirects)
	return temper{shy: shy || redirects}
}

// stranger gets a session from a page that strangers see.
func (ob *observer) stranger(ctx context.Context, b *basis, header http.Header) (*portal.Jar, error) {
	page := ob.g.Rules.SignInPage
	if page == "" {
		page = "/"
	}
	ctx, cancel := context.WithTimeout(ctx, portal.AskDeadline)
	defer cancel()
	res, err := ob.g.Fetch(ctx, b.x.next, b.x.r, page, header.Clone())
	if err != nil {
		return nil, err
	}
	set, err := portal.Changes(res.Header["Set-Cookie"], page, ob.g.Leave, ob.g.Clock())
	return portal.EmptyJar.Apply(set), err
}

// strangersHeader has nothing of the visitor's but what all browsers of the kind send.
func strangersHeader(question http.Header) http.Header {
	h := make(http.Header)
	for _, name := range []string{"User-Agent", "Accept", "Accept-Language", "Accept-Encoding", "Cache-Control"} {
		if v, ok := question[name]; ok {
			h[name] = v
		}
	}
	return h
}

// replaces reports whether changes take away or replace a credential of the jar's.
func replaces(jar *portal.Jar, changes []portal.Change) bool {
	for _, c := range jar.Cookies() {
		for _, ch := range changes {
			if ch.Name == c.Name && ch.Path == c.Path && ch.Value != c.Value {
				return true
			}
		}
	}
	return false
}

// tell says in log and report what the rehearsal found.
func (ob *observer) tell(a portal.Answer, shy, redirects bool) {
	say := func(text string) {
		ob.g.Book.Add(ob.g.Realm, report.Portal, text)
		ob.g.Logger.Info("mode observe: "+text, zap.String("realm", ob.g.Realm))
	}
	switch a.Kind {
	case gate.Unknown:
		say("whoami proves nothing about a stranger: " + a.Why)
	case gate.User:
		say("whoami names a user to a stranger")
	}
	switch {
	case shy:
		say("a stranger's session changes when asked: only visits that surely signed in are asked about")
	case redirects:
		say("strangers are redirected when asked: only visits that surely signed in are asked about")
	}
}

// regret stops the questions where one about somebody who was not signed in replaced his
// session although the portal is known for that.
func (ob *observer) regret(changed bool) {
	ob.mu.Lock()
	defer ob.mu.Unlock()
	if !changed || !ob.temper.shy || ob.temper.halted {
		return
	}
	ob.temper.halted = true
	const text = "a question replaced the session of somebody who was not signed in: no more are put until the configuration is loaded again"
	ob.g.Book.Add(ob.g.Realm, report.Portal, text)
	ob.g.Logger.Warn("mode observe: "+text, zap.String("realm", ob.g.Realm))
}
