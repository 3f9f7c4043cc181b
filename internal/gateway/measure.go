package gateway

import (
	"context"
	"time"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/meter"
	"github.com/secondgate/secondgate/internal/portal"
)

// answerNames are what answers are counted under.
var answerNames = map[gate.Answer]string{gate.User: meter.User, gate.Anonymous: meter.Anonymous, gate.Unknown: meter.Unknown}

// verdictNames are what verdicts are logged and counted under.
var verdictNames = map[gate.Action]string{
	gate.Refuse: "unknown", gate.Challenge: "challenge", gate.Enrol: "enrol", gate.Guest: "guest", gate.Upgrade: "upgrade", gate.Again: "again",
	gate.Anew: "anew",
}

// lost is counted where what a response stood on ended while the portal answered.
const lost = "lost"

// countHeld counts a request or response that did not pass; one that might have passed
// had lost what it stood on.
func (g *Gateway) countHeld(a gate.Action) {
	name, known := verdictNames[a]
	if !known {
		name = lost
	}
	g.Meter.Held(name)
}

// put puts whoami's questions, and counts what they showed.
func (g *Gateway) put(ctx context.Context, c portal.Credentials, fetch portal.Fetch) *portal.Answer {
	began := time.Now()
	a := g.Asker.Ask(ctx, c, fetch)
	g.Meter.Answer(answerNames[a.Kind], time.Since(began))
	return &a
}

// took is how long the gate has had the request: without the time in which its body
// arrived, which is the client's.
func (x *exchange) took() time.Duration { return time.Since(x.now) - x.reading }

// timeForward counts a request as the portal gets it.
func (x *exchange) timeForward() {
	x.reached = true
	if x.g.Meter != nil {
		x.g.Meter.Forward(x.took())
	}
}

// timeRefusal counts a request that never got to the portal. The own pages are none:
// they work, as when a code is checked.
func (x *exchange) timeRefusal() {
	if !x.reached && x.g.Meter != nil && !x.below(x.client.URL.Path) {
		x.g.Meter.Refuse(x.took())
	}
}
