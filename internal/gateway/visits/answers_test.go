package visits

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/portal"
)

func get(path string) *http.Request { return httptest.NewRequest(http.MethodGet, path, nil) }

func user(id string) *portal.Answer { return &portal.Answer{Kind: gate.User, User: id} }

var anonymous = &portal.Answer{Kind: gate.Anonymous}

// exactly returns a function for keys with varying values that the test expects not to be
// computed.
func exactly(v portal.Varying) func() portal.Varying { return func() portal.Varying { return v } }

func TestAnswers_Life(t *testing.T) {
	for _, tt := range []struct {
		kind    gate.Answer
		recheck time.Duration
		life    time.Duration
	}{
		{gate.User, time.Minute, time.Minute}, {gate.User, 0, 0}, {gate.Anonymous, time.Minute, AnonymousLife},
		{gate.Anonymous, 0, AnonymousLife}, {gate.Unknown, time.Minute, time.Second},
	} {
		var a Answers
		key := Key{View: portal.JarKey{'a'}}
		a.Keep(key, &portal.Answer{Kind: tt.kind}, a.Epoch(), Lives{tt.recheck, AnonymousLife}, now)
		if got := a.Exact(&key, now.Add(tt.life-time.Millisecond), false) != nil; got != (tt.life > 0) {
			t.Errorf("%+v: kept until then: %v", tt, got)
		}
		if got, _ := a.Kept(&key, exactly(key.Varying), now.Add(tt.life), false); got != nil || a.Exact(&key, now.Add(tt.life), false) != nil {
			t.Errorf("%+v: kept for longer", tt)
		}
	}
}

// TestAnswers_Key: an answer serves the very credentials that it was given for.
func TestAnswers_Key(t *testing.T) {
	var a Answers
	key := Key{Pins: portal.Pins{Host: "h"}, View: portal.JarKey{'a'}}
	a.Keep(key, user("alice"), 0, Lives{User: time.Minute}, now)
	for name, other := range map[string]Key{
		"other cookies": {Pins: key.Pins, View: portal.JarKey{'b'}}, "other pins": {View: key.View},
		"the whoamis' own cookies": {Pins: key.Pins, View: key.View, Own: true},
	} {
		if got, _ := a.Kept(&other, exactly(portal.Varying{}), now, false); got != nil || a.Exact(&other, now, false) != nil {
			t.Errorf("kept for %s", name)
		}
	}
}

// TestAnswers_Kept: while all answers about the same credentials name one user, an answer
// serves all varying values, and exact is false. As soon as one of them is anonymous,
// unknown or of another user, each serves its own values only (rows H4, Q1).
func TestAnswers_Kept(t *testing.T) {
	lives := Lives{User: time.Minute, Anonymous: time.Minute}
	one, two, other := portal.Varying{1}, portal.Varying{2}, portal.Varying{9}
	for name, tt := range map[string]struct {
		answers map[portal.Varying]*portal.Answer
		ask     portal.Varying
		want    string
		exact   bool
	}{
		"one user, same values":      {map[portal.Varying]*portal.Answer{one: user("alice")}, one, "alice", false},
		"one user, other values":     {map[portal.Varying]*portal.Answer{one: user("alice")}, other, "alice", false},
		"one user twice":             {map[portal.Varying]*portal.Answer{one: user("alice"), two: user("alice")}, other, "alice", false},
		"two users, same values":     {map[portal.Varying]*portal.Answer{one: user("alice"), two: user("bob")}, two, "bob", true},
		"two users, other values":    {map[portal.Varying]*portal.Answer{one: user("alice"), two: user("bob")}, other, "", true},
		"anonymous, same values":     {map[portal.Varying]*portal.Answer{one: anonymous}, one, "anonymous", true},
		"anonymous, other values":    {map[portal.Varying]*portal.Answer{one: anonymous}, two, "", true},
		"user beside anonymous":      {map[portal.Varying]*portal.Answer{one: user("alice"), two: anonymous}, other, "", true},
		"user's own beside that":     {map[portal.Varying]*portal.Answer{one: user("alice"), two: anonymous}, one, "alice", true},
		"anonymous own beside that":  {map[portal.Varying]*portal.Answer{one: user("alice"), two: anonymous}, two, "anonymous", true},
		"unknown, other values":      {map[portal.Varying]*portal.Answer{one: {Why: "x"}}, two, "", true},
		"user beside unknown, other": {map[portal.Varying]*portal.Answer{one: user("alice"), two: {Why: "x"}}, other, "", true},
		"nothing":                    {nil, one, "", false},
	} {
		var a Answers
		key := Key{View: portal.JarKey{'a'}}
		for v, answer := range tt.answers {
			key.Varying = v
			a.Keep(key, answer, 0, lives, now)
		}
		key.Varying = portal.Varying{}
		got, exact := a.Kept(&key, exactly(tt.ask), now, false)
		if describe(got) != tt.want || exact != tt.exact {
			t.Errorf("%s: %q, exact %v; want %q, %v", name, describe(got), exact, tt.want, tt.exact)
		}
	}
}

