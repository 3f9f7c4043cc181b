package adversary

import (
	"cmp"
	"encoding/base32"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pquerna/otp/hotp"
)

// run is one program in one world.
type run struct {
	kit    *kit
	world  World
	portal *model
	gate   *gate
	owner  *owner
	jars   [3]jar
	// flights are the attacker's requests; jarOf maps each to its jar.
	flights []*flight
	jarOf   map[*flight]int
	given   string // the code that the attacker gave last
	log     []string
}

// patience is the time that the program waits for a request before it takes the next action.
const patience = 8 * time.Second

// play runs a program in a bubble of its own.
func (k *kit) play(t *testing.T, w World, p Program) (found *Finding, log []string) {
	synctest.Test(t, func(*testing.T) {
		r := &run{kit: k, world: w.normal(), jarOf: make(map[*flight]int)}
		r.portal = newModel(r.world)
		var err error
		if r.gate, err = k.gate(r.world, &proxy{r.portal}); err != nil {
			panic(err)
		}
		r.owner = &owner{run: r}
		if !r.world.Unenrolled {
			r.portal.secretFrom = time.Now()
		}
		go r.gate.watch(r.portal.end)
		r.begin()
		found = r.play(p)
		if stuck := r.end(); found == nil {
			found = stuck
		}
		log = r.log
	})
	return found, log
}

// begin loads the front pages as a stranger, so that the portal has been used before the attack.
func (r *run) begin() {
	if r.world.IDs == "" || r.world.Name != "sid" {
		return
	}
	for _, page := range []string{"/", "/app/"} { // one of them is below the cookie's path
		f, err := r.gate.launch("stranger", message{method: http.MethodGet, target: page, header: headers(""), address: "203.0.113.7"})
		if err != nil {
			panic(err)
		}
		<-f.done
	}
}

func (r *run) logf(format string, args ...any) {
	r.log = append(r.log, fmt.Sprintf("%8s  ", time.Since(bubbleStart).Round(time.Millisecond))+fmt.Sprintf(format, args...))
}

// bubbleStart is where the clock of every bubble starts.
var bubbleStart = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func (r *run) play(p Program) *Finding {
	for _, a := range p {
		r.act(a)
		if f := r.judge(); f != nil {
			return f
		}
	}
	return r.harvest()
}

// harvest lets all requests run to their ends, and then requests the victim's pages with all
// credentials of the attacker. Then the owner takes the remaining steps.
func (r *run) harvest() *Finding {
	for _, f := range r.flights {
		f.goOn("") // one after another, so that the order is always the same
		r.await(f)
	}
	for _, f := range r.flights {
		r.await(f)
	}
	if f := r.judge(); f != nil {
		return f
	}
	for _, pause := range []time.Duration{0, 3 * time.Second} {
		time.Sleep(pause)
		for i := range r.jars {
			if len(r.jars[i].cookies) == 0 {
				continue
			}
			r.act(Action{Do: "get", Page: "data", Jar: i})
			r.act(Action{Do: "change", Jar: i})
			if f := r.judge(); f != nil {
				return f
			}
		}
	}
	r.setUp()
	r.owner.goOn()
	for r.owner.next() {
		if f := r.judge(); f != nil {
			return f
		}
	}
	return r.judge()
}

// end lets everything end that still runs.
func (r *run) end() *Finding {
	close(r.portal.end)
	for _, f := range r.flights {
		f.body.finish()
	}
	time.Sleep(time.Minute)
	for _, f := range r.flights {
		f.drop(false)
	}
	time.Sleep(10 * time.Minute)
	for _, f := range r.flights {
		if !f.over() {
			return &Finding{ruleStuck, f.what}
		}
	}
	return nil
}

// act carries out one action, and waits until nothing moves any more.
func (r *run) act(a Action) {
	switch a.Do {
	case "wait":
		time.Sleep(a.For)
	case "owner":
		for range a.Of {
			r.owner.next()
		}
		r.owner.mishap = a
		r.owner.next()
	case "late":
		r.owner.background(a)
	case "arrive":
		r.owner.goOn()
	case "elsewhere":
		r.owner.elsewhere(a)
	case "trouble":
		r.troubleQuestions(a)
	case "go on", "drop", "half-close":
		r.steer(a)
	case "frame":
		r.frame(a)
	case "order":
		r.order()
	case "keep":
		r.jars[a.Jar].kept = slices.Clone(r.jars[a.Jar].cookies)
	case "set up":
		r.setUp()
	case "end sessions":
		r.endSessions(a.As)
	case "restart":
		r.restart()
	case "reload":
		r.reload()
	case "set factor":
		r.setFactor(a)
	case "code", "again":
		r.launch(a, r.codeMessage(a))
	default:
		r.launch(a, a.message(r.world, &r.jars[a.Jar]))
	}
	synctest.Wait()
	r.absorb()
}

