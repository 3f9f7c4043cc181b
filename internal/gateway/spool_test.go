package gateway

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// TestSpool_KeepsOrder: what was written is read back, below and above the size that
// goes to a file, whatever the sizes of the writes; and no file has a name.
func TestSpool_KeepsOrder(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	for _, size := range []int{0, 1, inMemory - 1, inMemory, inMemory + 1, 3*inMemory + 7} {
		for _, chunk := range []int{1000, 32 << 10, inMemory, 4 * inMemory} {
			want := make([]byte, size)
			rand.Read(want)
			s := &spool{limit: int64(size)}
			for rest := want; len(rest) > 0; {
				n := min(chunk, len(rest))
				if _, err := s.Write(rest[:n]); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			if (s.file != nil) != (size > inMemory) {
				t.Errorf("%d bytes in pieces of %d: in a file: %v", size, chunk, s.file != nil)
			}
			if names, err := os.ReadDir(dir); err != nil || len(names) > 0 {
				t.Errorf("a file with a name: %v %v", names, err)
			}
			got, err := io.ReadAll(s)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes in pieces of %d: %d came back, %v", size, chunk, len(got), err)
			}
			if _, err := s.Write([]byte("x")); !errors.Is(err, errTooLarge) {
				t.Errorf("above the limit: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestReadBody_Bounds: strangers send forms; those who may pass also upload.
func TestReadBody_Bounds(t *testing.T) {
	const tooLong = maxStrangerBody + 1
	for name, tt := range map[string]struct {
		length  int64
		trusted bool
		want    error
	}{
		"announced": {length: tooLong, want: errTooLarge},
		"chunked":   {length: -1, want: errTooLarge},
		"trusted":   {length: -1, trusted: true},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", io.LimitReader(zeros{}, tooLong))
		r.ContentLength = tt.length
		s, err := readBody(httptest.NewRecorder(), r, tt.trusted, time.Now())
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
		if s != nil {
			s.Close()
		}
	}
}

// TestReadBody_Slow: a client that stops sending is not waited for.
func TestReadBody_Slow(t *testing.T) {
	got := make(chan error, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The stranger's minute began long ago.
		_, err := readBody(w, r, false, time.Now().Add(-strangerTime))
		got <- err
	}))
	defer server.Close()
	read, write := io.Pipe()
	defer write.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, io.MultiReader(strings.NewReader("user="), read))
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		if res, err := http.DefaultClient.Do(r); err == nil {
			res.Body.Close()
		}
	}()
	if err := <-got; !errors.Is(err, errTooSlow) {
		t.Errorf("a body that never ends: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
