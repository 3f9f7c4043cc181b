package response

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/gateway/spool"
)

// TestPassed: a response that need not be checked goes on byte for byte.
func TestPassed(t *testing.T) {
	x := &exchange{mode: Passed}
	w, c := begin(x, false)
	w.Header().Set("X-Portal", "1")
	w.WriteHeader(http.StatusTeapot)
	_, _ = io.WriteString(w, "page")
	if c.Code != http.StatusTeapot || c.read() != "page" || c.Header().Get("X-Portal") != "1" || w.kept != nil {
		t.Errorf("%d %q, kept %v", c.Code, c.read(), w.kept != nil)
	}
	w.Finish(true)
	wantCalls(t, x, "arrived", "release", "over")
}

// TestKept: a checked response is kept until the portal has ended it: nothing of it leaves
// before, and the exchange is over before the body is written.
func TestKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &exchange{mode: Kept}
		w, c := begin(x, false)
		w.Header().Set("X-Portal", "1")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusCreated)
		w.WriteHeader(http.StatusOK)
		for range 3 {
			_, _ = io.WriteString(w, "part ")
			if err := w.FlushError(); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(quick.Portion - time.Millisecond)
		synctest.Wait()
		if c.got() {
			t.Errorf("before the end %d %q has left", c.Code, c.read())
		}
		x.check = func(final bool) gate.Action {
			if body, whole := w.Body(); string(body) != "part part part " || !whole || !final || w.Status() != http.StatusCreated || c.got() {
				t.Errorf("checked with %q, whole %v, final %v, status %d", body, whole, final, w.Status())
			}
			return gate.Forward
		}
		w.Finish(true)
		if c.Code != http.StatusCreated || c.read() != "part part part " || c.Header().Get("X-Portal") != "1" {
			t.Errorf("%d %q", c.Code, c.read())
		}
		wantCalls(t, x, "arrived", "check end", "release", "over")
		w.Finish(true)
		wantCalls(t, x, "arrived", "check end", "release", "over")
	})
}

// TestKept_HeadersOnly: a response without a body is checked at its end, too.
func TestKept_HeadersOnly(t *testing.T) {
	x := &exchange{mode: Kept}
	w, c := begin(x, false)
	w.WriteHeader(http.StatusNoContent)
	w.Finish(true)
	wantCalls(t, x, "arrived", "check end", "release", "over")
	if c.Code != http.StatusNoContent {
		t.Error(c.Code)
	}
}

// TestWithheld: of a response that is withheld before anything was released, nothing
// reaches the client: status, headers, cookies, body, trailers. The request behind ends.
func TestWithheld(t *testing.T) {
	for _, a := range []gate.Action{gate.Refuse, gate.Challenge, gate.Enrol, gate.Retry} {
		x := &exchange{mode: Kept, check: func(bool) gate.Action { return a }}
		budget := spool.NewBudget()
		c := newClient()
		c.Header().Set("Server", "Caddy")
		x.w = New(x, c, quick, budget, "192.0.2.1")
		w := x.w
		w.Header().Set("X-Portal", "secret")
		w.Header().Set("Server", "portal")
		w.Header().Set("Trailer", "X-Announced")
		_, _ = io.WriteString(w, "secret")
		w.Header().Set("X-Announced", "secret")
		w.Header().Set(http.TrailerPrefix+"X-Late", "secret")
		w.Finish(true)
		if _, err := io.WriteString(w, "secret"); !errors.Is(err, ErrWithheld) {
			t.Errorf("written on: %v", err)
		}
		if err := w.FlushError(); !errors.Is(err, ErrWithheld) {
			t.Errorf("flushed: %v", err)
		}
		w.Header().Set(http.TrailerPrefix+"X-Later", "secret")
		var all strings.Builder
		_ = c.Header().Write(&all)
		if c.Code != http.StatusUnauthorized || c.read() != "withheld" || strings.Contains(all.String(), "secret") {
			t.Errorf("%d %q %s", c.Code, c.read(), all.String())
		}
		if c.Header().Get("Server") != "Caddy" {
			t.Error("the header from before the portal is gone")
		}
		wantCalls(t, x, "arrived", "check end", "over", "withhold", "cancel")
		if !w.Dropping() || w.Aborted() {
			t.Errorf("dropping %v, aborted %v", w.Dropping(), w.Aborted())
		}
	}
}

