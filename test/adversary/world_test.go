package adversary

import (
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
)

// The users. The attacker knows every password, and the authenticator of enrolled.
const (
	victim   = "victim"  // has a second factor, which only the owner can use
	own      = "mallory" // the attacker's account without a second factor
	enrolled = "eve"     // the attacker's account with a second factor
	origin   = "https://portal.example"
	theRealm = "adversary"
)

// World is a portal and the gateway in front of it. The zero value is a plain portal:
// one session cookie with Path=/, a sign-in form, nothing unusual.
type World struct {
	// Base is where the owner finds the portal's pages: "" or "/app".
	Base string
	// Name is the session cookie's; "" is PHPSESSID.
	Name string
	// CookiePath is the session cookie's Path; "" is "/", "none" leaves it out.
	CookiePath string
	// Whoami is the path of the question; "" is Base + "/whoami".
	Whoami string
	// Second adds a cookie that is needed together with the session cookie; its value is that
	// cookie's Path, as above, or "/" for the whole portal.
	Second string
	// Remember adds a cookie that signs its user in wherever the session has no user. Revives
	// makes it sign that session in as well.
	Remember, Revives bool
	// Last makes the portal read the last of several cookies of one name, not the first.
	Last bool
	// Lazy starts sessions at the sign-in, not with the first page.
	Lazy bool
	// Loose accepts session ids that the portal did not issue.
	Loose bool
	// IDs lists the other places from which a session id is read: "", "url", "body" or "url body".
	IDs string
	// FoldCase ignores the case of paths.
	FoldCase bool

	// Rotation is what a sign-in does to the session id: "" keeps it, "renew" replaces it,
	// "alive" replaces it and leaves the old id signed in, too.
	Rotation string
	// Commit is when a change of a request becomes visible to other requests: "" before the
	// response's headers, "after headers", "at end" of the body, or "later": shortly after the
	// response.
	Commit string
	// Renews is which requests give a signed-in session another id where it is 50 s old: "",
	// "whoami" or "all".
	Renews string
	// Locks makes a request hold its session's lock until it has ended.
	Locks bool
	// Whole makes a stranger's streams, long pages and polls save their session at their end as
	// they read it last.
	Whole bool
	// Single lets each user have one session: a sign-in ends those of before.
	Single bool
	// Persists lets a request without a waiting client and proxy run for 45 s instead of 1 s.
	Persists bool
	// SignIn is a second way to sign in besides the form: "", "query", "json", "link", "switch" or
	// "graphql", where one request may sign several users in.
	SignIn string
	// Answer is how a sign-in is answered: "" with a bare 302, "302 body", "200", "204".
	Answer string
	// Pin is a header that a session is bound to; another value makes the request
	// anonymous. "theme" is the cookie of that name.
	Pin string
	// Falls makes the portal use the cookie of Remember, and so another user, for a request with a
	// header that does not fit its session. Only known limits draw it; see limits.
	Falls bool
	// Follow makes long responses and streams read their session again before each part.
	Follow bool
	// Pushes makes the portal name the reader through an open tunnel every second, until its
	// session is signed in inside of it.
	Pushes bool
	// Joint lets a tunnel show what a sign-in inside of another tunnel brought. Only known limits
	// draw it; see limits.
	Joint bool
	// FormToken requires a token from the form's page with each form.
	FormToken bool
	// Slow is which requests take time at the portal: "", "whoami" or "all".
	Slow string
	// Extras are more ways to be recognised, which the gateway has to strip: Basic
	// authentication, and a header that makes a GET a POST.
	Extras bool
	// Seen makes the whoami page set a cookie with each response.
	Seen bool
	// Loud names the reader in early hints, in a header, in a cookie and in a trailer, too.
	Loud bool
	// Hasty is a proxy that gives a portal up after 20 s without a byte.
	Hasty bool

	// Undeclared leaves sign_in and sign_out out of the gateway's settings.
	Undeclared bool
	// Rotates, WatchUnsafe, Required and Guest are the gateway's settings of these names.
	Rotates, WatchUnsafe, Required, Guest bool
	// Always is the gateway's setting `recheck 0`.
	Always bool
	// Unenrolled leaves the victim without a second factor until the action "set up".
	Unenrolled bool
	// Shared gives owner and attacker the same address.
	Shared bool
}

