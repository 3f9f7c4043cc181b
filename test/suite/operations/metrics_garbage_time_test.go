package operations

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/timesource"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// ready asks until the answer, which is kept for three seconds, is the one that is wanted.
func ready(t testing.TB, w *watched, status int, text string) {
	t.Helper()
	await(t, fmt.Sprintf("/health/ready says %d %s", status, text), func() bool {
		p := w.Browser().Get("/two-factor/health/ready")
		return p.Status == status && strings.Contains(p.Body, text) && strings.Contains(p.Body, `"store":"ok"`) && strings.Contains(p.Body, `"keys":"ok"`)
	})
}

// TestGarbageTime: an invalid response of a time server is an error without a reading, and leads
// only to a warning.
func TestGarbageTime(t *testing.T) {
	for name, answer := range map[string]func(request []byte) []byte{
		"nothing":         nil,
		"empty":           func([]byte) []byte { return []byte{} },
		"short":           func([]byte) []byte { return []byte("hello") },
		"random":          func([]byte) []byte { b := make([]byte, 48); _, _ = rand.Read(b); b[0] = 0x24; return b },
		"an echo":         func(r []byte) []byte { return r },
		"a kiss of death": func(r []byte) []byte { return packet(r, func(b []byte) { b[1] = 0; copy(b[12:], "DENY") }) },
		"unsynchronised":  func(r []byte) []byte { return packet(r, func(b []byte) { b[0] |= 0xc0; b[1] = 16 }) },
		"another's":       func(r []byte) []byte { return packet(r, func(b []byte) { b[30] ^= 1 }) },
		"a text":          func([]byte) []byte { return bytes.Repeat([]byte("HTTP/1.1 400 Bad Request\r\n"), 20) },
	} {
		t.Run(name, func(t *testing.T) {
			address := respond(t, answer)
			began := time.Now()
			r, err := timesource.Compare(t.Context(), address)
			if err == nil {
				t.Errorf("taken for a reading: %+v", r)
			}
			if took := time.Since(began); took > 8*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
	if _, err := timesource.Compare(t.Context(), respond(t, func(r []byte) []byte { return packet(r, func([]byte) {}) })); err != nil {
		t.Errorf("an answer that was not spoilt: %v", err) // or the others would fail for nothing
	}
	t.Run("cut short", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := timesource.Compare(ctx, respond(t, nil)); err == nil {
			t.Error("a comparison that was given up has a reading")
		}
	})
	t.Run("by a running server", func(t *testing.T) {
		began := time.Now()
		w := start(t, &harness.Legacy{}, badger+"\nntp "+respond(t, func([]byte) []byte { return []byte("hello") }))
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("the start waited %v", took)
		}
		await(t, "the warning is there", func() bool { return strings.Contains(w.LogText(), "the clock could not be compared") })
		s := w.scrape(t)
		if up, there := s["clock_source_up"]; up != 0 || !there {
			t.Errorf("clock_source_up is %v (shown: %v)", up, there)
		}
		if _, there := s["clock_offset_seconds"]; there {
			t.Error("an offset is shown that nobody measured")
		}
		ready(t, w, http.StatusOK, `"clock":"ok"`)
	})
}

// packet is an answer as a time server would give it, spoilt.
func packet(request []byte, spoil func(b []byte)) []byte {
	b := make([]byte, 48)
	b[0], b[1], b[2], b[3] = 0x24, 2, 6, 0xe8
	copy(b[24:32], request[40:48])
	seconds := uint32(time.Now().Unix() + 2208988800)
	for _, at := range []int{16, 32, 40} {
		b[at], b[at+1], b[at+2], b[at+3] = byte(seconds>>24), byte(seconds>>16), byte(seconds>>8), byte(seconds)
	}
	spoil(b)
	return b
}

// respond is a UDP server that gives this answer; nil never answers.
func respond(t testing.TB, answer func(request []byte) []byte) (address string) {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	go func() {
		b := make([]byte, 1024)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			if answer != nil {
				_, _ = c.WriteTo(answer(b[:n]), from)
			}
		}
	}()
	return c.LocalAddr().String()
}