// TestWithheld_Lost: a response is withheld if the facts that its check relied on have changed,
// although the check itself says forward.
func TestWithheld_Lost(t *testing.T) {
	x := &exchange{mode: Kept}
	x.check = func(bool) gate.Action { x.set(func() { x.lost = true }); return gate.Forward }
	w, c := begin(x, false)
	_, _ = io.WriteString(w, "secret")
	w.Finish(true)
	if c.read() != "withheld" {
		t.Errorf("%q", c.read())
	}
}

// TestDropped: the exchange wrote another response at the headers already.
func TestDropped(t *testing.T) {
	x := &exchange{mode: Dropped}
	w, c := begin(x, false)
	w.Header().Set("X-Portal", "1")
	if _, err := io.WriteString(w, "secret"); !errors.Is(err, ErrWithheld) {
		t.Errorf("%v", err)
	}
	w.Finish(true)
	if c.read() != "" {
		t.Errorf("%q", c.read())
	}
	wantCalls(t, x, "arrived")
}

// TestPortion_Interval: a response that goes on for long leaves in portions, each after a
// question that began later than the portion's last byte.
func TestPortion_Interval(t *testing.T) {
	for contentType, interval := range map[string]time.Duration{
		"text/html": quick.Portion, "text/event-stream": quick.Stream, "text/event-stream; charset=utf-8": quick.Stream,
	} {
		synctest.Test(t, func(t *testing.T) {
			x := &exchange{mode: Kept}
			w, c := begin(x, false)
			w.Header().Set("Content-Type", contentType)
			_, _ = io.WriteString(w, "one ")
			time.Sleep(interval - 1)
			synctest.Wait()
			if c.got() {
				t.Errorf("%s: %q has left early", contentType, c.read())
			}
			asked, answer := make(chan struct{}), make(chan struct{})
			x.set(func() { x.check = func(bool) gate.Action { close(asked); <-answer; return gate.Forward } })
			<-asked
			_, _ = io.WriteString(w, "two ") // later than the question
			close(answer)
			synctest.Wait()
			if got := c.read(); got != "one " || !c.Flushed {
				t.Errorf("%s: %q has left, flushed %v", contentType, got, c.Flushed)
			}
			x.set(func() { x.check = nil })
			time.Sleep(interval)
			synctest.Wait()
			if got := c.read(); got != "one two " {
				t.Errorf("%s: %q has left", contentType, got)
			}
			// Nothing new: nothing is asked.
			time.Sleep(10 * interval)
			synctest.Wait()
			w.Finish(true)
			if x.count("check portion") != 2 || x.count("check end") != 0 || x.count("release") != 1 {
				t.Errorf("%s: %q", contentType, x.calls)
			}
		})
	}
}

// TestKeptWhole: the response of a request that may sign in is kept until its end, however
// long that takes; event streams and what is too long leave in portions all the same.
func TestKeptWhole(t *testing.T) {
	for name, tt := range map[string]struct {
		contentType string
		size        int
		portions    bool
	}{
		"page": {"text/html", 1000, false}, "events": {"text/event-stream", 1000, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			x := &exchange{mode: KeptWhole}
			w, c := begin(x, true)
			w.Header().Set("Content-Type", tt.contentType)
			page := strings.Repeat("x", tt.size)
			_, _ = io.WriteString(w, page)
			time.Sleep(time.Hour)
			synctest.Wait()
			if c.got() != tt.portions || (x.count("check portion") > 0) != tt.portions {
				t.Errorf("%s: left %v, %q", name, c.got(), x.calls)
			}
			w.Finish(true)
			if c.read() != page {
				t.Errorf("%s: %d bytes", name, len(c.read()))
			}
		})
	}
}

// TestKeptWhole_NoRoom: where it can't be kept whole, it is refused: a part would leave
// before the portal has committed.
func TestKeptWhole_NoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &exchange{mode: KeptWhole}
		w, c := begin(x, true)
		w.Header().Set("Content-Type", "text/html")
		if _, err := io.WriteString(w, strings.Repeat("x", 100<<10)); !errors.Is(err, ErrWithheld) {
			t.Errorf("write: %v", err)
		}
		time.Sleep(time.Hour)
		w.Finish(true)
		if c.read() != "withheld" || x.count("check portion") != 0 || x.count("no room") != 1 {
			t.Errorf("%.40q, %q", c.read(), x.calls)
		}
	})
}

