package guard

import (
	"net/http"
	"net/url"
)

// Route is one page: its handlers for GET (and HEAD) and for POST. A POST is refused if Post
// is nil.
type Route[C any] struct {
	Get, Post func(C)
}

// Admit returns the handler for a request and, for a POST, the form; or the Denial with
// which to refuse the request. page is the route of the request's path; known is false if
// the path has none.
func Admit[C any](w http.ResponseWriter, r *http.Request, page Route[C], known, secure bool) (func(C), url.Values, *Denial) {
	switch {
	case r.Header.Get("Service-Worker") != "":
		return nil, nil, NoWorker
	case !known:
		return nil, nil, NotFound
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		return page.Get, nil, nil
	case r.Method == http.MethodPost && page.Post != nil:
		form, denied := ReadForm(w, r, secure)
		return page.Post, form, denied
	}
	allow := "GET, HEAD"
	if page.Post != nil {
		allow += ", POST"
	}
	w.Header().Set("Allow", allow)
	return nil, nil, WrongMethod
}
