package portal

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/portal/cookie"
)

// sealedHere are what the portal set in the visit, with values that several readers
// agree on, elsewhere is what another visit has.
var (
	sealedHere = []string{"PHPSESSID=mine; Path=/", "app_sess=mine2; Path=/; SameSite=Lax", "deep=mine3; Path=/admin", "JSESSIONID=mine4; Path=/x; Max-Age=600", "left.token=mine5; Path=/",
		"long=mine6" + strings.Repeat("x", 4000) + "; Path=/"}
	elsewhere = []string{"PHPSESSID=stolen; Path=/", "app_sess=stolen; Path=/", "other=stolen; Path=/", "deep=stolen; Path=/admin"}
)

// readers are how portals read a Cookie header into names and values.
var readers = map[string]func(string) [][2]string{"net/http": goReads, "PHP": phpReads, "Java": javaReads}

func goReads(line string) (out [][2]string) {
	r := http.Request{Header: http.Header{"Cookie": {line}}}
	for _, c := range r.Cookies() {
		out = append(out, [2]string{c.Name, c.Value})
	}
	return out
}

// phpReads is PHP 8: blanks before a name go, dots, blanks and brackets in it become
// underscores, percent and plus are decoded in values, and in names of older versions.
func phpReads(line string) (out [][2]string) {
	decode := func(s string) string {
		if d, err := url.QueryUnescape(s); err == nil {
			return d
		}
		return s
	}
	for p := range strings.SplitSeq(line, ";") {
		name, value, _ := strings.Cut(strings.TrimLeft(p, " \t\n\v\f\r"), "=")
		name, _, _ = strings.Cut(strings.TrimLeft(decode(name), " "), "\x00")
		name = strings.NewReplacer(".", "_", " ", "_", "[", "_").Replace(name)
		if name != "" {
			out = append(out, [2]string{name, decode(value)})
		}
	}
	return out
}

// javaReads is a container that knows RFC 2109: commas separate too, quotes hold
// separators, blanks end values, $ attributes go.
func javaReads(line string) (out [][2]string) {
	for line != "" {
		line = strings.TrimLeft(line, " \t;,")
		name, rest, found := strings.Cut(line, "=")
		if at := strings.IndexAny(name, ";, \t"); !found || at >= 0 {
			line = line[max(at, 0):]
			if !found && at < 0 {
				break
			}
			continue
		}
		value := ""
		if strings.HasPrefix(rest, `"`) {
			value, line, _ = strings.Cut(rest[1:], `"`)
		} else {
			stop := strings.IndexAny(rest+";", ";, \t")
			value, line = rest[:stop], rest[stop:]
		}
		if !strings.HasPrefix(name, "$") {
			out = append(out, [2]string{name, value})
		}
	}
	return out
}

// attacker writes Cookie headers from words: m0… and o0… are cookies sealed in this
// visit and in another, the rest stands as it is.
type attacker struct {
	words *strings.Replacer
	mine  *VisitKeys
}

func newAttacker(f testing.TB) attacker {
	key := keys.Generate()
	s := NewSealer(ring(f, key), "shop")
	mine, other := s.Keys("shop.test", "token"), s.Keys("shop.test", "another")
	var pairs []string
	add := func(word string, k *VisitKeys, set []string) {
		for i, p := range strings.Split(cookieHeader(f, sealAll(f, k, now, set...))[0], "; ") {
			name, value, _ := strings.Cut(p, "=")
			digit := string(rune('0' + i))
			pairs = append(pairs, "{"+word+digit+"}", p, "{"+word+"n"+digit+"}", name, "{"+word+"v"+digit+"}", value)
		}
	}
	// In words, because the fuzzer would spend its time on shortening them.
	pairs = append(pairs, "{150}", strings.Repeat("a=1;", 150), "{3001}", strings.Repeat(";", 3001))
	add("m", mine, sealedHere)
	add("o", other, elsewhere)
	return attacker{strings.NewReplacer(pairs...), mine}
}

