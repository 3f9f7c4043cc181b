package portal

import "net/http"

// Unshareable makes a response to which a cookie is added one that no shared cache keeps.
func Unshareable(h http.Header) {
	h["Cache-Control"] = []string{"private, no-cache"}
	for _, name := range []string{"Expires", "Pragma", "Cdn-Cache-Control", "Surrogate-Control"} {
		delete(h, name)
	}
}
