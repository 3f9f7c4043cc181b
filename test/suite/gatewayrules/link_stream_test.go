package gatewayrules

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// trickle writes a page in two parts, the second when more is closed.
func trickle(w http.ResponseWriter, coding string, more <-chan struct{}, first, second string) {
	html(w)
	var to io.Writer = w
	flush := func() error { return nil }
	if coding == "gzip" {
		w.Header().Set("Content-Encoding", "gzip")
		g := gzip.NewWriter(w)
		defer g.Close()
		to, flush = g, g.Flush
	}
	_, _ = io.WriteString(to, first)
	_ = flush()
	_ = http.NewResponseController(w).Flush()
	<-more
	_, _ = io.WriteString(to, second)
}

// TestLink_Streams: the first part of a page is released before the rest has arrived.
func TestLink_Streams(t *testing.T) {
	var more chan struct{}
	h := harness.Start(t, pages(func(w http.ResponseWriter, r *http.Request) {
		trickle(w, r.FormValue("coding"), more, `<nav><ul><li>Home</ul>`+"and text\n<", "b>more</b>")
	}), aLink)
	b := signedIn(t, h)
	b.Header.Set("Accept-Encoding", "gzip")
	for _, coding := range []string{"", "gzip"} {
		t.Run("as "+coding, func(t *testing.T) {
			more = make(chan struct{})
			res, err := b.Client.Do(b.Request(http.MethodGet, "/p/?coding="+coding, nil))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			var body io.Reader = res.Body
			if coding == "gzip" {
				if body, err = gzip.NewReader(res.Body); err != nil {
					t.Fatal(err)
				}
			}
			r := bufio.NewReader(body)
			if line, err := r.ReadString('\n'); err != nil || line != `<nav><ul><li>Home</li><li>`+linked+"</li></ul>and text\n" {
				t.Errorf("%q %v", line, err)
			}
			close(more)
			if rest, err := io.ReadAll(r); err != nil || string(rest) != "<b>more</b>" {
				t.Errorf("the rest: %q %v", rest, err)
			}
		})
	}
}

// TestLink_HeldBackAtTheEnd: the kept part of a page, the beginning of a tag, is not released
// after the clearance has ended.
func TestLink_HeldBackAtTheEnd(t *testing.T) {
	more := make(chan struct{})
	h := harness.Start(t, pages(func(w http.ResponseWriter, r *http.Request) {
		trickle(w, "", more, "<p>text\n</p><p data-secret='"+harness.SecretOf("alice"), "")
	}), aLink)
	b := signedIn(t, h)
	b.Enrol()
	res, err := b.Client.Do(b.Request(http.MethodGet, "/p/", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	r := bufio.NewReader(res.Body)
	if line, err := r.ReadString('\n'); err != nil || line != "<p>text\n" {
		t.Fatalf("%q %v", line, err)
	}
	b.Clone().Get("/logout")
	close(more)
	if rest, _ := io.ReadAll(r); strings.Contains(string(rest), "data-secret") {
		t.Errorf("after the clearance ended: %q", rest)
	}
}

// TestLink_CutOff: a page that the portal did not finish does not end as if it had.
func TestLink_CutOff(t *testing.T) {
	h := harness.Start(t, pages(func(w http.ResponseWriter, r *http.Request) {
		html(w)
		w.Header().Set("Content-Length", "1000")
		fmt.Fprint(w, "<nav><ul><li>Home")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}), aLink)
	b := signedIn(t, h)
	res, err := b.Client.Do(b.Request(http.MethodGet, "/p/", nil))
	if err != nil {
		return // cut off before the headers were sent
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err == nil || strings.Contains(string(body), noLinks) {
		t.Errorf("a whole page: %q", body)
	}
}

// TestLink_Trailers: trailers follow the changed page.
func TestLink_Trailers(t *testing.T) {
	h := harness.Start(t, pages(func(w http.ResponseWriter, r *http.Request) {
		html(w)
		w.Header().Set("Trailer", "X-Sum")
		fmt.Fprint(w, menu)
		w.Header().Set("X-Sum", "42")
	}), aLink)
	if p := signedIn(t, h).Get("/p/"); p.Body != menued || p.Trailer.Get("X-Sum") != "42" {
		t.Errorf("%q %v", p.Body, p.Trailer)
	}
}
