package gateway

import (
	"net/http"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/gateway/request"
	"github.com/secondgate/secondgate/internal/gateway/response"
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
	// expected says that the response may be a page that something is inserted into.
	expected bool
	// gzip says that the browser accepts gzip.
	gzip bool
}

// expectPage decides, before the portal is asked, whether something may be inserted into the
// response. If so, it changes the request's header so that the portal sends the page whole and in
// a coding that can be read. Questions carry that header, too, so the pins are derived anew.
func (x *exchange) expectPage() {
	in, f := x.g.Insertions, &x.facts
	if in == nil || f.Stream || f.Unsafe || !request.SafeMethod(f.R.Method) || !f.ShowsPage() || route.IsAsset(f.R.Method, f.R.URL, false) {
		return
	}
	if in.Script == "" && (len(in.Links) == 0 || !x.seenSignedIn()) {
		return
	}
	x.into = insertion{expected: true, gzip: insert.Prepare(f.R.Header)}
	f.Pins, _ = f.PinsOf(f.R)
}

// seenSignedIn reports whether the visit was signed in by the last answer. expectPage can't use
// the present one: it changes the header that the question carries.
func (x *exchange) seenSignedIn() bool {
	return x.g.Identify != nil || x.live() || x.visit != nil && x.visit.SignedIn.Load() != nil
}

// page returns what the response's Writer needs for insertions; see [response.Page].
func (x *exchange) page() response.Page {
	if !x.into.expected || x.kind != gated {
		return response.Page{}
	}
	x.links = x.before.Answer == gate.User
	return response.Page{
		Pieces: x.pieces, Gzip: x.into.gzip, Body: x.facts.R.Method == http.MethodGet,
		Ended: func(panicked any, err error, missed []string) {
			path := x.facts.Client.URL.Path
			if panicked != nil {
				x.g.events.Panicked("inserting into a page panicked", panicked)
			}
			if err != nil {
				x.g.events.PageIncomplete(err, path)
			}
			x.g.events.NotInserted(missed, path)
		},
	}
}

// pieces returns what is inserted into a response with this header.
func (x *exchange) pieces(h http.Header) (pieces []insert.Piece) {
	in := x.g.Insertions
	if in.Script != "" {
		pieces = append(pieces, insert.Script(in.Script, insert.Nonce(h)))
	}
	if x.links && !insert.Shared(h) {
		pieces = append(pieces, in.Links...)
	}
	return pieces
}
