package cookie_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/internal/portal/cookie"
)

// parse returns what Parse yields as "name=value" strings.
func parse(lines ...string) (pairs, dropped []string, err error) {
	dropped, err = cookie.Parse(lines, func(name, value string) {
		pairs = append(pairs, name+"="+value)
	})
	return pairs, dropped, err
}

func TestParse(t *testing.T) {
	tests := []struct {
		name, line     string
		pairs, dropped []string
	}{
		{"one", "sid=abc", []string{"sid=abc"}, nil},
		{"several, in order", "b=2; a=1;c=3;  d=4", []string{"b=2", "a=1", "c=3", "d=4"}, nil},
		{"our own pieces", "__Host-sg-AbC_-9.1=16~xyz", []string{"__Host-sg-AbC_-9.1=16~xyz"}, nil},
		{"empty value", "a=; b=", []string{"a=", "b="}, nil},
		{"equals signs in the value", "a=b==", []string{"a=b=="}, nil},
		{"percent encoding stays", "a=%00%3B", []string{"a=%00%3B"}, nil},
		{"empty pairs", "; a=1;; ;", []string{"a=1"}, nil},
		{"nothing", "", nil, nil},
		{"twins are both yielded", "a=1; a=2", []string{"a=1", "a=2"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pairs, dropped, err := parse(tt.line)
			if err != nil || !slices.Equal(pairs, tt.pairs) || !slices.Equal(dropped, tt.dropped) {
				t.Errorf("got %q, dropped %q, %v", pairs, dropped, err)
			}
		})
	}
}

