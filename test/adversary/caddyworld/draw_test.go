package caddyworld

import (
	"os"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// without reports whether ADVERSARY_WITHOUT excludes a part from all worlds: "identity", "token",
// "rules", "errors", "sites", "around", or "asked" (whoami where Caddy knows the user). The variable is a
// comma-separated list.
func without(what string) bool {
	return slices.Contains(strings.Split(os.Getenv("ADVERSARY_WITHOUT"), ","), what)
}

// choose draws one of n, all alike; it shrinks to 0. Rapid's own numbers prefer the
// small ones.
func choose(t *rapid.T, n int) int {
	if n < 2 {
		return 0
	}
	drawn, of := 0, 1
	for of < 8*n {
		drawn, of = drawn*2, of*2
		if rapid.Bool().Draw(t, "") {
			drawn++
		}
	}
	return drawn * n / of
}

// often is true in so many of a hundred; it shrinks to false.
func often(t *rapid.T, percent int) bool { return choose(t, 100) >= 100-percent }

// oneOf draws one of the values, all alike; it shrinks to the first.
func oneOf(t *rapid.T, values ...string) string { return values[choose(t, len(values))] }

// rarely draws "" or, in so many of a hundred, one of the values.
func rarely(t *rapid.T, percent int, values ...string) string {
	if !often(t, percent) {
		return ""
	}
	return oneOf(t, values...)
}
