package gateway

import (
	"net/http"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/route"
)

// respond takes a response at its headers: it takes the portal's cookies out, and
// lets the rest pass, or has it judged first.
func (x *exchange) respond(status int) {
	set, err := x.takeCookies()
	if err != nil {
		x.refuseCookies(err)
		return
	}
	after := x.jar.Apply(set)
	traits := gate.Traits{
		Before: x.before, Credentials: x.credentials, Unsafe: x.unsafe, SignIn: x.signIn,
		Overlapped: x.overlapped(), Sets: counts(set), Changes: after.Key() != x.jar.Key(),
		Redirect:    status >= 300 && status < 400 && status != http.StatusNotModified,
		WatchUnsafe: x.g.WatchUnsafe, Rotates: x.g.Rotates,
		Upgraded: x.upgrade && !x.before.MayPass() && !x.guestPath,
	}
	x.doubted = traits.Overlapped
	switch {
	case gate.Judged(traits) && x.g.Identify == nil:
		if gate.Suspect(traits) && x.visit != nil && !x.held() {
			x.settled = x.visit.queue.unsettle()
		}
		x.judge(status, set)
	case x.rw.lost():
		x.rw.dropping = true
		x.rw.pending = droppedResponse()
		x.refuseLost()
	default:
		if len(set) > 0 {
			x.jar = after
			x.changes = append(x.changes, set...)
			x.presumes = x.presumable(traits.Changes)
		}
		x.rw.pass(status)
	}
}

// takeCookies takes Set-Cookie out of the response and reads it.
func (x *exchange) takeCookies() ([]portal.Change, error) {
	h := x.rw.rw.Header()
	lines, ok := h["Set-Cookie"]
	if !ok {
		return nil, nil
	}
	delete(h, "Set-Cookie")
	return portal.Changes(lines, x.r.URL.Path, x.g.Leave, x.now)
}

// refuseCookies drops a response with cookies that can't be applied. The portal may have
// signed somebody in all the same.
func (x *exchange) refuseCookies(err error) {
	x.g.Logger.Error("response refused", zap.Error(err), zap.String("path", x.client.URL.Path))
	if x.visit != nil {
		x.visit.answers.Forget()
	}
	x.rw.dropping = true
	x.rw.pending = droppedResponse()
	x.rw.restore()
	x.status(http.StatusBadGateway)
}

// overlapped reports whether an unsafe request of the visit ran beside this one.
func (x *exchange) overlapped() bool {
	if x.visit == nil || x.held() {
		return false
	}
	started, _ := x.visit.queue.mark()
	return x.overlap || started != x.started
}

// counts reports whether any of the cookies could tell the portal who somebody is.
func counts(set []portal.Change) bool {
	for _, c := range set {
		if !c.Delete && c.Class != portal.Free {
			return true
		}
	}
	return false
}

// releaseBare lets an asset pass that was fetched as a stranger, and nothing else.
func (w *responseWriter) releaseBare(status int) {
	h := w.rw.Header()
	delete(h, "Set-Cookie")
	ok := status == http.StatusOK || status == http.StatusPartialContent
	if ok = ok && route.IsAssetType(h.Get("Content-Type")); ok || status == http.StatusNotModified {
		w.rw.WriteHeader(status)
		return
	}
	w.dropping = true
	w.pending = droppedResponse()
	w.x.refuseAsset(status)
}
