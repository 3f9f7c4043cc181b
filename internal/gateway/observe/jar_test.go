package observe

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/portal"
)

var then = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func change(name, value, path string) portal.Change {
	return portal.Change{Cookie: portal.Cookie{Name: name, Value: value, Path: path}, Delete: value == ""}
}

func pairs(list ...string) (out []portal.Pair) {
	for i := 0; i < len(list); i += 2 {
		out = append(out, portal.Pair{Name: list[i], Value: list[i+1]})
	}
	return out
}

func (j *jar) holds(t *testing.T, want string) {
	t.Helper()
	got := ""
	for _, c := range j.list() {
		got += fmt.Sprintf("%s=%s %s;", c.Name, c.Value, c.Path)
	}
	if got != want {
		t.Errorf("the browser is taken to hold %q, want %q", got, want)
	}
}

// TestJar_Late: a request that was under way when the portal changed a cookie does not
// bring the old value back. No question is put about a replaced session.
func TestJar_Late(t *testing.T) {
	var j jar
	j.set(change("sid", "1", "/"), then)
	j.set(change("sid", "2", "/"), then.Add(time.Second))
	j.set(change("bye", "1", "/"), then)
	j.set(change("bye", "", "/"), then.Add(time.Second))
	if unknown := j.sent(pairs("sid", "1", "bye", "1"), "/", true, then.Add(time.Second)); len(unknown) != 0 {
		t.Errorf("unknown: %v", unknown)
	}
	j.holds(t, "sid=2 /;")
	if !j.setSince("sid", "/", then) || j.setSince("sid", "/", then.Add(time.Second)) || j.setSince("sid", "/x", then) {
		t.Error("when it was set is not known")
	}
}

// TestJar_Paths: a cookie that a request leaves out because of its path is kept.
func TestJar_Paths(t *testing.T) {
	var j jar
	j.set(change("a", "1", "/admin"), then)
	j.set(change("a", "2", "/"), then)
	j.set(change("b", "3", "/"), then)
	j.sent(pairs("a", "2"), "/", true, then.Add(time.Minute))
	j.holds(t, "a=1 /admin;a=2 /;")
	j.sent(pairs("a", "9"), "/", false, then.Add(time.Minute))
	j.holds(t, "a=1 /admin;a=9 /;")
}

// TestJar_Unknown: a cookie is returned to the portal even if the portal was never seen to set
// one with its name. When the portal sets that name later, it is the same cookie.
func TestJar_Unknown(t *testing.T) {
	var j jar
	for range 2 {
		if unknown := j.sent(pairs("chat", "1"), "/", true, then); len(unknown) != 1 || unknown[0] != "chat" {
			t.Errorf("unknown: %v", unknown)
		}
	}
	j.set(change("chat", "2", "/"), then)
	if unknown := j.sent(pairs("chat", "2"), "/", true, then); len(unknown) != 0 {
		t.Errorf("unknown: %v", unknown)
	}
	j.holds(t, "chat=2 /;")
}

// TestJar_Bounded: what strangers send is not remembered without bound.
func TestJar_Bounded(t *testing.T) {
	var many, long jar
	for i := range 2 * maxCookies {
		many.set(change(fmt.Sprint(i), "1", "/"), then)
	}
	if len(many.cookies) != maxCookies || !many.incomplete {
		t.Errorf("%d cookies remembered", len(many.cookies))
	}
	long.sent(pairs("a", strings.Repeat("x", maxBytes)), "/", true, then)
	if len(long.cookies) != 0 || !long.incomplete {
		t.Error("a long value is remembered")
	}
}

// TestJar_Substitute: the value that a question's response set is forwarded in place of
// every value that it replaced, until the browser has it or the portal sets another.
func TestJar_Substitute(t *testing.T) {
	var j jar
	ask := func(value, changed string) {
		j.replace([]portal.Cookie{{Name: "sid", Value: value, Path: "/"}}, []portal.Change{change("sid", changed, "/"), change("new", "x", "/"), change("gone", "", "/")}, then)
	}
	sends := func(value, want string, undelivered int) {
		t.Helper()
		list := pairs("x", "1", "sid", value)
		got := j.substitute(list)
		if list[1].Value != want || len(got) != undelivered {
			t.Errorf("%s is forwarded as %s, with %d undelivered", value, list[1].Value, len(got))
		}
	}
	j.sent(pairs("sid", "1"), "/", true, then)
	ask("1", "2")
	sends("1", "2", 1)
	ask("2", "3") // before the browser's next request
	sends("1", "3", 1)
	sends("2", "3", 1)
	if got := j.substitute(pairs("x", "1")); len(got) != 0 {
		t.Errorf("a request to another path got %v", got)
	}
	sends("1", "3", 1)
	sends("3", "3", 0)
	ask("3", "4")
	j.set(change("sid", "9", "/"), then)
	sends("3", "3", 0)
	ask("3", "3")
	sends("3", "3", 0)
	j.holds(t, "sid=9 /;")
}
