package portal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/keys"
)

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func ring(t testing.TB, files ...string) *keys.Ring {
	t.Helper()
	r, err := keys.Parse(strings.Join(files, ""))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// cookieHeader is the Cookie line that a browser makes of Set-Cookie lines.
func cookieHeader(t testing.TB, lines []string) []string {
	t.Helper()
	var pairs []string
	for _, line := range lines {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			t.Fatal(err)
		}
		if c.MaxAge >= 0 {
			pairs = append(pairs, c.Name+"="+c.Value)
		}
	}
	return []string{strings.Join(pairs, "; ")}
}

// sealAll seals cookies for a visit as lines for the browser.
func sealAll(t testing.TB, k *VisitKeys, at time.Time, set ...string) []string {
	t.Helper()
	changes := changesOf(set, "/", NewCookiePolicy(nil), at)
	w := &Writer{Keys: k, Names: NamesFor("default", false), Now: at, MaxLife: 400 * 24 * time.Hour}
	lines, ok := w.Seal(EmptyJar, EmptyJar.Apply(changes).Stamped(changes, Stamp{User: "alice"}), changes)
	if !ok {
		t.Fatal("too long")
	}
	return lines
}

func open(t testing.TB, k *VisitKeys, lines []string, at time.Time) (*Jar, []Stale) {
	t.Helper()
	rc, err := Read(lines, NamesFor("default", false), "shop.test", NewCookiePolicy(nil))
	if err != nil {
		t.Fatal(err)
	}
	return rc.Open(k, at, at.Add(-400*24*time.Hour))
}

// TestSeal_OpensOnlyInItsVisit: not in another visit or realm, not under another
// master key, and not under another cookie's name.
func TestSeal_OpensOnlyInItsVisit(t *testing.T) {
	key := keys.Generate()
	mine := NewSealer(ring(t, key), "shop").Keys("shop.test", "token")
	header := cookieHeader(t, sealAll(t, mine, now, "a=1; Path=/", "b=2; Path=/"))
	if jar, stale := open(t, mine, header, now); jar.View("/").Header != "a=1; b=2" || len(stale) != 0 {
		t.Fatalf("%q, stale %v", jar.View("/").Header, stale)
	}
	for name, k := range map[string]*VisitKeys{
		"another visit":           NewSealer(ring(t, key), "shop").Keys("shop.test", "token2"),
		"another realm":           NewSealer(ring(t, key), "shop2").Keys("shop.test", "token"),
		"realm and token shifted": NewSealer(ring(t, key), "shopt").Keys("shop.test", "oken"),
		"another master key":      NewSealer(ring(t, keys.Generate()), "shop").Keys("shop.test", "token"),
	} {
		if jar, stale := open(t, k, header, now); !jar.Empty() || len(stale) != 2 {
			t.Errorf("in %s: %q, stale %v", name, jar.View("/").Header, stale)
		}
	}
	first, second, _ := strings.Cut(header[0], "; ")
	nameA, valueA, _ := strings.Cut(first, "=")
	nameB, valueB, _ := strings.Cut(second, "=")
	swapped := []string{nameA + "=" + valueB + "; " + nameB + "=" + valueA}
	if jar, _ := open(t, mine, swapped, now); !jar.Empty() {
		t.Errorf("under each other's names: %q", jar.View("/").Header)
	}
	other := []string{"sg-" + mine.Tag("c", "/") + "=" + valueA}
	if jar, _ := open(t, mine, other, now); !jar.Empty() {
		t.Errorf("under another name: %q", jar.View("/").Header)
	}
}

// TestSeal_NamesAreUnique per visit, name and path, so that a late answer to an older
// visit overwrites nothing; within the visit they stay the same.
func TestSeal_NamesAreUnique(t *testing.T) {
	s := NewSealer(ring(t, keys.Generate()), "shop")
	k := s.Keys("shop.test", "token")
	seen := map[string]bool{}
	for _, tag := range []string{k.Tag("a", "/"), k.Tag("b", "/"), k.Tag("a", "/x"), k.Tag("a/", ""), s.Keys("shop.test", "other").Tag("a", "/")} {
		if seen[tag] || len(tag) != tagLen {
			t.Errorf("%s twice, or too short", tag)
		}
		seen[tag] = true
	}
	if s.Keys("shop.test", "token").Tag("a", "/") != k.Tag("a", "/") {
		t.Error("the name changes within a visit")
	}
}