// normal returns the nearest world that the documentation supports: settings that a
// portal contradicts, and the limits that design.md lists, are taken out.
func (w World) normal() World {
	if w.Name == "" {
		w.Name = "PHPSESSID"
	}
	if w.Whoami == "" {
		w.Whoami = w.Base + "/whoami"
	}
	if w.CookiePath == "" {
		w.CookiePath = "/"
	}
	if w.CookiePath == "none" {
		w.Renews = "" // a question would put the session below the page that is asked
	}
	if w.Locks && w.Commit == "later" {
		w.Commit = "at end" // a lock is held until the session is written
	}
	if w.Shared && strings.HasPrefix(w.Pin, "X-") {
		w.Shared = false // documented: such requests without cookies wait for each other
	}
	if w.undeclaredLink() {
		w.WatchUnsafe = false // it declares that such requests never sign in
		if !strings.HasPrefix(w.Answer, "302") && w.Answer != "" && w.Rotation == "" && !w.Remember {
			w.Answer = "" // documented: answers 200 and changes no cookie
		}
		// Documented limit: a response in parallel to an undeclared link. So the link takes no
		// time.
		w.Follow, w.Pushes, w.Commit, w.Slow, w.Locks = false, false, "", "", false
	}
	if w.Single && w.Commit == "later" {
		w.Commit = "at end" // documented: a session that ends before the response to its sign-in
	}
	// Documented: an undeclared sign-in that a page of before overwrites. A lock rules it out.
	w.Whole = w.Whole && !w.Undeclared && !w.Locks
	w.Revives = w.Revives && w.Remember
	if w.Commit == "later" && w.Undeclared && w.shows() {
		w.Commit = "at end" // only a declared sign-in is asked about twice
	}
	if w.IDs != "" && w.Name == "sid" {
		w.Lazy = false // documented: other names than the usual are known as soon as a cookie has one
		if !pathMatch(w.CookiePath, "/app/") {
			w.Name = "PHPSESSID" // no page that a stranger loads sets it
		}
	}
	if w.Rotates {
		w.Rotation = "renew"
		if w.Commit == "later" {
			w.Commit = "at end" // rotates promises that the new id is known when the response ends
		}
	}
	if w.FormToken {
		w.Lazy = false // the token is kept in the session
	}
	return w
}

// undeclaredLink reports whether a GET signs in that the gateway's settings don't name.
func (w World) undeclaredLink() bool { return w.safeSignIn() && w.Undeclared }

// shows reports whether the response to a sign-in has something of the user's in it.
func (w World) shows() bool {
	return w.Answer == "200" || w.Answer == "302 body" || w.Loud || w.SignIn == "graphql"
}

// late is how long after its response a portal with Commit "later" changes the session:
// less than the time after which the gateway asks again about a response that shows
// something, and else less than its settle.
func (w World) late() time.Duration {
	if w.shows() {
		return 150 * time.Millisecond
	}
	return 700 * time.Millisecond
}

// safeSignIn reports whether a GET signs in.
func (w World) safeSignIn() bool {
	return slices.Contains([]string{"query", "link", "switch"}, w.SignIn)
}

// cookiePaths are the paths that the owner's browser keeps the credentials under.
func (w World) cookiePaths() []string {
	paths := []string{w.CookiePath}
	if w.Second != "" {
		paths = append(paths, w.Second)
	}
	for i, p := range paths {
		if p == "none" {
			paths[i] = max(w.Base, "/")
		}
	}
	return paths
}

// usable reports whether a browser can use the portal at all: every page gets all of the
// credentials.
func (w World) usable() bool {
	for _, p := range w.cookiePaths() {
		if !pathMatch(p, w.Base+"/account") || !pathMatch(p, w.Base+"/") {
			return false
		}
	}
	return true
}

// decidable reports whether a browser can use the portal and the questions can identify the owner:
// the whoami page gets all of the credentials.
func (w World) decidable() bool {
	if w.Commit == "later" && w.Rotation != "" {
		return false // a browser that follows the redirect at once begins another session
	}
	if w.Single {
		return false // an attacker with the password ends the owner's session
	}
	return w.usable() && !slices.ContainsFunc(w.cookiePaths(), func(p string) bool { return !pathMatch(p, w.Whoami) })
}

// twins reports whether a question without a session leaves another one below the whoami page's
// directory, which hides the owner's from the next questions. It is a finding that is open.
func (w World) twins() bool {
	return w.CookiePath == "none" && path.Dir(w.Whoami) != max(w.Base, "/")
}

// pathMatch is RFC 6265, 5.1.4.
func pathMatch(cookie, path string) bool {
	rest, ok := strings.CutPrefix(path, cookie)
	return ok && (rest == "" || rest[0] == '/' || strings.HasSuffix(cookie, "/"))
}

// pinned are the headers that a portal may bind sessions to, with the value that the
// owner's browser sends always and another one.
var pinned = []struct{ name, usual, other string }{
	{"User-Agent", "Mozilla/5.0 Firefox/140.0", "curl/8.9"},
	{"Accept-Language", "en", "de"},
	{"Accept-Charset", "utf-8", "iso-8859-1"},
	{"Accept-Encoding", "gzip, deflate, br", "gzip;q=0.5"},
	{"Referer", origin + "/start", origin + "/other"},
	{"Origin", origin, "https://elsewhere.example"},
	{"Sec-Ch-Ua", `"Firefox";v="140"`, `"Other";v="1"`},
	{"Sec-Ch-Ua-Model", `"one"`, `"two"`},
	{"Save-Data", "on", "off"},
	{"X-Requested-With", "app", "other"},
	{"X-Csrf-Token", "one", "two"},
	{"X-Device", "one", "two"},
	{"theme", "dark", "light"},
}

// pinValue is what a request shows of the header that sessions are bound to.
func (w World) pinValue(r *http.Request) string {
	if w.Pin == "theme" {
		c, err := r.Cookie("theme")
		if err != nil {
			return ""
		}
		return c.Value
	}
	return strings.Join(r.Header.Values(w.Pin), "\n")
}