func describe(a *portal.Answer) string {
	switch {
	case a == nil:
		return ""
	case a.Kind == gate.Anonymous:
		return "anonymous"
	}
	return a.User
}

// TestAnswers_KeptOutlived: an answer that is not believed any more does not make others
// exact.
func TestAnswers_KeptOutlived(t *testing.T) {
	var a Answers
	key := Key{View: portal.JarKey{'a'}, Varying: portal.Varying{1}}
	a.Keep(key, anonymous, 0, Lives{Anonymous: time.Second}, now)
	key.Varying = portal.Varying{2}
	a.Keep(key, user("alice"), 0, Lives{User: time.Minute}, now)
	got, exact := a.Kept(&key, exactly(portal.Varying{3}), now.Add(time.Second), false)
	if describe(got) != "alice" || exact {
		t.Errorf("%q, exact %v", describe(got), exact)
	}
}

// TestAnswers_Forget: an answer to a question from before is not kept either.
func TestAnswers_Forget(t *testing.T) {
	var a Answers
	key := Key{View: portal.JarKey{'a'}}
	epoch := a.Epoch()
	a.Keep(key, user("alice"), epoch, Lives{User: time.Minute}, now)
	if next := a.Forget(); next == epoch || next != a.Epoch() {
		t.Errorf("epoch %d after %d", next, epoch)
	}
	if a.Exact(&key, now, false) != nil {
		t.Error("not forgotten")
	}
	a.Keep(key, user("alice"), epoch, Lives{User: time.Minute}, now)
	if a.Exact(&key, now, false) != nil {
		t.Error("an answer of the epoch before was kept")
	}
	a.Keep(key, user("alice"), a.Epoch(), Lives{User: time.Minute}, now)
	if a.Exact(&key, now, false) == nil {
		t.Error("an answer of this epoch was not kept")
	}
}

// TestAnswers_Settle: answers expire when the visit is settled, kept before or meanwhile. A
// shorter settle time does not cut a longer one.
func TestAnswers_Settle(t *testing.T) {
	lives := Lives{User: time.Minute, Anonymous: time.Minute}
	until := now.Add(2 * time.Second)
	for name, tt := range map[string]struct {
		settle            func(*Answers)
		before, meanwhile time.Duration // how long answers live
	}{
		"once":          {func(a *Answers) { a.Settle(until) }, 2 * time.Second, 2 * time.Second},
		"shorter later": {func(a *Answers) { a.Settle(until); a.Settle(now.Add(time.Second)) }, time.Second, 2 * time.Second},
		"over already":  {func(a *Answers) { a.Settle(now.Add(-time.Second)) }, -time.Second, time.Minute},
	} {
		var a Answers
		keep := func(view byte) {
			a.Keep(Key{View: portal.JarKey{view}}, user("alice"), 0, lives, now)
			a.Keep(Key{View: portal.JarKey{view + 1}}, anonymous, 0, lives, now)
		}
		lived := func(when string, view byte, want time.Duration) {
			t.Helper()
			key := Key{View: portal.JarKey{view}}
			if a.Exact(&key, now.Add(want-1), false) == nil && want > 0 || a.Exact(&key, now.Add(want), false) != nil {
				t.Errorf("%s, %s: does not live %v", name, when, want)
			}
		}
		keep(1)
		tt.settle(&a)
		lived("user, kept before", 1, tt.before)
		lived("anonymous, kept before", 2, tt.before)
		keep(3)
		lived("user, kept meanwhile", 3, tt.meanwhile)
		lived("anonymous, kept meanwhile", 4, tt.meanwhile)
	}
}