// cookieSeeds are threats.md, section A.
var cookieSeeds = []string{
	"{m0}; {m1}; {m2}; {m3}; {m4}; {m5}; {m6}", "{m0}; PHPSESSID=stolen", "PHPSESSID=stolen; {m0}", "{m1}; app.sess=stolen; app sess=stolen; app[sess=stolen", "{m0}; {o0}; {o1}; {o2}; {o3}",
	"{mn0}={ov0}", "{on0}={mv0}", "{mn0}={mv1}; {mn1}={mv0}", "{m0}; {mn0}={ov0}", "{mn0}={ov0}; {m0}", `{m0}; x="; {o0}; y="`, "{m0}, PHPSESSID=stolen", "{m0}; PHPSESSID=st%6flen",
	"{m0}; PHPSESSI%44=stolen", "{m0}; PHPSESSID[]=stolen", "{m0}\x00; PHPSESSID=stolen", "{m0}; lang=x; lang=y", "{m0}; lang=a,PHPSESSID=stolen", "{m0}; lang=PHPSESSID=stolen",
	"{m0}; left_a=1; LEFT_a=2; left.a=3", "{m0}; theme=\"a; PHPSESSID=stolen\"", "{m0}; $Version=1; $PHPSESSID=stolen", "{m5}; {mn6}={ov0}", "{mn5}=2~{ov0}; {m6}", "{m4}; left_token=stolen", "{m0};;;; ;{m0};\t{m1}",
	"{150}{m0}", "{3001}PHPSESSID=stolen", "{m0}; Phpsessid=stolen; phpsessid=stolen", "{m0}; \xff=stolen; a=\xff; b=\\", "sg=token; {m0}",
}

// FuzzRebuild: whatever Cookie header arrives, the one built for the portal holds only
// what was sealed for this visit, and what `leave` names, for every reader.
func FuzzRebuild(f *testing.F) {
	a := newAttacker(f)
	for _, s := range cookieSeeds {
		f.Add(s, "/admin/x")
	}
	policy := NewCookiePolicy([]string{"left_*"})
	rc, err := Read([]string{a.words.Replace(cookieSeeds[0])}, NamesFor("default", false), "shop.test", policy)
	if err != nil {
		f.Fatal(err)
	}
	if jar, _ := rc.Open(a.mine, now, now.Add(-time.Hour)); len(jar.Cookies()) != len(sealedHere) {
		f.Fatalf("%d cookies open of %d: nothing is tested", len(jar.Cookies()), len(sealedHere))
	}
	f.Fuzz(func(t *testing.T, line, path string) {
		path = "/" + strings.TrimPrefix(path, "/")
		rc, err := Read([]string{a.words.Replace(line)}, NamesFor("default", false), "shop.test", policy)
		if err != nil {
			return
		}
		jar, _ := rc.Open(a.mine, now, now.Add(-time.Hour))
		checkOnlySealed(t, jar, policy, path)
		checkOnlySealed(t, rc.Unsealed(), policy, path)
		checkOnlySealed(t, jar.Strangers(), policy, path)
	})
}

// mayRead is what the portal set in this visit, as far as the browser sent it, by
// name: for the paths that it is for, else empty.
func mayRead(t *testing.T, jar *Jar, path string) map[string]string {
	t.Helper()
	set := map[string]cookie.SetCookie{}
	for _, line := range sealedHere {
		sc, err := cookie.ParseSetCookie(line, "/", now)
		if err != nil {
			t.Fatal(err)
		}
		set[sc.Name] = sc
	}
	out := map[string]string{}
	for _, c := range jar.Cookies() {
		out[c.Name] = ""
		if sc := set[c.Name]; cookie.PathMatch(sc.Path, path) {
			out[c.Name] = sc.Value
		}
	}
	return out
}

func checkOnlySealed(t *testing.T, jar *Jar, policy *CookiePolicy, path string) {
	t.Helper()
	header, may := jar.View(path).Header, mayRead(t, jar, path)
	for reader, read := range readers {
		seen := map[string]bool{}
		for _, p := range read(header) {
			name, value := p[0], p[1]
			want, sealed := sameName(name, may)
			if sealed && value != want || !sealed && !isUnsealed(name, policy) {
				t.Errorf("%s reads %s=%q, which was not sealed here", reader, name, value)
			}
			if seen[name] {
				t.Errorf("%s reads %s twice in %q", reader, name, header)
			}
			seen[name] = true
		}
	}
}

// sameName finds the cookie that was sealed under a name, as careless readers take it.
func sameName(name string, sealed map[string]string) (value string, ok bool) {
	for s, v := range sealed {
		if cookie.Same(s, name) {
			return v, true
		}
	}
	return "", false
}

// isUnsealed reports whether a name, as PHP mangles it too, is one that is not sealed.
func isUnsealed(name string, policy *CookiePolicy) bool {
	if c := policy.Class(name); c == Passthrough || c == Public {
		return true
	}
	return strings.HasPrefix(name, "_pk_id_") || strings.HasPrefix(name, "_pk_ses_") || strings.HasPrefix(name, "_pk_ref_")
}
