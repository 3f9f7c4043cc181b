package portal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

func TestAnswers_Life(t *testing.T) {
	for _, tt := range []struct {
		kind    gate.Answer
		recheck time.Duration
		life    time.Duration
	}{
		{gate.User, time.Minute, time.Minute}, {gate.User, 0, 0}, {gate.Anonymous, time.Minute, 3 * time.Minute},
		{gate.Anonymous, 0, 3 * time.Minute}, {gate.Unknown, time.Minute, time.Second},
	} {
		var a Answers
		key := Key{Jar: JarKey{'a'}}
		a.Keep(key, &Answer{Kind: tt.kind}, a.Epoch(), Lives{tt.recheck, AnonymousLife}, now)
		if got := a.Kept(&key, now.Add(tt.life-time.Millisecond)) != nil; got != (tt.life > 0) {
			t.Errorf("%+v: kept until then: %v", tt, got)
		}
		if a.Kept(&key, now.Add(tt.life)) != nil {
			t.Errorf("%+v: kept for longer", tt)
		}
		if a.Kept(&Key{Jar: JarKey{'b'}}, now) != nil {
			t.Error("kept for other credentials")
		}
	}
}

// TestAnswers_Forget: an answer to a question from before is not kept either.
func TestAnswers_Forget(t *testing.T) {
	var a Answers
	key := Key{Jar: JarKey{'a'}}
	epoch := a.Epoch()
	a.Keep(key, &Answer{Kind: gate.User}, epoch, Lives{User: time.Minute}, now)
	a.Forget()
	if a.Kept(&key, now) != nil || a.Last(&key) != nil {
		t.Error("not forgotten")
	}
	a.Keep(key, &Answer{Kind: gate.User}, epoch, Lives{User: time.Minute}, now)
	if a.Kept(&key, now) != nil {
		t.Error("an answer of the epoch before was kept")
	}
	a.Keep(key, &Answer{Kind: gate.User}, a.Epoch(), Lives{User: time.Minute}, now)
	if a.Kept(&key, now) == nil {
		t.Error("an answer of this epoch was not kept")
	}
}

func TestAnswers_PresumedOnce(t *testing.T) {
	var a Answers
	key := Key{Jar: JarKey{'a'}, Host: "h:1"}
	form := key
	form.Origin = "http://H:1"
	for name, tt := range map[string]struct {
		ask  Key
		at   time.Duration
		want bool
	}{
		"the form": {form, presumedLife - 1, true}, "a link": {key, 0, true}, "too late": {form, presumedLife, false},
		"other cookies":      {Key{Jar: JarKey{'b'}, Host: "h:1"}, 0, false},
		"another page's":     {Key{Jar: key.Jar, Host: "h:1", Origin: "http://evil.test"}, 0, false},
		"nobody knows whose": {Key{Jar: key.Jar, Host: "h:1", Origin: "null"}, 0, false},
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

func TestAnswers_AreBounded(t *testing.T) {
	var a Answers
	for i := range 100 {
		a.Keep(Key{Jar: JarKey{byte(i)}}, &Answer{Kind: gate.User}, 0, Lives{User: time.Hour}, now.Add(time.Duration(i)*time.Second))
	}
	kept := 0
	for i := range 100 {
		if a.Last(&Key{Jar: JarKey{byte(i)}}) != nil {
			kept++
		}
	}
	if kept != maxAnswers || a.Last(&Key{Jar: JarKey{99}}) == nil {
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
		put := func() *Answer {
			n := asked.Add(1)
			<-release
			return &Answer{User: fmt.Sprint(n)}
		}
		ask := func(fresh bool, want string) {
			if got := a.Ask(Key{}, fresh, put); got.User != want {
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
		// The second one runs: whoever wants a fresh one now needs a third.
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
		go a.Ask(Key{Jar: JarKey{1}}, false, func() *Answer { <-release; return &Answer{} })
		synctest.Wait()
		a.Ask(Key{Jar: JarKey{2}}, true, func() *Answer { return &Answer{} })
		close(release)
		synctest.Wait()
	})
}

// TestAnswers_PanicIsUnknown to those who wait, and blocks nobody.
func TestAnswers_PanicIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a Answers
		release := make(chan struct{})
		go func() {
			defer func() { _ = recover() }()
			a.Ask(Key{}, false, func() *Answer { <-release; panic("portal") })
		}()
		synctest.Wait()
		got := make(chan *Answer, 1)
		go func() { got <- a.Ask(Key{}, false, func() *Answer { return &Answer{Kind: gate.User} }) }()
		synctest.Wait()
		close(release)
		if answer := <-got; answer.Kind != gate.Unknown || answer.Why == "" {
			t.Errorf("%+v", answer)
		}
		if answer := a.Ask(Key{}, true, func() *Answer { return &Answer{Kind: gate.User} }); answer.Kind != gate.User {
			t.Errorf("after a panic: %+v", answer)
		}
	})
}

func asker(t *testing.T, uris ...string) *Asker {
	t.Helper()
	a := &Asker{Leave: NewLeave(nil), Clock: func() time.Time { return now }, Headers: NewHeaders(nil)}
	for _, uri := range uris {
		q, err := whoami.Compile(config.Whoami{URI: uri, User: &config.Extractor{JSON: "user"}, Anonymous: []config.Sign{{Status: []int{401}}}})
		if err != nil {
			t.Fatal(err)
		}
		a.Questions = append(a.Questions, q)
	}
	return a
}

// TestAsker_CarriesCookiesOn: what one answer sets is in the next question, and every
// question gets the cookies of its own path.
func TestAsker_CarriesCookiesOn(t *testing.T) {
	var got []string
	answer := asker(t, "/me", "/staff/me?x=1").Ask(context.Background(), Credentials{Jar: jarOf("s=1; Path=/", "p=1; Path=/staff"), Header: http.Header{}}, func(_ context.Context, uri string, h http.Header) (whoami.Response, error) {
		got = append(got, uri+" "+h.Get("Cookie"))
		return whoami.Response{Status: 401, Header: http.Header{"Set-Cookie": {"s=2; Path=/", "p=; Path=/staff; Max-Age=0", "d=1"}}}, nil
	})
	if len(got) != 2 || got[0] != "/me s=1" || got[1] != "/staff/me?x=1 s=2; d=1" {
		t.Errorf("asked %q", got)
	}
	if answer.Kind != gate.Anonymous || len(answer.Changes) != 6 {
		t.Errorf("%+v", answer)
	}
}

// TestAsker_ErrorIsUnknown, what was set before it is still told.
func TestAsker_ErrorIsUnknown(t *testing.T) {
	answer := asker(t, "/me").Ask(context.Background(), Credentials{Jar: EmptyJar, Header: http.Header{}}, func(context.Context, string, http.Header) (whoami.Response, error) {
		return whoami.Response{}, errors.New("refused")
	})
	if answer.Kind != gate.Unknown || answer.Why != "asking /me: refused" {
		t.Errorf("%+v", answer)
	}
}

func TestAsker_EndsAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		answer := asker(t, "/me", "/me2").Ask(context.Background(), Credentials{Jar: EmptyJar, Header: http.Header{}}, func(ctx context.Context, _ string, _ http.Header) (whoami.Response, error) {
			<-ctx.Done()
			return whoami.Response{}, ctx.Err()
		})
		if took := time.Since(began); answer.Kind != gate.Unknown || took != AskDeadline {
			t.Errorf("%+v after %v", answer, took)
		}
	})
}