func TestSeal_OpensAfterKeyRotation(t *testing.T) {
	old, fresh := keys.Generate(), keys.Generate()
	before := NewSealer(ring(t, old), "shop").Keys("shop.test", "token")
	between := NewSealer(ring(t, fresh, old), "shop").Keys("shop.test", "token")
	header := cookieHeader(t, sealAll(t, before, now, "a=1; Path=/"))
	if jar, _ := open(t, between, header, now); jar.View("/").Header != "a=1" {
		t.Errorf("%q", jar.View("/").Header)
	}
	// The browser now gets the same cookie under another tag; the later one counts.
	later := cookieHeader(t, sealAll(t, between, now.Add(time.Second), "a=2; Path=/"))
	both := []string{header[0] + "; " + later[0]}
	if jar, stale := open(t, between, both, now.Add(time.Minute)); jar.View("/").Header != "a=2" || len(stale) != 1 {
		t.Errorf("%q, stale %v", jar.View("/").Header, stale)
	}
}

func TestSeal_EndsWithTheCookie(t *testing.T) {
	k := NewSealer(ring(t, keys.Generate()), "shop").Keys("shop.test", "token")
	header := cookieHeader(t, sealAll(t, k, now, "a=1; Path=/; Max-Age=60", "b=1; Path=/"))
	for after, want := range map[time.Duration]string{
		59 * time.Second: "a=1; b=1", 61 * time.Second: "b=1", 399 * 24 * time.Hour: "b=1", 401 * 24 * time.Hour: "",
	} {
		if jar, _ := open(t, k, header, now.Add(after)); jar.View("/").Header != want {
			t.Errorf("after %v: %q, want %q", after, jar.View("/").Header, want)
		}
	}
}

func TestSeal_TamperedValueDoesNotOpen(t *testing.T) {
	k := NewSealer(ring(t, keys.Generate()), "shop").Keys("shop.test", "token")
	name, value, _ := strings.Cut(cookieHeader(t, sealAll(t, k, now, "a=1; Path=/"))[0], "=")
	for _, odd := range []string{
		"", "x", value[1:], value[:len(value)-1], value + "A", value + "=", "1~" + value, "99~" + value, "~" + value,
		strings.ToLower(value), "A" + value[1:],
	} {
		if odd == value {
			continue
		}
		if jar, stale := open(t, k, []string{name + "=" + odd}, now); !jar.Empty() || len(stale) != 1 {
			t.Errorf("%.20s: %q, stale %v", odd, jar.View("/").Header, stale)
		}
	}
}

// TestSeal_LeftTwinIsDropped: a passthrough cookie is dropped if some parser takes its name for
// that of a sealed cookie. The portal then sees the sealed session only.
func TestSeal_LeftTwinIsDropped(t *testing.T) {
	k := NewSealer(ring(t, keys.Generate()), "shop").Keys("shop.test", "token")
	header := cookieHeader(t, sealAll(t, k, now, "app_sess=mine; Path=/"))[0]
	for _, name := range []string{"app_sess", "app.sess", "APP_sess"} {
		rc, err := Read([]string{name + "=stolen; app_other=1; " + header}, NamesFor("default", false), "shop.test", NewCookiePolicy([]string{"*"}))
		if err != nil {
			t.Fatal(err)
		}
		if jar, _ := rc.Open(k, now, now.Add(-time.Hour)); jar.View("/").Header != "app_sess=mine; app_other=1" {
			t.Errorf("beside %s the portal gets %q", name, jar.View("/").Header)
		}
	}
}