// TestAttack_TwoParsersTwoCookies: a pair that PHP, Java, Go or Python read differently is
// dropped. The other pairs are kept.
func TestAttack_TwoParsersTwoCookies(t *testing.T) {
	long := strings.Repeat("n", 200)
	tests := []struct{ name, pair, dropped string }{
		{"no equals sign", "sid", ""},
		{"no name", "=sid", ""},
		{"array of PHP", "sid[]=x", "sid[]"},
		{"open bracket of PHP", "app[sess=x", "app[sess"},
		{"blank in the name", "app sess=x", "app sess"},
		{"blank after the name", "sid =x", "sid "},
		{"blank before the value", "sid= x", "sid"},
		{"blank after the value", "sid=x ", "sid"},
		{"percent in the name", "s%69d=x", "s%69d"},
		{"plus in the name", "app+sess=x", "app+sess"},
		{"quotes", `sid="x"`, "sid"},
		{"one quote, to swallow the next pair", `sid="x`, "sid"},
		{"backslash", `sid=x\`, "sid"},
		{"comma separates in Java", "lang=en,sid=stolen", "lang"},
		{"blank separates in Python", "lang=en sid=stolen", "lang"},
		{"tab", "sid=x\ty", "sid"},
		{"byte from 0x80", "sid=\xff", "sid"},
		{"name with UTF-8", "sïd=x", "sïd"},
		{"RFC 2965 attribute", "$Path=/", "$Path"},
		{"long name", long + "=x", long[:128]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pairs, dropped, err := parse("a=1; " + tt.pair + "; b=2")
			if err != nil || !slices.Equal(pairs, []string{"a=1", "b=2"}) || !slices.Equal(dropped, []string{tt.dropped}) {
				t.Errorf("got %q, dropped %q, %v", pairs, dropped, err)
			}
		})
	}
}

func TestParse_Refused(t *testing.T) {
	tests := []struct {
		name  string
		lines []string
		want  error
	}{
		{"two lines", []string{"a=1", "b=2"}, cookie.ErrLines},
		{"two empty lines", []string{"", ""}, cookie.ErrLines},
		{"NUL", []string{"a=1\x00"}, cookie.ErrControl},
		{"DEL", []string{"a=1; \x7f"}, cookie.ErrControl},
		{"CR LF", []string{"a=1\r\nb=2"}, cookie.ErrControl},
		{"201 pairs", []string{strings.Repeat("a=1;", 200) + "a=1"}, cookie.ErrPairs},
		{"3001 semicolons", []string{strings.Repeat(";", 3001)}, cookie.ErrPairs},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pairs, dropped, err := parse(tt.lines...)
			if !errors.Is(err, tt.want) || pairs != nil || dropped != nil {
				t.Errorf("got %q, %q, %v; want %v and nothing yielded", pairs, dropped, err, tt.want)
			}
		})
	}
	if pairs, _, err := parse(strings.Repeat("a=1;", 199) + "a=1"); err != nil || len(pairs) != 200 {
		t.Errorf("200 pairs: %d, %v", len(pairs), err)
	}
}

func TestSame(t *testing.T) {
	tests := []struct {
		a, b string
		want bool
	}{
		{"app_sess", "app.sess", true},
		{"app_sess", "app sess", true},
		{"app_sess", "app[sess", true},
		{"app_sess", " APP.sess", true},
		{"app_sess", "app-sess", false},
		{"app_sess", "app_ses", false},
	}
	for _, tt := range tests {
		if cookie.Same(tt.a, tt.b) != tt.want || cookie.Same(tt.b, tt.a) != tt.want {
			t.Errorf("Same(%q, %q) is not %v", tt.a, tt.b, tt.want)
		}
	}
}

// phpRead is how PHP 8 reads the header into $_COOKIE, but for percent-decoding
// values, which every portal does in its own way on bytes that we pass on.
func phpRead(line string) (pairs []string) {
	for _, p := range strings.Split(line, ";") {
		name, value, _ := strings.Cut(strings.TrimLeft(p, " \t\n\v\f\r"), "=")
		name, _, _ = strings.Cut(name, "\x00")
		name = strings.TrimLeft(name, " ")
		if i := strings.IndexByte(name, '['); i >= 0 {
			name = name[:i]
		}
		if name != "" {
			pairs = append(pairs, strings.NewReplacer(".", "_", " ", "_").Replace(name)+"="+value)
		}
	}
	return pairs
}

// javaRead is how containers that still know RFC 2109 and 2965 read it: commas
// separate, blanks end a value, quoted values may hold separators, $ attributes go.
func javaRead(line string) (pairs []string) {
	for line != "" {
		line = strings.TrimLeft(line, " \t;,")
		end := strings.IndexAny(line, "=;, \t")
		if end < 0 || line[end] != '=' {
			line = line[max(0, strings.IndexAny(line+";", ";,")):]
			if strings.Trim(line, ";, \t") == "" {
				break
			}
			continue
		}
		name, rest := line[:end], line[end+1:]
		value, quoted := "", strings.HasPrefix(rest, `"`)
		if quoted {
			value, line, _ = strings.Cut(rest[1:], `"`)
		} else {
			stop := strings.IndexAny(rest+";", ";, \t")
			value, line = rest[:stop], rest[stop:]
		}
		if !strings.HasPrefix(name, "$") {
			pairs = append(pairs, name+"="+value)
		}
	}
	return pairs
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"a=1; b=2", `a="x;y"; b=\`, "app.sess=1; app_sess=2; app[sess=3", "$Version=1; a=b", "a=b, c=d", "a; =b; c",
		"sid=x\x00y", "__Host-sg-x.1=abc~d", strings.Repeat("a=1;", 300), " ;;\t; a=\xff",
	} {
		f.Add(s)
	}
	dotted := strings.NewReplacer(".", "_")
	f.Fuzz(func(t *testing.T, line string) {
		pairs, _, err := parse(line)
		if err != nil && pairs != nil {
			t.Fatalf("error and pairs: %q", pairs)
		}
		rebuilt := strings.Join(pairs, "; ")
		again, dropped, err := parse(rebuilt)
		if err != nil || dropped != nil || !slices.Equal(again, pairs) {
			t.Fatalf("%q is read again as %q, dropped %q, %v", pairs, again, dropped, err)
		}
		if java := javaRead(rebuilt); !slices.Equal(java, pairs) {
			t.Fatalf("Java reads %q of %q", java, pairs)
		}
		var mangled []string
		for _, p := range pairs {
			name, value, _ := strings.Cut(p, "=")
			mangled = append(mangled, dotted.Replace(name)+"="+value)
		}
		if php := phpRead(rebuilt); !slices.Equal(php, mangled) {
			t.Fatalf("PHP reads %q of %q", php, pairs)
		}
	})
}

func cookieLine() []string {
	var b strings.Builder
	for i := range 8 {
		fmt.Fprintf(&b, "__Host-sg-Tag%d=%s; ", i, strings.Repeat("A", 200))
	}
	return []string{b.String() + "lang=en; _ga=GA1.2.3.4"}
}

func TestParse_NoAllocations(t *testing.T) {
	lines, n := cookieLine(), 0
	allocs := testing.AllocsPerRun(100, func() {
		if _, err := cookie.Parse(lines, func(_, value string) { n += len(value) }); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 || n == 0 {
		t.Errorf("%v allocations for %d bytes", allocs, n)
	}
}

func BenchmarkParse(b *testing.B) {
	lines, n := cookieLine(), 0
	b.ReportAllocs()
	for b.Loop() {
		_, err := cookie.Parse(lines, func(_, value string) { n += len(value) })
		if err != nil {
			b.Fatal(err)
		}
	}
}
