package portal

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

// manyLines are n different Set-Cookie lines.
func manyLines(n int) (lines []string) {
	for i := range n {
		lines = append(lines, fmt.Sprintf("c%d=%d; Path=/", i, i))
	}
	return lines
}

// TestK6_TooManyCookies: a response with more lines than a browser keeps cookies is an
// error, found without reading them all, and none of it is applied.
func TestK6_TooManyCookies(t *testing.T) {
	policy := NewCookiePolicy(nil)
	if got, err := Changes(manyLines(MaxChanges), "/", policy, now); err != nil || len(got) != MaxChanges {
		t.Errorf("%d lines: %d changes, %v", MaxChanges, len(got), err)
	}
	for _, n := range []int{MaxChanges + 1, 40000} {
		begun := time.Now()
		got, err := Changes(manyLines(n), "/", policy, now)
		if !errors.Is(err, ErrTooManyChanges) || got != nil {
			t.Errorf("%d lines: %d changes, %v", n, len(got), err)
		}
		if d := time.Since(begun); d > time.Second {
			t.Errorf("%d lines took %v", n, d)
		}
	}
}

// TestK6_RepeatedLines: equal lines count once, at the place of the last.
func TestK6_RepeatedLines(t *testing.T) {
	lines := slices.Repeat([]string{"a=1; Path=/", "b=1; Path=/"}, 20000)
	got, err := Changes(lines, "/", NewCookiePolicy(nil), now)
	if err != nil || len(got) != 2 {
		t.Errorf("%d changes, %v", len(got), err)
	}
	got, err = Changes([]string{"a=1; Path=/", "a=2; Path=/", "a=1; Path=/"}, "/", NewCookiePolicy(nil), now)
	if jar := EmptyJar.Apply(got); err != nil || len(got) != 2 || jar.View("/").Header != "a=1" {
		t.Errorf("the last value does not count: %+v, %v", got, err)
	}
}

// TestK6_OwnNames: a response cannot make a list of Secondgate's names grow.
func TestK6_OwnNames(t *testing.T) {
	var lines []string
	for i := range 40000 {
		lines = append(lines, fmt.Sprintf("sg-%d=1", i))
	}
	if got := OwnNames(lines); len(got) != maxOwnNames {
		t.Errorf("%d names", len(got))
	}
}