// TestSeal_TooLongIsLeftOut: and the old value does not stay behind.
func TestSeal_TooLongIsLeftOut(t *testing.T) {
	k := NewSealer(ring(t, keys.Generate()), "shop").Keys("shop.test", "token")
	w := &Writer{Keys: k, Names: NamesFor("default", false), Now: now, MaxLife: time.Hour}
	long := []Change{{Cookie: Cookie{Name: "a", Path: "/", Value: strings.Repeat("x", 60000)}}}
	lines, ok := w.Seal(EmptyJar, EmptyJar.Apply(long), long)
	if ok || len(lines) != 1 || !strings.Contains(lines[0], "Max-Age=0") {
		t.Errorf("%v %.100q", ok, lines)
	}
}

func TestPayload_RoundTrip(t *testing.T) {
	for _, c := range []Cookie{
		{},
		{Name: "a", Value: "1", Path: "/", Sealed: now},
		{Name: "a=b", Value: `"x; y"\` + "\xff", Path: "/ä", SameSite: http.SameSiteNoneMode, Expires: now.Add(time.Hour), Sealed: now, Stamp: Stamp{User: "Älice\x1f", Site: "/ä/two-factor"}},
		{Name: "d", Path: "/", Domain: "example.test", HTTPOnly: true, Sealed: now},
		{Name: strings.Repeat("n", 300), Value: strings.Repeat("v", 4000), Path: "/", SameSite: http.SameSiteStrictMode, Sealed: now},
	} {
		got, err := decode(c.encode())
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		if !got.Expires.Equal(c.Expires) || got.Sealed.UnixMilli() != c.Sealed.UnixMilli() {
			t.Errorf("times: %+v, want %+v", got, c)
		}
		got.Expires, got.Sealed = c.Expires, c.Sealed
		if !reflect.DeepEqual(got, c) {
			t.Errorf("%+v, want %+v", got, c)
		}
	}
}

// TestPayload_Earlier: what was sealed before there were flags still opens.
func TestPayload_Earlier(t *testing.T) {
	earlier := append([]byte{1, byte(http.SameSiteLaxMode)}, binary.AppendVarint(nil, now.UnixMilli())...)
	earlier = append(earlier, 0, 5)
	earlier = append(earlier, "alice\x01a\x01/value"...)
	c, err := decode(earlier)
	want := Cookie{Name: "a", Value: "value", Path: "/", SameSite: http.SameSiteLaxMode, HTTPOnly: true, Stamp: Stamp{User: "alice"}, Sealed: c.Sealed}
	if err != nil || c != want || !c.Sealed.Equal(now) {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestPayload_WithoutSite: what was sealed before stamps had a site still opens, and is any
// site's own.
func TestPayload_WithoutSite(t *testing.T) {
	earlier := append([]byte{2, byte(http.SameSiteLaxMode), flagHTTPOnly}, binary.AppendVarint(nil, now.UnixMilli())...)
	earlier = append(earlier, 0, 5)
	earlier = append(earlier, "alice\x01a\x01/\x00value"...)
	c, err := decode(earlier)
	if err != nil || c.Stamp != (Stamp{User: "alice"}) || c.Value != "value" || !c.Stamp.of("/two-factor") {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestPayload_OddBytes(t *testing.T) {
	whole := (&Cookie{Name: "name", Path: "/path", Sealed: now, Stamp: Stamp{User: "alice"}}).encode()
	for n := range len(whole) {
		if c, err := decode(whole[:n]); err == nil {
			t.Errorf("%d of %d bytes: %+v", n, len(whole), c)
		}
	}
	other := bytes.Clone(whole)
	other[0]++
	if _, err := decode(other); err == nil {
		t.Error("another version was read")
	}
}

func FuzzPayload(f *testing.F) {
	f.Add((&Cookie{Name: "a", Value: "b", Path: "/", Sealed: now}).encode())
	f.Add([]byte{1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := decode(b)
		if err != nil {
			return
		}
		again, err := decode(c.encode())
		if err != nil || fmt.Sprint(again) != fmt.Sprint(c) {
			t.Fatalf("%v: %+v, then %+v", err, c, again)
		}
	})
}