// TestPortion_HeadersOfStream: the headers of a stream without events leave after a check.
func TestPortion_HeadersOfStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &exchange{mode: Kept}
		w, c := begin(x, false)
		w.Header().Set("Content-Type", "text/event-stream")
		_ = w.FlushError()
		time.Sleep(quick.Stream)
		synctest.Wait()
		if !c.got() || x.count("check portion") != 1 {
			t.Errorf("%v, %q", c.got(), x.calls)
		}
		w.Finish(true)
	})
}

// TestPortion_TinyBudget: 64 KiB are always kept. What goes beyond leaves in portions, as
// soon as the room is used up, and all of it arrives in order.
func TestPortion_TinyBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &exchange{mode: Kept}
		w, c := begin(x, true)
		page := bytes.Repeat([]byte("0123456789abcdef"), 64<<10/16)
		if n, err := w.Write(page); n != len(page) || err != nil {
			t.Fatal(n, err)
		}
		synctest.Wait()
		if c.got() || x.count("check portion") != 0 {
			t.Errorf("64 KiB were not kept: %q", x.calls)
		}
		began := time.Now()
		for range 5 {
			if n, err := w.Write(page); n != len(page) || err != nil {
				t.Fatal(n, err)
			}
		}
		w.Finish(true)
		if waited := time.Since(began); waited > 0 {
			t.Errorf("the handler waited %v for room", waited)
		}
		if got := c.read(); got != strings.Repeat(string(page), 6) {
			t.Errorf("%d bytes arrived, want %d in order", len(got), 6*len(page))
		}
		if n := x.count("check portion"); n < 5 || x.count("check end") != 1 {
			t.Errorf("%d portions", n)
		}
	})
}

// TestPortion_NeverBeyondTheQuestion: whatever the handler writes while a portion is
// checked, no byte leaves that was written after its question began.
func TestPortion_NeverBeyondTheQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &exchange{mode: Kept}
		w, c := begin(x, true)
		var mu sync.Mutex
		written, allowed := 0, 0
		x.check = func(bool) gate.Action {
			mu.Lock()
			until := written
			mu.Unlock()
			time.Sleep(30 * time.Millisecond)
			mu.Lock()
			allowed = until
			mu.Unlock()
			return gate.Forward
		}
		for range 300 {
			n, err := w.Write(make([]byte, 1000))
			if err != nil {
				t.Fatal(err)
			}
			mu.Lock()
			written += n
			mu.Unlock()
			time.Sleep(time.Millisecond)
			mu.Lock()
			// A Write that waits for room has a part of its bytes kept before the question.
			if got := len(c.read()); got > allowed+1000 {
				t.Fatalf("%d bytes have left, %d were asked about", got, allowed)
			}
			mu.Unlock()
		}
		w.Finish(true)
		if len(c.read()) != 300*1000 {
			t.Errorf("%d bytes arrived", len(c.read()))
		}
	})
}

// TestPortion_Withheld: what follows a released portion is withheld; the client must see
// that the response was cut off. Before the release, it gets another response instead.
func TestPortion_Withheld(t *testing.T) {
	for _, after := range []int{0, 1} {
		synctest.Test(t, func(t *testing.T) {
			x := &exchange{mode: Kept}
			checked := 0
			x.check = func(bool) gate.Action {
				if checked++; checked > after {
					return gate.Challenge
				}
				return gate.Forward
			}
			w, c := begin(x, false)
			_, _ = io.WriteString(w, "one ")
			time.Sleep(quick.Portion)
			synctest.Wait()
			_, err := io.WriteString(w, "secret")
			if (err != nil) != (after == 0) {
				t.Errorf("after %d portions: %v", after, err)
			}
			time.Sleep(quick.Portion)
			synctest.Wait()
			if _, err := io.WriteString(w, "secret"); !errors.Is(err, ErrWithheld) {
				t.Errorf("after %d portions, written on: %v", after, err)
			}
			w.Finish(true)
			want := "withheld"
			if after == 1 {
				want = "one "
			}
			if c.read() != want || w.Aborted() != (after == 1) || !w.Dropping() || x.count("cancel") != 1 || x.count("withhold") != 1-after {
				t.Errorf("after %d portions: %q, aborted %v, %q", after, c.read(), w.Aborted(), x.calls)
			}
		})
	}
}

