package gateway

import (
	"net/http"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/insert"
	"github.com/secondgate/secondgate/internal/portal/route"
)

// Insertions are what is put into the portal's own pages.
type Insertions struct {
	// Links are for users who are signed in.
	Links []insert.Piece
	// Script is the address of a script for everybody; empty for none.
	Script string
}

// insertion is what may be put into the response to one request.
type insertion struct {
	links, script bool
	// gzip: the browser takes it.
	gzip bool
}

// expectPage finds out, before the portal is reached, whether the request may bring a
// page that something is put into, and has the portal send it whole and readable.
func (x *exchange) expectPage() {
	in := x.g.Insertions
	if x.stream || x.unsafe || !safeMethod(x.r.Method) || !x.showsPage() || route.IsAsset(x.r.Method, x.r.URL, false) {
		return
	}
	x.into.links = len(in.Links) > 0 && x.before.Answer == gate.User
	x.into.script = in.Script != ""
	if x.into.links || x.into.script {
		x.into.gzip = insert.Prepare(x.r.Header)
	}
}

// showsPage reports whether a browser asks for a page to be shown in a window of its own,
// from its beginning.
func (x *exchange) showsPage() bool {
	dest := first(x.r.Header, "Sec-Fetch-Dest")
	return x.navigation() && (dest == "" || dest == "document") && x.r.Header["Range"] == nil
}

// begin sends status and headers to the client, and has what follows go through an
// insertion where there is something to insert.
func (w *responseWriter) begin(status int) {
	if w.x.into.links || w.x.into.script {
		w.intoPage(status)
	}
	w.rw.WriteHeader(status)
}

func (w *responseWriter) intoPage(status int) {
	h := w.rw.Header()
	if status != http.StatusOK || !insert.Fits(h) {
		return
	}
	pieces := w.x.pieces(h)
	if len(pieces) == 0 {
		return
	}
	coding := insert.Change(h, w.x.into.gzip)
	if w.x.r.Method == http.MethodGet {
		w.inserting = insert.New(w.rw, coding, pieces)
	}
}

// pieces are what belongs into a response with this header.
func (x *exchange) pieces(h http.Header) (pieces []insert.Piece) {
	if x.into.script {
		pieces = append(pieces, insert.Script(x.g.Insertions.Script, insert.Nonce(h)))
	}
	if x.into.links && !insert.Shared(h) {
		pieces = append(pieces, x.g.Insertions.Links...)
	}
	return pieces
}

// send writes what may go to the client.
func (w *responseWriter) send(p []byte) (int, error) {
	if w.inserting != nil {
		return w.inserting.Write(p)
	}
	return w.rw.Write(p)
}

func (w *responseWriter) flushSent() error {
	if w.inserting != nil {
		if err := w.inserting.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(w.rw).Flush()
}

// endPage ends an insertion. What it still holds of a page goes out only if the page came
// to its end, and if what it stood on is still there.
func (w *responseWriter) endPage(whole bool) {
	s := w.inserting
	if s == nil {
		return
	}
	if !whole || w.lost() {
		s.Abort()
		return
	}
	err := s.Close()
	if s.Panicked != nil {
		w.x.g.Logger.Error("a page could not be read for its insertions", zap.Any("panic", s.Panicked))
	}
	if err != nil {
		w.x.g.Logger.Warn("a page went out incomplete", zap.Error(err), zap.String("path", w.x.client.URL.Path))
	}
	for _, why := range s.Missed() {
		if n, worth := w.x.g.missed.add(why); worth {
			w.x.g.Logger.Info("nothing was inserted into a page", zap.String("reason", why),
				zap.String("path", w.x.client.URL.Path), zap.Uint64("count", n))
		}
	}
}
