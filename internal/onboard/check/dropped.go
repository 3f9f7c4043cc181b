package check

import (
	"context"
	"fmt"
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/onboard/direct"
)

// delays are the times from sending a sign-in to closing its connection.
var delays = []time.Duration{0, 5 * time.Millisecond, 50 * time.Millisecond}

// droppedSignIn is the result of a sign-in whose connection is closed before the response.
type droppedSignIn struct {
	err      error
	dropped  bool         // the response had not come yet
	released *browse.Page // to a signed-in customer, without a code
	asked    bool         // a code was asked for
}

// droppedConnection sends sign-ins and closes their connections before the response. The
// portal may sign the customer in all the same, so the gateway must not use a cached answer
// from before for the visit's next requests.
func (r *run) droppedConnection() outcome {
	all := make([]droppedSignIn, len(delays))
	var running sync.WaitGroup
	for i, delay := range delays {
		running.Go(func() { all[i] = r.signInAndDrop(delay) })
	}
	running.Wait()
	dropped, owing := 0, 0
	for _, d := range all {
		switch {
		case d.err != nil:
			return broken(d.err)
		case d.released != nil:
			return failed(fmt.Sprintf("the connection was closed before the response of the sign-in, and then %s was released without a code (%s)",
				d.released.URL.Path, aboutMark(r.first.marks.on(d.released))), r.remedyForDropped())
		}
		if d.dropped {
			dropped++
		}
		if d.asked {
			owing++
		}
	}
	switch {
	case dropped == 0:
		return skipped("the portal's response was always there before the connection could be closed")
	case owing == 0:
		return ok("handled by the gate: of %d such sign-ins none signed the visit in", dropped)
	}
	return ok("handled by the gate: of %d such sign-ins %d signed the visit in at the portal, and it was asked for the code", dropped, owing)
}

func (r *run) remedyForDropped() string {
	if r.site.Watch == "unsafe" && r.late > 0 {
		return "take `watch unsafe` out: the portal commits a sign-in after its response, and this page is not asked about again"
	}
	return "take this path out of `trust` and `public`; do not say `rotates` or `settle 0` unless the portal bears it out"
}

// signInAndDrop sends a sign-in in a new browser, and closes the connection after a delay.
func (r *run) signInAndDrop(delay time.Duration) (d droppedSignIn) {
	b := r.browser()
	e, err := b.Find(r.ctx, r.start())
	if err != nil {
		return droppedSignIn{err: err}
	}
	ctx, closeConnection := context.WithCancel(r.ctx)
	defer closeConnection()
	trace := httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { time.AfterFunc(delay, closeConnection) }}
	if d.dropped = b.Enter(httptrace.WithClientTrace(ctx, &trace), e, r.first.Account) != nil; d.dropped {
		d.released, d.asked = r.watchVisit(b)
	}
	return d
}

// watchVisit opens the customer's pages at once, and again when the portal has committed.
// It returns a page that was released to the customer, and whether a code was asked for.
func (r *run) watchVisit(b *browse.Browser) (released *browse.Page, asked bool) {
	for _, wait := range []time.Duration{0, 250*time.Millisecond + r.late} {
		direct.Sleep(r.ctx, wait)
		for _, address := range append(r.memberPages(r.first), r.exempt()...) {
			p, err := r.look(b, address)
			if err != nil {
				continue
			}
			if r.leaks(p, r.first.marks) != "" {
				return p, asked
			}
			asked = asked || r.fromGate(p)
		}
	}
	return nil, asked
}