// TestPortion_Lost: a portion is withheld if the ground is lost while it is asked about.
func TestPortion_Lost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &exchange{mode: Kept}
		x.check = func(bool) gate.Action { x.set(func() { x.lost = true }); return gate.Forward }
		w, c := begin(x, false)
		_, _ = io.WriteString(w, "secret")
		time.Sleep(quick.Portion)
		synctest.Wait()
		if c.read() != "withheld" {
			t.Errorf("%q", c.read())
		}
		w.Finish(true)
	})
}

// TestFinish_BesideTheCheck: the end waits for the check of a portion that runs, and both
// count. After Finish nothing is written to the client.
func TestFinish_BesideTheCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &exchange{mode: Kept}
		answer := make(chan gate.Action)
		x.check = func(final bool) gate.Action {
			if final {
				return gate.Forward
			}
			return <-answer
		}
		w, c := begin(x, false)
		_, _ = io.WriteString(w, "secret")
		time.Sleep(quick.Portion)
		synctest.Wait()
		go func() { time.Sleep(time.Second); answer <- gate.Challenge }()
		w.Finish(true)
		if c.read() != "withheld" || x.count("check end") != 0 {
			t.Errorf("%q, %q", c.read(), x.calls)
		}
		time.Sleep(time.Minute)
		if c.read() != "withheld" {
			t.Errorf("%q after the end", c.read())
		}
	})
}

// TestHeader_AfterWriteHeader: a handler that changes the header map after WriteHeader does
// not change what is sent.
func TestHeader_AfterWriteHeader(t *testing.T) {
	x := &exchange{mode: Kept}
	w, c := begin(x, false)
	h := w.Header()
	h.Set("X-Portal", "1")
	w.WriteHeader(http.StatusOK)
	h.Set("X-Portal", "2")
	h.Set("X-Late", "late")
	w.Header().Set("X-Later", "late")
	w.Finish(true)
	if got := c.Result().Header; got.Get("X-Portal") != "1" || len(got) != 1 {
		t.Errorf("sent %v", got)
	}
}

// TestPortion_WithheldAtTheEnd: the end of a response that was released in part is checked,
// and can be cut off.
func TestPortion_WithheldAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &exchange{mode: Kept, mustCheck: true}
		w, c := begin(x, false)
		_, _ = io.WriteString(w, "one ")
		time.Sleep(quick.Portion)
		synctest.Wait()
		x.set(func() { x.check = func(bool) gate.Action { return gate.Refuse } })
		w.Finish(true)
		if c.read() != "one " || !w.Aborted() || x.count("check end") != 1 {
			t.Errorf("%q, aborted %v, %q", c.read(), w.Aborted(), x.calls)
		}
	})
}

// TestPortion_FullBesideTheCheck: the handler is read on while a portion is checked, and
// goes on waiting where the room is used up meanwhile.
func TestPortion_FullBesideTheCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &exchange{mode: Kept}
		answer := make(chan struct{})
		x.check = func(bool) gate.Action { <-answer; return gate.Forward }
		w, c := begin(x, true)
		done := make(chan struct{})
		page := bytes.Repeat([]byte("x"), 200<<10)
		go func() {
			defer close(done)
			if n, err := w.Write(page); n != len(page) || err != nil {
				t.Error(n, err)
			}
			w.Finish(true)
		}()
		for {
			synctest.Wait()
			select {
			case <-done:
				if len(c.read()) != len(page) {
					t.Errorf("%d bytes", len(c.read()))
				}
				return
			case answer <- struct{}{}:
			}
		}
	})
}

// TestAttack_H2_ReadOnWhileChecked: a portal holds the session's lock until its response
// was read, and whoami waits for that lock. The response is longer than memory and is read
// to its end although the check of its first portion has not returned (design rule G2).
func TestAttack_H2_ReadOnWhileChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &exchange{mode: Kept}
		locked := make(chan struct{})
		x.check = func(bool) gate.Action { <-locked; return gate.Forward }
		w, c := begin(x, false)
		page := bytes.Repeat([]byte("0123456789abcdef"), 4<<20/16)
		for i := 0; i < len(page); i += 64 << 10 {
			if _, err := w.Write(page[i : i+64<<10]); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second) // 64 s: portions come due meanwhile
		}
		if c.got() {
			t.Errorf("%d bytes have left", len(c.read()))
		}
		close(locked) // the script ended: its session is free
		w.Finish(true)
		if c.read() != string(page) {
			t.Errorf("%d bytes arrived", len(c.read()))
		}
	})
}

