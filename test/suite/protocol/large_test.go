package protocol

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// growth returns by how much the heap grew at most while do ran, in bytes: that of
// client, gateway and portal together, which are one process here.
func growth(do func()) uint64 {
	heap := func() uint64 {
		s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(s)
		return s[0].Value.Uint64()
	}
	runtime.GC()
	before, peak := heap(), uint64(0)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			peak = max(peak, heap())
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	do()
	close(stop)
	<-done
	return peak - min(peak, before)
}

// smallGrowth is far below every body here, and far above what buffers cost.
const smallGrowth = 48 << 20

// TestLargeDownload: a download of 256 MiB needs no memory of that size, and neither does a
// response that is judged before it is released.
func TestLargeDownload(t *testing.T) {
	s := serve(t, newPortal(), "")
	b := s.browser(t, "h1")
	download := func(b *harness.Browser, size int64) {
		t.Helper()
		var n int64
		grown := growth(func() {
			res, err := b.Client.Do(b.Request("GET", fmt.Sprintf("/big?bytes=%d", size), nil))
			if err != nil {
				t.Error(err)
				return
			}
			defer res.Body.Close()
			if n, err = io.Copy(io.Discard, res.Body); err != nil {
				t.Error(err)
			}
		})
		if n != size || grown > smallGrowth {
			t.Errorf("%d of %d bytes came, the heap grew by %d MiB", n, size, grown>>20)
		}
	}
	b.Get("/")
	download(b, 128<<20) // a stranger's: judged
	b.SignIn("alice")
	device := b.Enrol()
	b.Client.Timeout = 0
	download(b, 256<<20)
	other := s.browser(t, "h2")
	other.SignIn("alice")
	other.Pass(device.Code(t))
	download(other, 128<<20)
}

// paused is a body of the given size that calls at before its last byte.
type paused struct {
	size, sent int64
	at         func()
	// gone, if at sets it, replaces the last byte.
	gone error
}

func (p *paused) Read(b []byte) (int, error) {
	if p.sent == p.size {
		return 0, io.EOF
	}
	n := min(int64(len(b)), p.size-p.sent)
	if p.sent+n == p.size && n > 1 {
		n--
	}
	if p.sent+n == p.size {
		p.at()
	}
	if p.gone != nil {
		return 0, p.gone
	}
	clear(b[:n])
	p.sent += n
	return int(n), nil
}

// TestLargeUpload: before its last byte nothing of an upload reaches the portal; the
// rest waits in a file that has no name, and is gone afterwards.
func TestLargeUpload(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	p := newPortal()
	s := serve(t, p, "")
	b := s.browser(t, "h1")
	b.SignIn("alice")
	b.Enrol()
	const size = 128 << 20
	body := &paused{size: size, at: func() {
		waitFor(t, "the spool file", func() bool { return spooled(t, dir) >= size-(1<<20)-(1<<20) })
		if names, err := os.ReadDir(dir); err != nil || len(names) > 0 {
			t.Errorf("files with names: %v, %v", names, err)
		}
		if len(p.arrived) > 0 {
			t.Error("the portal saw the upload before its end")
		}
	}}
	var got *harness.Page
	grown := growth(func() { got = send(t, b, body) })
	if want := fmt.Sprintf("%d %s", size, sumOfZeros(size)); got.Body != want || grown > smallGrowth {
		t.Errorf("%d %q; the heap grew by %d MiB", got.Status, got.Body, grown>>20)
	}
	waitFor(t, "the spool file to go", func() bool { return spooled(t, dir) == 0 })
}

// TestUploadGivenUp: an upload that ends early does not reach the portal and leaves no file.
func TestUploadGivenUp(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	p := newPortal()
	s := serve(t, p, "")
	b := s.browser(t, "h1")
	b.SignIn("alice")
	b.Enrol()
	ctx, cancel := context.WithCancel(t.Context())
	body := &paused{size: 8 << 20}
	body.at = func() {
		waitFor(t, "the spool file", func() bool { return spooled(t, dir) > 0 })
		cancel()
		body.gone = ctx.Err() // or the last byte might still be sent
	}
	if got, err := b.Try(b.Request("POST", "/upload", body).WithContext(ctx)); err == nil {
		t.Errorf("%d %q", got.Status, got.Body)
	}
	waitFor(t, "the spool file to go", func() bool { return spooled(t, dir) == 0 })
	if p.Last("/upload") != nil || len(p.arrived) > 0 {
		t.Error("the portal saw half an upload")
	}
	if got := b.Fetch("POST", "/echo", "text/plain", "x"); got.Body != "x" {
		t.Errorf("afterwards: %d %q", got.Status, got.Body)
	}
}

// TestStrangersUpload: a stranger's request body is limited to the size of a form.
func TestStrangersUpload(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	p := newPortal()
	s := serve(t, p, "")
	b := s.browser(t, "h1")
	b.Get("/")
	body := &paused{size: 40 << 20, at: func() {}}
	got, err := b.Try(b.Request("POST", "/upload", body))
	if err == nil && got.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("of unknown length: %d %.100q", got.Status, got.Body)
	}
	r := b.Request("POST", "/upload", &paused{size: 40 << 20, at: func() {}})
	r.ContentLength = 40 << 20
	if got, err := b.Try(r); err == nil && got.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("of known length: %d %.100q", got.Status, got.Body)
	}
	waitFor(t, "the spool files to go", func() bool { return spooled(t, dir) == 0 })
	if len(p.arrived) > 0 {
		t.Error("the portal saw some of it")
	}
}

func send(t *testing.T, b *harness.Browser, body io.Reader) *harness.Page {
	t.Helper()
	b.Client.Timeout = 0
	r := b.Request("POST", "/upload", body)
	r.Header.Set("Origin", b.Base)
	return b.Do(r)
}

func sumOfZeros(size int64) string {
	sum := sha256.New()
	_, _ = io.CopyN(sum, zeros{}, size)
	return hex.EncodeToString(sum.Sum(nil))
}

// spooled is how much is in files of dir that are open but have no name any more.
func spooled(t *testing.T, dir string) (n int64) {
	t.Helper()
	fds, err := filepath.Glob("/proc/self/fd/*")
	if err != nil || len(fds) == 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("needs /proc, and CI is set")
		}
		t.Skip("needs /proc")
	}
	for _, fd := range fds {
		to, err := os.Readlink(fd)
		if err != nil || !strings.HasPrefix(to, dir) || !strings.HasSuffix(to, "(deleted)") {
			continue
		}
		if info, err := os.Stat(fd); err == nil {
			n += info.Size()
		}
	}
	return n
}

// waitFor waits up to ten seconds for something that another goroutine does.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("waited for %s in vain", what)
			return
		}
	}
}