func (r *run) launch(a Action, m message) {
	m.address = "203.0.113.9"
	if !r.world.Shared {
		m.address = fmt.Sprintf("198.51.100.%d", a.Jar+1)
	}
	r.jars[a.Jar].header(m.header, a.Cookies, &r.jars[(a.Jar+1)%len(r.jars)])
	if a.ID == "cookie" {
		m.header.Set("Cookie", strings.TrimPrefix(m.header.Get("Cookie")+"; "+r.world.Name+"="+chosen, "; "))
	}
	f, err := r.gate.launch("attacker", m)
	if err != nil {
		r.logf("attacker %s %s: %v", m.method, m.target, err)
		return
	}
	r.flights = append(r.flights, f)
	r.jarOf[f] = a.Jar
	if !a.Async {
		r.await(f)
	}
	r.report(f)
}

func (r *run) report(f *flight) {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	state := "runs"
	if f.over() {
		state = "ended"
	}
	r.logf("attacker %d: %s: %d %s %s %s", r.jarOf[f], f.what, f.status, f.sent.Get("Location"), state, f.failed)
}

// await waits until a request has ended or stopped, or takes too long.
func (r *run) await(f *flight) {
	select {
	case <-f.done:
	case <-f.parked:
	case <-time.After(patience):
	}
}

// running returns the attacker's request Of, counted from the newest that runs.
func (r *run) running(of int) *flight {
	for _, f := range slices.Backward(r.flights) {
		if f.over() && !f.stops() {
			continue
		}
		if of == 0 {
			return f
		}
		of--
	}
	return nil
}

func (r *run) steer(a Action) {
	f := r.running(a.Of)
	switch {
	case f == nil:
		return
	case a.Do == "go on":
		f.goOn(a.Hold)
		if !a.Async {
			r.await(f)
		}
	default:
		f.drop(a.Do == "half-close")
	}
	r.report(f)
}

func (r *run) frame(a Action) {
	if slices.ContainsFunc(r.flights, func(f *flight) bool { return f.client == nil && !f.over() && !f.body.open() }) {
		return // documented limit: responses during a sign-in inside of a frame
	}
	for _, f := range slices.Backward(r.flights) {
		if f.client != nil && !f.over() {
			f.frame("sign in " + a.As)
			r.logf("attacker frame: sign in %s", a.As)
			return
		}
	}
}

// order sends something through the newest tunnel.
func (r *run) order() {
	for _, f := range slices.Backward(r.flights) {
		if f.client != nil && !f.over() {
			f.frame(throughTunnel)
			r.logf("attacker sends an order through a tunnel")
			return
		}
	}
}

// codeMessage gives a code: a right one of the attacker's own account, a wrong one of the
// victim's, or the last one again.
func (r *run) codeMessage(a Action) message {
	code := r.given
	if a.Do == "code" {
		step := time.Now().Unix() / 30
		code = r.kit.code(enrolled, step)
		if a.As == victim {
			code = r.kit.wrong(step)
		}
		r.given = code
	}
	action := map[string]string{"/setup": "replace", "/backup-codes": "generate"}[a.Page]
	m := message{method: http.MethodPost, target: ownPath + cmp.Or(a.Page, "/challenge"), body: "action=" + action + "&code=" + code, header: headers(a.Kind), hold: a.Hold}
	m.header.Set("Content-Type", "application/x-www-form-urlencoded")
	m.header.Set("Origin", origin)
	a.pin(r.world, &m)
	return m
}

func (k *kit) code(user string, step int64) string {
	code, err := hotp.GenerateCode(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(k.secrets[user]), uint64(step))
	if err != nil {
		panic(err)
	}
	return code
}

// wrong is a code that the victim's authenticator shows at no time near step.
func (k *kit) wrong(step int64) string {
	for n := 0; ; n++ {
		code := fmt.Sprintf("%06d", n)
		if !slices.ContainsFunc([]int64{-2, -1, 0, 1, 2}, func(d int64) bool { return k.code(victim, step+d) == code }) {
			return code
		}
	}
}

// absorb adds the cookies and tokens of the released responses to the attacker's browsers.
func (r *run) absorb() {
	for _, f := range r.flights {
		f.mu.Lock()
		sent := f.sent
		if f.taken {
			sent = nil
		}
		f.taken = f.taken || sent != nil
		fresh := sent != nil || f.over() && !f.seen
		f.seen = f.over()
		f.mu.Unlock()
		if fresh {
			r.jars[r.jarOf[f]].take(sent, f.text())
		}
	}
}