// TestUnsettled_PassesAfterwards: a response that is kept only because the visit is
// unsettled is checked once that is over, and then passes.
func TestUnsettled_PassesAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &exchange{mode: KeptUnsettled, unsettled: true, unproven: true}
		w, c := begin(x, false)
		_, _ = io.WriteString(w, "one ")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if c.got() || x.count("check portion") != 0 {
			t.Errorf("while unsettled: %q, %q", c.read(), x.calls)
		}
		x.set(func() { x.unsettled = false })
		time.Sleep(quick.Poll)
		synctest.Wait()
		if c.read() != "one " || x.count("check portion") != 1 {
			t.Errorf("settled: %q, %q", c.read(), x.calls)
		}
		for range 5 {
			_, _ = io.WriteString(w, "more ")
		}
		if c.read() != "one "+strings.Repeat("more ", 5) {
			t.Errorf("passing: %q", c.read())
		}
		time.Sleep(time.Minute)
		w.Finish(true)
		if x.count("check portion") != 1 || x.count("check end") != 0 {
			t.Errorf("passing is not checked: %q", x.calls)
		}
	})
}

// TestUnsettled_StaysForLong: in a visit that stays unsettled, portions leave all the same.
func TestUnsettled_StaysForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &exchange{mode: KeptUnsettled, unsettled: true}
		w, c := begin(x, false)
		_, _ = io.WriteString(w, "one ")
		time.Sleep(quick.Portion + quick.Poll)
		synctest.Wait()
		if c.read() != "one " {
			t.Errorf("%q", c.read())
		}
		_, _ = io.WriteString(w, "two ")
		time.Sleep(quick.Poll)
		synctest.Wait()
		if c.read() != "one " {
			t.Errorf("passes although unsettled: %q", c.read())
		}
		asked, answer := make(chan struct{}), make(chan struct{})
		x.set(func() { x.check = func(bool) gate.Action { close(asked); <-answer; return gate.Forward } })
		<-asked
		_, _ = io.WriteString(w, "later than the question ")
		close(answer)
		synctest.Wait()
		if c.read() != "one two " {
			t.Errorf("not asked about, and left: %q", c.read())
		}
		x.set(func() { x.check = nil })
		w.Finish(true)
	})
}

// TestAttack_H6_PassingIsKept: a response that passes is kept from the moment on at which
// another request of the visit may have signed a user in, and withheld where it did.
func TestAttack_H6_PassingIsKept(t *testing.T) {
	for _, signedIn := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			x := &exchange{mode: Passed}
			w, c := begin(x, false)
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "own ")
			x.set(func() { x.unsettled = true })
			_, _ = io.WriteString(w, "of whom? ")
			_ = w.FlushError()
			if c.read() != "own " {
				t.Errorf("unsettled, and %q has left", c.read())
			}
			if signedIn {
				x.set(func() { x.check = func(bool) gate.Action { return gate.Challenge } })
			}
			time.Sleep(quick.Stream)
			synctest.Wait()
			x.set(func() { x.unsettled = false })
			time.Sleep(quick.Stream)
			synctest.Wait()
			_, err := io.WriteString(w, "later ")
			w.Finish(true)
			want := "own of whom? later "
			if signedIn {
				want = "own "
			}
			if c.read() != want || w.Aborted() != signedIn || (err != nil) != signedIn {
				t.Errorf("signed in %v: %q, aborted %v, %v", signedIn, c.read(), w.Aborted(), err)
			}
		})
	}
}

// TestPassing_Lost: what passes ends when its ground is lost.
func TestPassing_Lost(t *testing.T) {
	x := &exchange{mode: Passed}
	w, c := begin(x, false)
	_, _ = io.WriteString(w, "one ")
	x.set(func() { x.lost = true })
	if _, err := io.WriteString(w, "secret"); !errors.Is(err, ErrWithheld) || c.read() != "one " {
		t.Errorf("%q, %v", c.read(), err)
	}
	if err := w.FlushError(); !errors.Is(err, ErrWithheld) {
		t.Errorf("flushed: %v", err)
	}
	w.Finish(true)
}

