package request

import (
	"io"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestBrings: a value that a visitor sent is no session's of the portal's making.
func TestBrings(t *testing.T) {
	r := httptest.NewRequest("GET", "/search/blue%20suede%20shoes?q=nothing", nil)
	r.Header.Set("X-Theme", "dark-with-large-letters")
	r.Header.Set("Cookie", "SID=0123456789abcdef")
	for value, want := range map[string]bool{
		"blue suede shoes": true, "blue%20suede%20shoes": true, "dark-with-large-letters": true,
		"typed into a form": true, "typed+into+a+form": true, "0123456789abcdef": false,
	} {
		if got := Brings(r, []byte("x=1&text=typed+into+a+form"), value); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}

// TestCopied: the reader gets the body unchanged; the copy is whole when all of it was read
// and it is not too long.
func TestCopied(t *testing.T) {
	for size, want := range map[int]bool{0: true, MaxBrought: true, MaxBrought + 1: false, 3 * MaxBrought: false} {
		sent := strings.Repeat("x", size)
		c := &Copied{ReadCloser: io.NopCloser(strings.NewReader(sent))}
		if _, err := io.CopyN(io.Discard, c, int64(min(size, 10))); err != nil {
			t.Fatal(err)
		}
		if _, whole := c.Whole(); whole {
			t.Errorf("%d bytes: whole before its end", size)
		}
		rest, err := io.ReadAll(c)
		if err != nil || len(rest) != size-min(size, 10) {
			t.Errorf("%d bytes: %d more, %v", size, len(rest), err)
		}
		body, whole := c.Whole()
		if whole != want || whole && string(body) != sent || len(body) > MaxBrought+1 {
			t.Errorf("%d bytes: whole %v, %d kept", size, whole, len(body))
		}
	}
}
