package response

import (
	"bufio"
	"net"
	"net/http"
	"time"

	"github.com/secondgate/secondgate/internal/gate"
)

// Mode is how a response is handled once its headers arrive.
type Mode int

const (
	// Dropped: another response was written in its place, or will be.
	Dropped Mode = iota
	// Passed: it is sent to the client at once.
	Passed
	// Kept: it is kept until it is checked. KeptUnsettled: likewise, but only because the
	// visit is unsettled.
	Kept
	KeptUnsettled
	// KeptWhole: it is kept until it ends, unless it is an event stream or too long: the
	// portal may commit a sign-in at its end.
	KeptWhole
	// KeptToEnd: likewise, but no portion of it would be released. An event stream is refused
	// where it has not ended after [Timing.Portion], because it may never end.
	KeptToEnd
	// CheckedNow: it is checked at its headers, and then sent to the client.
	CheckedNow
)

// Exchange is the request that a response answers. Package gateway implements it.
type Exchange interface {
	// Arrived is called once, with the portal's status, before anything is written.
	Arrived(status int) Mode
	// Check asks the portal and decides about what was kept. final says that the portal's
	// response has ended. gate.Forward releases it; anything else withholds it.
	Check(final bool) gate.Action
	// Release completes the header that is sent to the client. page is what may be inserted.
	Release(status int)
	// Withhold answers in place of a response of which nothing was released.
	Withhold(a gate.Action, status int, header http.Header)
	// Over is called after the check, before what was kept is written. ended says that the
	// portal has finished the request.
	Over(ended bool)
	// Lost reports whether the condition for the release no longer holds: for example, the
	// clearance has ended.
	Lost() bool
	// Unsettled reports whether what passes must be checked after all.
	Unsettled() bool
	// Settled reports whether the answer to a question that begins now is final.
	Settled() bool
	// Hijacked returns the connection that a tunnel uses in place of c, and its buffers.
	Hijacked(c net.Conn, brw *bufio.ReadWriter) (net.Conn, *bufio.ReadWriter)
	// MustCheck reports whether the end must be checked although everything was released.
	MustCheck() bool
	// Cancel cancels the request at the portal.
	Cancel()
	// NoRoom is called if the response is refused because there is no room to keep it.
	NoRoom()
	// Panicked is called with the value of a panic in a check; the response is refused.
	Panicked(p any)
}

// Timing is when portions are due.
type Timing struct {
	// Portion is for ordinary responses, Stream for event streams. Poll is the interval for
	// checking whether a response that is kept only in an unsettled visit can be released
	// earlier.
	Portion, Stream, Poll time.Duration
}

// DefaultTiming has the values of design rule G2.
var DefaultTiming = Timing{Portion: 20 * time.Second, Stream: time.Second, Poll: 200 * time.Millisecond}
