//go:build crash

package lifecycle

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/rotation"
)

// crowdSize is the number of users with secrets to rotate, besides those who sign in.
// docs/backup.md has its numbers from SECONDGATE_ROTATE_USERS=100000.
func crowdSize() int {
	if n, err := strconv.Atoi(os.Getenv("SECONDGATE_ROTATE_USERS")); err == nil {
		return n
	}
	return rotateUsers
}

var anonymousMemory = regexp.MustCompile(`RssAnon:\s+(\d+) kB`)

// memory is what the program has that can't be reclaimed, in MB; 0 where /proc has no such number.
func (o *outside) memory() int {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", o.cmd.Process.Pid))
	if m := anonymousMemory.FindSubmatch(raw); m != nil {
		n, _ := strconv.Atoi(string(m[1]))
		return n / 1000
	}
	return 0
}

// signIns are the sign-ins of customers during a rotation, and how long they took.
type signIns struct {
	mu sync.Mutex

	took []time.Duration
}

// live signs a customer in repeatedly, with backup codes while there are any.
func (s *signIns) live(c *customer, done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case <-time.After(500 * time.Millisecond):
		}
		began := time.Now()
		if len(c.backup) > 0 {
			if err := c.pass(c.backup[0]); err != nil {
				c.t.Errorf("%s, beside the rotation: %v", c.name, err)
				return
			}
			c.backup = c.backup[1:]
		} else if _, to, err := c.signIn(); err != nil || to != "/two-factor/challenge" {
			c.t.Errorf("%s, beside the rotation: %q, %v", c.name, to, err)
			return
		}
		s.mu.Lock()
		s.took = append(s.took, time.Since(began))
		s.mu.Unlock()
	}
}

// await waits until there were so many sign-ins.
func (s *signIns) await(t *testing.T, n int) {
	t.Helper()
	for range 600 {
		s.mu.Lock()
		got := len(s.took)
		s.mu.Unlock()
		if got >= n || t.Failed() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("no %d sign-ins in a minute", n)
}

// TestRotation_BesideSignIns: customers sign in and give codes while the keys are rotated.
// Afterwards all records, theirs included, are sealed with the new key.
func TestRotation_BesideSignIns(t *testing.T) {
	r := newRotating(t)
	var customers []*customer
	for i := range 4 {
		c := &customer{t: t, base: r.base, name: fmt.Sprint("alice", i)}
		if err := c.enrol(); err != nil {
			t.Fatal(err)
		}
		customers = append(customers, c)
	}
	r.kill()
	r.old = read(t, r.keyFile())
	r.fill()
	write(t, r.keyFile(), r.fresh+r.old)
	r.start(t)
	idle, peak := r.memory(), 0
	var s signIns
	done := make(chan struct{})
	var beside sync.WaitGroup
	for _, c := range customers {
		beside.Go(func() { s.live(c, done) })
	}
	s.await(t, 1) // they are at it
	began := time.Now()
	if p := r.ask(http.MethodPost); p.State != rotation.Running {
		t.Fatalf("%+v", p)
	}
	p := r.ask(http.MethodGet)
	for p.State == rotation.Running && time.Since(began) < 30*time.Minute {
		time.Sleep(100 * time.Millisecond)
		peak = max(peak, r.memory())
		p = r.ask(http.MethodGet)
	}
	took := time.Since(began)
	s.await(t, 2) // one that was under way at least
	close(done)
	beside.Wait()
	if p.State != rotation.Done || p.Unopened != 0 || p.Resealed < crowdSize() {
		t.Errorf("%+v", p)
	}
	if len(s.took) == 0 {
		t.Fatal("nobody signed in meanwhile: nothing was tested")
	}
	slices.Sort(s.took)
	t.Logf("%d records in %s; memory %d MB before, at most %d MB; %d sign-ins meanwhile, median %s, longest %s",
		p.Total, took.Round(100*time.Millisecond), idle, peak, len(s.took), s.took[len(s.took)/2].Round(time.Millisecond), s.took[len(s.took)-1].Round(time.Millisecond))
	r.kill()
	write(t, r.keyFile(), r.fresh)
	r.checkSecrets()
	r.start(t)
	for _, c := range customers {
		if len(c.backup) > 0 {
			if err := c.pass(c.backup[0]); err != nil {
				t.Error(err)
			}
		}
	}
}
