package insert

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
)

// TestChains: selectors are cut at their combinators and nowhere else.
func TestChains(t *testing.T) {
	for selector, want := range map[string]string{
		"#menu":                                "#menu",
		"nav  ul>li":                           "nav| |ul|>|li",
		"a + b ~ i":                            "a|+|b|~|i",
		`a[href="x > y"] b`:                    `a[href="x > y"]| |b`,
		`a[title="it's ("] b`:                  `a[title="it's ("]| |b`,
		`.a\ b .c\>d`:                          `.a\ b| |.c\>d`,
		`p:not(a b, .c > d) i`:                 `p:not(a   b, .c > d)| |i`,
		"li:nth-child(2n+1) b":                 "li:nth-child(2n+1)| |b",
		`[href#=(a b)] i`:                      `[href#=(a b)]| |i`,
		`[title="a\"b c"] i`:                   `[title="a"b c"]   i`, // what cascadia writes can't be read again
		"*":                                    "*",
		"ul li, nav":                           "ul| |li,nav",
		"body:not(:has(p b)) :first-child > i": "body:not(:has(p   b))| |:first-child|>|i",
	} {
		group, err := cascadia.ParseGroup(selector)
		if err != nil {
			t.Fatal(selector, err)
		}
		var all []string
		for _, c := range chainsOf(group) {
			text := ""
			for i := len(c) - 1; i >= 0; i-- {
				if j := c[i].combinator; j != 0 {
					text += "|" + string(j) + "|"
				}
				text += c[i].Sel.String()
			}
			all = append(all, text)
		}
		if got := strings.Join(all, ","); got != want {
			t.Errorf("%s: %s, want %s", selector, got, want)
		}
	}
}

// TestChains_AsCascadia: a chain matches what its whole selector does.
func TestChains_AsCascadia(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	simple := strings.Fields("p div li b i * .x #y [z] li:nth-child(2) :first-child b:not(.x) :not(div_b) p:not(i_>_b,_.x) :root :lang(fi)")
	joint := []string{" ", " ", " > ", " + ", " ~ ", ", "}
	attributes := []string{"", "", " class=x", " id=y", " z", " lang=fi"}
	for range 3000 {
		selector := simple[r.IntN(len(simple))]
		for range r.IntN(4) {
			selector += joint[r.IntN(len(joint))] + simple[r.IntN(len(simple))]
		}
		selector = strings.ReplaceAll(selector, "_", " ")
		group, err := cascadia.ParseGroup(selector)
		if err != nil {
			t.Fatal(selector, err)
		}
		var page strings.Builder
		for range 30 {
			name := strings.Fields("p div ul li b i")[r.IntN(6)]
			page.WriteString("<" + name + attributes[r.IntN(len(attributes))] + ">")
			if r.IntN(2) == 0 {
				page.WriteString("</" + name + ">")
			}
		}
		doc, err := html.Parse(strings.NewReader(page.String()))
		if err != nil {
			t.Fatal(err)
		}
		chains := chainsOf(group)
		for n := range doc.Descendants() {
			if got, want := newTree(true).matchesAny(chains, n), group.Match(n); got != want {
				t.Fatalf("%s in %s: %v for <%s>, want %v", selector, page.String(), got, n.Data, want)
			}
		}
	}
}