// TestTrailers: trailers and headers that come late leave with the response's end.
func TestTrailers(t *testing.T) {
	for name, mode := range map[string]Mode{"passed": Passed, "kept": Kept, "kept while unsettled": KeptUnsettled} {
		synctest.Test(t, func(t *testing.T) {
			x := &exchange{mode: mode}
			w, c := begin(x, false)
			w.Header().Set("Trailer", "X-Sum")
			_, _ = io.WriteString(w, "page")
			time.Sleep(time.Second) // kept while unsettled: it passes meanwhile
			synctest.Wait()
			w.Header().Set("X-Late", "late")
			w.Header().Set("X-Sum", "42")
			w.Header().Set(http.TrailerPrefix+"X-More", "1")
			w.Finish(true)
			res := c.Result()
			if res.Trailer.Get("X-Sum") != "42" || res.Trailer.Get("X-More") != "1" {
				t.Errorf("%s: trailers %v", name, res.Trailer)
			}
			if res.Header.Get("X-Late") != "" {
				t.Errorf("%s: a late header posed as one in time", name)
			}
		})
	}
}

// TestAttack_H6_TrailersOfPassing: trailers that a passing response ends with are checked in
// an unsettled visit, like its bytes.
func TestAttack_H6_TrailersOfPassing(t *testing.T) {
	for name, announced := range map[string]bool{"announced": true, "by prefix": false} {
		x := &exchange{mode: Passed, check: func(bool) gate.Action { return gate.Challenge }}
		w, c := begin(x, false)
		if announced {
			w.Header().Set("Trailer", "X-Sum")
		}
		_, _ = io.WriteString(w, "own")
		x.set(func() { x.unsettled = true })
		if announced {
			w.Header().Set("X-Sum", "secret")
		} else {
			w.Header().Set(http.TrailerPrefix+"X-Sum", "secret")
		}
		w.Finish(true)
		// Aborted: the connection ends without trailers.
		if !w.Aborted() || c.read() != "own" {
			t.Errorf("%s: aborted %v, %q", name, w.Aborted(), c.read())
		}
	}
}

// TestPortion_Panics: portions are released outside of the handler's goroutine. A panic there,
// for example in another handler's writer, does not end the server. The response is cut off.
func TestPortion_Panics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &exchange{mode: Kept, release: func() { panic("writer") }}
		w, c := begin(x, false)
		_, _ = io.WriteString(w, "secret")
		time.Sleep(quick.Portion)
		synctest.Wait()
		if _, err := io.WriteString(w, "secret"); !errors.Is(err, ErrWithheld) {
			t.Errorf("written on: %v", err)
		}
		w.Finish(true)
		if c.read() != "" || !w.Aborted() || x.panicked != "writer" || x.count("cancel") != 1 {
			t.Errorf("%q, aborted %v, %v, %q", c.read(), w.Aborted(), x.panicked, x.calls)
		}
	})
}

// TestCheck_Panics: a check that panics refuses the response; nothing of it leaves.
func TestCheck_Panics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, portion := range []bool{false, true} {
			x := &exchange{mode: Kept, check: func(bool) gate.Action { panic("check") }}
			w, c := begin(x, false)
			_, _ = io.WriteString(w, "secret")
			if portion {
				time.Sleep(quick.Portion)
				synctest.Wait()
			}
			w.Finish(true)
			if c.read() != "withheld" || x.panicked != "check" {
				t.Errorf("portion %v: %q, %v", portion, c.read(), x.panicked)
			}
		}
	})
}

// TestStatus: a status that no server can write is a bad gateway.
func TestStatus(t *testing.T) {
	for _, status := range []int{0, 42, 1000, -1} {
		x := &exchange{mode: Passed}
		w, c := begin(x, false)
		if w.WriteHeader(status); c.Code != http.StatusBadGateway {
			t.Errorf("%d became %d", status, c.Code)
		}
	}
}

// TestShut: a handler that kept the writer after its request finds everything dropped, and
// the budget has everything back.
func TestShut(t *testing.T) {
	for _, mode := range []Mode{Passed, Kept} {
		x := &exchange{mode: mode}
		w, c := begin(x, false)
		_, _ = io.WriteString(w, "page")
		w.Finish(true)
		w.Shut()
		if _, err := io.WriteString(w, "late"); !errors.Is(err, ErrWithheld) || c.read() != "page" {
			t.Errorf("%q, %v", c.read(), err)
		}
	}
}