func TestAnswers_PresumedOnce(t *testing.T) {
	var a Answers
	key := Key{View: portal.JarKey{'a'}, Pins: portal.Pins{Host: "h"}}
	form := key
	form.Varying = portal.Varying{1} // the form is sent with another Origin and Referer
	for name, tt := range map[string]struct {
		ask  Key
		at   time.Duration
		want bool
	}{
		"the form": {form, presumedLife - 1, true}, "a link": {key, 0, true}, "too late": {form, presumedLife, false},
		"other cookies": {Key{View: portal.JarKey{'b'}, Pins: key.Pins}, 0, false}, "another browser": {Key{View: key.View}, 0, false},
	} {
		a.Presume(key, now)
		if got := a.Presumed(tt.ask, now.Add(tt.at)); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
		if got := a.Presumed(key, now); got == tt.want {
			t.Errorf("%s: presumed afterwards: %v", name, got)
		}
	}
	a.Presume(key, now)
	if a.Forget(); a.Presumed(key, now) {
		t.Error("presumed after a change")
	}
}

// TestAnswers_AreBounded: the answers of a visit are bounded; the one that would end first
// is dropped first.
func TestAnswers_AreBounded(t *testing.T) {
	var a Answers
	for i := range 100 {
		a.Keep(Key{View: portal.JarKey{byte(i)}}, user("alice"), 0, Lives{User: time.Hour}, now.Add(time.Duration(i)*time.Second))
	}
	kept := 0
	for i := range 100 {
		if a.Exact(&Key{View: portal.JarKey{byte(i)}}, now, false) != nil {
			kept++
		}
	}
	if kept != maxAnswers || a.Exact(&Key{View: portal.JarKey{99}}, now, false) == nil {
		t.Errorf("%d kept", kept)
	}
}

// TestAnswers_AskJoins: one question in flight serves all who do not need a fresh one;
// those who do share the next, which begins after they asked.
func TestAnswers_AskJoins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a Answers
		var asked atomic.Int32
		release := make(chan struct{})
		put := func() *portal.Answer {
			n := asked.Add(1)
			<-release
			return &portal.Answer{User: fmt.Sprint(n)}
		}
		ask := func(fresh bool, want string) {
			if got, _ := a.Ask(Key{}, fresh, time.Now(), put); got.User != want {
				t.Errorf("fresh %v: question %s, want %s", fresh, got.User, want)
			}
		}
		var wg sync.WaitGroup
		wg.Go(func() { ask(false, "1") })
		synctest.Wait()
		for range 3 {
			wg.Go(func() { ask(false, "1") })
			wg.Go(func() { ask(true, "2") })
		}
		synctest.Wait()
		if n := asked.Load(); n != 1 {
			t.Errorf("%d questions at once", n)
		}
		release <- struct{}{}
		synctest.Wait()
		// The second one runs: a fresh one needs a third.
		wg.Go(func() { ask(true, "3") })
		wg.Go(func() { ask(false, "2") })
		synctest.Wait()
		release <- struct{}{}
		synctest.Wait()
		release <- struct{}{}
		wg.Wait()
		if n := asked.Load(); n != 3 || len(a.calls) != 0 {
			t.Errorf("%d questions; %d left behind", n, len(a.calls))
		}
	})
}

func TestAnswers_OtherKeysDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a Answers
		release := make(chan struct{})
		go a.Ask(Key{View: portal.JarKey{1}}, false, time.Now(), func() *portal.Answer { <-release; return &portal.Answer{} })
		synctest.Wait()
		a.Ask(Key{View: portal.JarKey{2}}, true, time.Now(), func() *portal.Answer { return &portal.Answer{} })
		close(release)
		synctest.Wait()
	})
}

