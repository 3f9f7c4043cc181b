package portal

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

func asker(t *testing.T, uris ...string) *Asker {
	t.Helper()
	a := &Asker{CookiePolicy: NewCookiePolicy(nil), Clock: func() time.Time { return now }, Headers: NewHeaders(nil)}
	for _, uri := range uris {
		q, err := whoami.Compile(config.Whoami{URI: uri, User: &config.Extractor{JSON: "user"}, Anonymous: []config.Sign{{Status: []int{401}}}})
		if err != nil {
			t.Fatal(err)
		}
		a.Questions = append(a.Questions, q)
	}
	return a
}

// asking returns a fetch that notes what was asked, and answers with the cookies.
func asking(asked *[]string, set ...string) Fetch {
	return func(_ context.Context, uri string, h http.Header) (whoami.Response, error) {
		*asked = append(*asked, uri+" "+h.Get("Cookie"))
		return whoami.Response{Status: 401, Header: http.Header{"Set-Cookie": set}}, nil
	}
}

// TestAsk_CarriesCookiesOn: what one answer sets is in the next question, and without a
// path every question gets the cookies of its own.
func TestAsk_CarriesCookiesOn(t *testing.T) {
	var got []string
	c := Credentials{Jar: jarOf("s=1; Path=/", "p=1; Path=/staff"), Header: http.Header{}}
	answer := asker(t, "/me", "/staff/me?x=1").Ask(t.Context(), c, asking(&got, "s=2; Path=/", "p=; Path=/staff; Max-Age=0", "d=1"))
	// The first question did not carry p, so that what it set of p is ignored (rule Q2).
	if !slices.Equal(got, []string{"/me s=1", "/staff/me?x=1 p=1; s=2; d=1"}) {
		t.Errorf("asked %q", got)
	}
	if answer.Kind != gate.Anonymous || len(answer.Changes) != 5 {
		t.Errorf("%+v", answer)
	}
}

// TestAttack_H1_QuestionCarriesTheRequestsCookies: a question carries what the request to
// its path carries, byte for byte, wherever whoami is.
func TestAttack_H1_QuestionCarriesTheRequestsCookies(t *testing.T) {
	jar := jarOf("SID=victim; Path=/login.php/x", "SID=own; Path=/")
	for path, want := range map[string]string{
		"/login.php/x/y": "SID=victim; SID=own", "/login.php": "SID=own", "/": "SID=own",
	} {
		var got []string
		asker(t, "/me").Ask(t.Context(), Credentials{Jar: jar, Path: path, Header: http.Header{}}, asking(&got))
		if !slices.Equal(got, []string{"/me " + want}) {
			t.Errorf("about %s: asked %q, want %q", path, got, want)
		}
	}
}

// TestAsk_IgnoresCookiesItDidNotCarry: a whoami that is asked without the session's cookie
// sets a new one; that must not replace the session.
func TestAsk_IgnoresCookiesItDidNotCarry(t *testing.T) {
	var got []string
	c := Credentials{Jar: jarOf("SID=live; Path=/app", "cart=1; Path=/"), Path: "/", Header: http.Header{}}
	answer := asker(t, "/me").Ask(t.Context(), c, asking(&got, "SID=fresh; Path=/app", "new=1; Path=/"))
	if len(answer.Changes) != 1 || answer.Changes[0].Name != "new" {
		t.Errorf("changes %+v", answer.Changes)
	}
}

// TestAsk_ForgetsSessionsItBegan: a question without any cookie begins another session than
// the browser's. The next questions of the round are in it, and then it is forgotten.
func TestAsk_ForgetsSessionsItBegan(t *testing.T) {
	var got []string
	c := Credentials{Jar: EmptyJar, Path: "/", Header: http.Header{}}
	answer := asker(t, "/me", "/me2").Ask(t.Context(), c, asking(&got, "SID=fresh; Path=/"))
	if len(answer.Changes) != 0 || !slices.Equal(got, []string{"/me ", "/me2 SID=fresh"}) {
		t.Errorf("asked %q, changes %+v", got, answer.Changes)
	}
}

// TestAsk_ErrorIsUnknown: what was set before the error is still told.
func TestAsk_ErrorIsUnknown(t *testing.T) {
	answer := asker(t, "/me").Ask(t.Context(), Credentials{Jar: EmptyJar, Header: http.Header{}}, func(context.Context, string, http.Header) (whoami.Response, error) {
		return whoami.Response{}, errors.New("refused")
	})
	if answer.Kind != gate.Unknown || answer.Why != "asking /me: refused" {
		t.Errorf("%+v", answer)
	}
}

func TestAsk_EndsAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		answer := asker(t, "/me", "/me2").Ask(t.Context(), Credentials{Jar: EmptyJar, Header: http.Header{}}, func(ctx context.Context, _ string, _ http.Header) (whoami.Response, error) {
			<-ctx.Done()
			return whoami.Response{}, ctx.Err()
		})
		if took := time.Since(began); answer.Kind != gate.Unknown || took != AskDeadline {
			t.Errorf("%+v after %v", answer, took)
		}
	})
}

// TestCombine states rule Q3 for two answers and for three, in every order.
func TestCombine(t *testing.T) {
	alice, bob := Answer{Kind: gate.User, User: "alice", Scopes: 1}, Answer{Kind: gate.User, User: "bob"}
	stranger, unknown := Answer{Kind: gate.Anonymous}, Answer{Why: "x"}
	for _, tt := range []struct {
		name    string
		answers []Answer
		kind    gate.Answer
		user    string
	}{
		{"none", nil, gate.Unknown, ""}, {"one user", []Answer{alice}, gate.User, "alice"}, {"one stranger", []Answer{stranger}, gate.Anonymous, ""},
		{"user and stranger", []Answer{alice, stranger}, gate.User, "alice"}, {"strangers", []Answer{stranger, stranger}, gate.Anonymous, ""},
		{"two users", []Answer{alice, bob}, gate.Unknown, ""}, {"user and unknown", []Answer{alice, unknown}, gate.Unknown, ""},
		{"stranger and unknown", []Answer{stranger, unknown}, gate.Unknown, ""},
		{"two users, one stranger", []Answer{alice, stranger, bob}, gate.Unknown, ""}, {"one user twice", []Answer{alice, stranger, alice}, gate.User, "alice"},
	} {
		for range tt.answers {
			got := Combine(tt.answers...)
			if got.Kind != tt.kind || got.User != tt.user || got.Kind == gate.Unknown && got.Why == "" {
				t.Errorf("%s: %+v", tt.name, got)
			}
			if len(tt.answers) > 1 {
				tt.answers = append(tt.answers[1:], tt.answers[0])
			}
		}
	}
	change := func(name string) []Change { return []Change{{Cookie: Cookie{Name: name}}} }
	all := Combine(Answer{Kind: gate.User, User: "alice", Scopes: 1, Changes: change("a")}, Answer{Why: "x", Changes: change("b")}, Answer{Kind: gate.Anonymous, Changes: change("c")})
	if all.Kind != gate.Unknown || len(all.Changes) != 3 || all.Changes[1].Name != "b" {
		t.Errorf("changes %+v", all)
	}
	if both := Combine(alice, Answer{Kind: gate.User, User: "alice", Scopes: 2}); both.Scopes != 3 {
		t.Errorf("scopes %b", both.Scopes)
	}
}