// TestReadFrom: io.Copy goes through the checks.
func TestReadFrom(t *testing.T) {
	x := &exchange{mode: Kept}
	w, c := begin(x, false)
	if n, err := io.Copy(w, strings.NewReader("page")); n != 4 || err != nil || c.got() {
		t.Errorf("%d, %v, left %v", n, err, c.got())
	}
	w.Finish(true)
	if c.read() != "page" {
		t.Errorf("%q", c.read())
	}
}

// able is a server's writer that hands connections over and pushes.
type able struct {
	*httptest.ResponseRecorder
	hijacked, pushed int
}

func (a *able) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	a.hijacked++
	c, _ := net.Pipe()
	return c, nil, nil
}

func (a *able) Push(string, *http.PushOptions) error {
	a.pushed++
	return nil
}

// TestHijack: a connection is handed over only when the response passes, however the
// handler comes to it: some ask for the connection without having written headers.
func TestHijack(t *testing.T) {
	refuse := func(bool) gate.Action { return gate.Refuse }
	for name, tt := range map[string]struct {
		mode  Mode
		check func(bool) gate.Action
		lost  bool
		want  bool
	}{
		"passed": {mode: Passed, want: true}, "kept": {mode: Kept}, "kept while unsettled": {mode: KeptUnsettled}, "dropped": {mode: Dropped},
		"checked": {mode: CheckedNow, want: true}, "checked, refused": {mode: CheckedNow, check: refuse},
		"checked, panics": {mode: CheckedNow, check: func(bool) gate.Action { panic("check") }},
		"lost":            {mode: Passed, lost: true}, "checked, lost": {mode: CheckedNow, lost: true},
	} {
		for _, headers := range []bool{true, false} {
			server := &able{ResponseRecorder: httptest.NewRecorder()}
			x := &exchange{mode: tt.mode, check: tt.check, lost: tt.lost}
			x.w = New(x, server, quick, nil, "")
			if headers {
				x.w.WriteHeader(http.StatusSwitchingProtocols)
			}
			c, _, err := x.w.Hijack()
			if (err == nil) != tt.want || (server.hijacked == 1) != tt.want {
				t.Errorf("%s, headers written %v: handed over %d times, %v", name, headers, server.hijacked, err)
			}
			if _, ok := c.(*wrapped); ok != tt.want {
				t.Errorf("%s, headers written %v: the connection is %T", name, headers, c)
			}
			if x.count("arrived") != 1 {
				t.Errorf("%s, headers written %v: decided %d times", name, headers, x.count("arrived"))
			}
			if err := x.w.Push("/app.js", nil); err == nil || server.pushed > 0 {
				t.Errorf("%s: a pushed response is not checked", name)
			}
			x.w.Finish(true)
			x.w.Shut()
		}
	}
}

// TestConcurrency: a handler writes and flushes from two goroutines, as proxies do, while
// portions are checked and the visit changes between settled and not. Everything arrives
// in order.
func TestConcurrency(t *testing.T) {
	x := &exchange{mode: Kept}
	c := newClient()
	fast := Timing{Portion: time.Millisecond, Stream: time.Millisecond, Poll: time.Millisecond}
	x.w = New(x, c, fast, &spool.Budget{}, "192.0.2.1")
	w := x.w
	stop := make(chan struct{})
	var beside sync.WaitGroup
	beside.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(300 * time.Microsecond):
				x.set(func() { x.unsettled = !x.unsettled })
				_ = w.Dropping()
			}
		}
	})
	var want strings.Builder
	var mu sync.Mutex // a proxy's own, for Write and Flush
	beside.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				mu.Lock()
				_ = w.FlushError()
				mu.Unlock()
			}
		}
	})
	for i := range 400 {
		part := strings.Repeat(string(rune('a'+i%26)), 900)
		want.WriteString(part)
		mu.Lock()
		_, err := io.WriteString(w, part)
		mu.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		if i%20 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	close(stop)
	beside.Wait()
	w.Finish(true)
	if c.read() != want.String() {
		t.Errorf("%d of %d bytes, or not in order", len(c.read()), want.Len())
	}
}
