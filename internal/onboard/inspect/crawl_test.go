package inspect

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/secondgate/secondgate/internal/onboard/browse"
)

// TestLinksOfTheGivenAddressAreQueued: the operator's address is worth a look, whatever its
// name and its place in the queue.
func TestLinksOfTheGivenAddressAreQueued(t *testing.T) {
	portal := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<a href="/behind` + r.URL.Path + `">more</a>`))
	}))
	t.Cleanup(portal.Close)
	given, err := url.Parse(portal.URL + "/front?x=1")
	if err != nil {
		t.Fatal(err)
	}
	in := &inspection{first: browse.New(browse.Options{}), views: []*view{{}}}
	in.setAddress(given)
	q := &queue{in: in, seen: make(map[string]bool)}
	for uri, queued := range map[string]bool{"/front?x=1": true, "/other": false} {
		q.next = nil
		if !q.visit(t.Context(), stop{place: place{uri: uri}}) {
			t.Fatalf("%s can't be read", uri)
		}
		if (len(q.next) > 0) != queued {
			t.Errorf("%s: the queue is %v", uri, q.next)
		}
	}
}