// TestAnswers_PanicIsUnknown: a question that panics is Unknown to those who wait for it,
// and blocks no later one.
func TestAnswers_PanicIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a Answers
		release := make(chan struct{})
		go func() {
			defer func() { _ = recover() }()
			a.Ask(Key{}, false, time.Now(), func() *portal.Answer { <-release; panic("portal") })
		}()
		synctest.Wait()
		got := make(chan *portal.Answer, 2)
		go func() {
			answer, _ := a.Ask(Key{}, false, time.Now(), func() *portal.Answer { return user("alice") })
			got <- answer
		}()
		synctest.Wait()
		close(release)
		if answer := <-got; answer.Kind != gate.Unknown || answer.Why == "" {
			t.Errorf("%+v", answer)
		}
		if answer, _ := a.Ask(Key{}, true, time.Now(), func() *portal.Answer { return user("alice") }); answer.Kind != gate.User {
			t.Errorf("after a panic: %+v", answer)
		}
	})
}

// TestAnswers_AskSharesNoneFromBefore: a question that began before something was forgotten
// serves none of those who ask afterwards.
func TestAnswers_AskSharesNoneFromBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a Answers
		release := make(chan struct{})
		go a.Ask(Key{}, false, time.Now(), func() *portal.Answer { <-release; return user("bob") })
		synctest.Wait()
		a.Forget()
		got := make(chan *portal.Answer, 1)
		go func() {
			answer, _ := a.Ask(Key{}, false, time.Now(), func() *portal.Answer { return user("alice") })
			got <- answer
		}()
		synctest.Wait()
		close(release)
		if answer := <-got; answer.User != "alice" {
			t.Errorf("got the answer %q of a question from before", answer.User)
		}
	})
}

// TestAnswers_ForgetOthersOnTheirWay: where no answer is kept, a question that runs is
// forgotten all the same: its answer serves no later request and is not kept.
func TestAnswers_ForgetOthersOnTheirWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a Answers
		if a.ForgetOthers("alice") {
			t.Error("something was forgotten where nothing was asked")
		}
		epoch, release := a.Epoch(), make(chan struct{})
		go a.Ask(Key{}, false, time.Now(), func() *portal.Answer { <-release; return user("bob") })
		synctest.Wait()
		if !a.ForgetOthers("alice") || a.Epoch() == epoch {
			t.Error("the question on its way is not forgotten")
		}
		close(release)
		synctest.Wait()
	})
}

// TestAnswers_Suspend: Restore restores anonymous answers about the same credentials, for
// requests with a response check, until their original expiry. It restores none if anything else
// was forgotten since.
func TestAnswers_Suspend(t *testing.T) {
	key, other := Key{View: portal.JarKey{'a'}, Varying: portal.Varying{1}}, Key{View: portal.JarKey{'b'}}
	users := Key{View: key.View, Varying: portal.Varying{2}}
	for name, then := range map[string]func(a *Answers){"": func(*Answers) {}, "forgotten": func(a *Answers) { a.Forget() },
		"others forgotten": func(a *Answers) {
			a.Keep(users, user("bob"), a.Epoch(), Lives{User: time.Hour}, now)
			a.ForgetOthers("alice")
		}} {
		var a Answers
		for _, k := range []Key{key, other} {
			a.Keep(k, anonymous, 0, Lives{Anonymous: time.Minute, User: time.Minute}, now)
		}
		a.Keep(users, user("bob"), 0, Lives{User: time.Hour}, now)
		s := a.Suspend()
		if a.Exact(&key, now, false) != nil {
			t.Error("not suspended")
		}
		then(&a)
		a.Restore(s, &Key{View: key.View, Varying: portal.Varying{3}}, now)
		if got := a.Exact(&key, now.Add(time.Minute-1), false) != nil; got != (name == "") {
			t.Errorf("%q: restored: %v", name, got)
		}
		if a.Exact(&key, now.Add(time.Minute), false) != nil || a.Exact(&key, now, true) != nil {
			t.Errorf("%q: restored for longer or for unchecked responses", name)
		}
		if a.Exact(&other, now, false) != nil || a.Exact(&users, now, false) != nil {
			t.Errorf("%q: restored for other credentials or a user", name)
		}
	}
}
