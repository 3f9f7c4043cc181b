package request

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secondgate/secondgate/internal/gateway/spool"
	"github.com/secondgate/secondgate/internal/portal"
)

// TestFindBody: in HTTP/3 the headers don't say that a GET has no body. One without is a
// safe request; one with a body is not, and keeps all of it.
func TestFindBody(t *testing.T) {
	for _, body := range []string{"", "x", "content"} {
		for major := 1; major <= 3; major++ {
			r := httptest.NewRequest(http.MethodGet, "/", struct{ io.Reader }{strings.NewReader(body)})
			r.ProtoMajor, r.ContentLength = major, -1
			FindBody(httptest.NewRecorder(), r)
			f := Facts{Site: &Site{Headers: portal.NewHeaders(nil)}, R: r, Client: Client{URL: r.URL}}
			f.Classify(false)
			got, err := io.ReadAll(r.Body)
			if unsafe := body != "" || major == 1; f.Unsafe != unsafe || string(got) != body || err != nil {
				t.Errorf("HTTP/%d, %q: unsafe %v, then read %q, %v", major, body, f.Unsafe, got, err)
			}
		}
	}
}

// TestReadBody: the body is read whole and replaces the request's.
func TestReadBody(t *testing.T) {
	want := strings.Repeat("user=alice&", 10000)
	r := httptest.NewRequest(http.MethodPost, "/", struct{ io.Reader }{strings.NewReader(want)})
	r.ContentLength, r.TransferEncoding = -1, []string{"chunked"}
	s, err := ReadBody(httptest.NewRecorder(), r, spool.NewBudget(), "192.0.2.1", false)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	got, err := io.ReadAll(r.Body)
	if string(got) != want || err != nil || r.ContentLength != int64(len(want)) || r.TransferEncoding != nil {
		t.Errorf("%d bytes, %v, length %d, %v", len(got), err, r.ContentLength, r.TransferEncoding)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestReadBody_Bounds: strangers send forms; users who may pass also upload; the bodies of
// all together have a budget. Each bound has its own error.
func TestReadBody_Bounds(t *testing.T) {
	const tooLong = maxStrangerBody + 1
	roomy := func() *spool.Budget {
		return &spool.Budget{Memory: 1 << 30, Disk: 1 << 30, AddressMemory: 1 << 30, AddressDisk: 1 << 30}
	}
	for name, tt := range map[string]struct {
		length  int64
		sent    int64
		trusted bool
		budget  *spool.Budget
		want    error
	}{
		"announced":           {length: tooLong, sent: tooLong, want: ErrTooLarge},
		"chunked":             {length: -1, sent: tooLong, want: ErrTooLarge},
		"as long as may be":   {length: -1, sent: maxStrangerBody},
		"trusted":             {length: -1, sent: tooLong, trusted: true},
		"trusted, announced":  {length: maxBody + 1, trusted: true, want: ErrTooLarge},
		"no room":             {length: -1, sent: 1 << 20, budget: &spool.Budget{}, want: ErrNoRoom},
		"a form without room": {length: -1, sent: 60 << 10, budget: &spool.Budget{}},
	} {
		if tt.budget == nil {
			tt.budget = roomy()
		}
		r := httptest.NewRequest(http.MethodPost, "/", io.LimitReader(zeros{}, tt.sent))
		r.ContentLength = tt.length
		s, err := ReadBody(httptest.NewRecorder(), r, tt.budget, "192.0.2.1", tt.trusted)
		if !errors.Is(err, tt.want) || (s == nil) != (tt.want != nil) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
		if s != nil {
			s.Close()
		}
	}
}

// TestReadBody_Cut: a body that ends early is an error, never a shorter body.
func TestReadBody_Cut(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/", io.MultiReader(strings.NewReader("user=alice"), failing{}))
	if s, err := ReadBody(httptest.NewRecorder(), r, nil, "", false); s != nil || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v, %v", s, err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// slowClient sends a byte at a time and keeps to the read deadline that the server sets.
type slowClient struct {
	*httptest.ResponseRecorder
	every    time.Duration
	bytes    int
	deadline time.Time
}

func (c *slowClient) SetReadDeadline(at time.Time) error { c.deadline = at; return nil }

func (c *slowClient) Read(p []byte) (int, error) {
	if c.bytes == 0 {
		return 0, io.EOF
	}
	if at := time.Now().Add(c.every); !c.deadline.IsZero() && at.After(c.deadline) {
		time.Sleep(time.Until(c.deadline))
		return 0, os.ErrDeadlineExceeded
	}
	time.Sleep(c.every)
	c.bytes--
	p[0] = 'x'
	return 1, nil
}

// TestReadBody_Slow: a stranger's body has to arrive within a minute altogether, that of a
// user who may pass has to make progress. The deadline ends with the body.
func TestReadBody_Slow(t *testing.T) {
	for name, tt := range map[string]struct {
		every   time.Duration
		bytes   int
		trusted bool
		want    error
		took    time.Duration
	}{
		"stranger":             {every: 10 * time.Second, bytes: 5, took: 50 * time.Second},
		"stranger, dripping":   {every: 10 * time.Second, bytes: 50, want: ErrTooSlow, took: time.Minute},
		"trusted, dripping":    {every: 50 * time.Second, bytes: 50, trusted: true, took: 2500 * time.Second},
		"trusted, but stalled": {every: 61 * time.Second, bytes: 50, trusted: true, want: ErrTooSlow, took: time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := &slowClient{ResponseRecorder: httptest.NewRecorder(), every: tt.every, bytes: tt.bytes}
			r := httptest.NewRequest(http.MethodPost, "/", struct{ io.Reader }{c})
			r.ContentLength = -1
			began := time.Now()
			s, err := ReadBody(c, r, spool.NewBudget(), "", tt.trusted)
			if took := time.Since(began); !errors.Is(err, tt.want) || took != tt.took || !c.deadline.IsZero() {
				t.Errorf("%s: %v after %v, deadline %v", name, err, took, c.deadline)
			}
			if s != nil {
				s.Close()
			}
		})
	}
}

// TestReadBody_SlowServer: Go's server keeps the deadline.
func TestReadBody_SlowServer(t *testing.T) {
	got := make(chan error, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := ReadBody(past{w}, r, nil, "", false)
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
	if err := <-got; !errors.Is(err, ErrTooSlow) && !errors.Is(err, net.ErrClosed) {
		t.Errorf("a body that never ends: %v", err)
	}
}

// past sets read deadlines that are about to be over.
type past struct{ http.ResponseWriter }

func (p past) SetReadDeadline(at time.Time) error {
	if !at.IsZero() {
		at = time.Now().Add(20 * time.Millisecond)
	}
	return http.NewResponseController(p.ResponseWriter).SetReadDeadline(at)
}
