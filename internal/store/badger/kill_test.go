//go:build crash

package badger

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

// TestCrash kills a process that works on the store, again and again on the same
// directory. What it had confirmed is there, nothing spent can be spent, and of
// the change it died in all is there or nothing. It is the process that dies here:
// what a power failure would leave, TestDurableAndSmall guards.
func TestCrash(t *testing.T) {
	rounds := crashRounds
	if n, err := strconv.Atoi(os.Getenv("SECONDGATE_CRASH_ROUNDS")); err == nil {
		rounds = n
	}
	dir := t.TempDir()
	confirmed := make([]map[int]bool, crashWorkers)
	for w := range confirmed {
		confirmed[w] = map[int]bool{}
	}
	from, total := 1, 0
	for round := range rounds {
		total += crashRound(t, dir, from, confirmed)
		from = crashVerify(t, dir, confirmed) + 1
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
	t.Logf("%d changes confirmed in %d lives", total, rounds)
}

// crashRound runs a child, kills it after a random number of changes, and notes
// what it had confirmed.
func crashRound(t *testing.T, dir string, from int, confirmed []map[int]bool) (n int) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashDir+"="+dir, crashFrom+"="+fmt.Sprint(from))
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	last := 1 + rand.IntN(150)
	var kill *time.Timer
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var w, step int
		if _, err := fmt.Sscanf(lines.Text(), "done %d %d", &w, &step); err != nil {
			t.Errorf("the child says: %s", lines.Text())
			break
		}
		confirmed[w][step] = true
		if n++; n == last {
			// A moment later: in the midst of the changes that follow.
			kill = time.AfterFunc(rand.N(2*time.Millisecond), func() { child.Process.Kill() })
		}
	}
	if kill == nil {
		child.Process.Kill()
	}
	child.Wait()
	return n
}

// crashVerify returns the highest step that was spent, confirmed or not.
func crashVerify(t *testing.T, dir string, confirmed []map[int]bool) int {
	t.Helper()
	d, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	highest := 0
	for w, steps := range confirmed {
		key := crashUser(w)
		u, err := d.User(t.Context(), key)
		if errors.Is(err, store.ErrNotFound) && len(steps) == 0 {
			continue
		}
		if err != nil {
			t.Fatalf("%s with %d confirmed changes: %v", key.ID, len(steps), err)
		}
		floor := int(u.TOTP.Floor)
		steps[floor] = true // whole, so its clearance and spent record must be there too
		highest = max(highest, floor)
		for step := range steps {
			if step > floor {
				t.Errorf("%s: step %d was confirmed, the floor is %d", key.ID, step, floor)
			}
			if err := crashStep(d, key, step); !errors.Is(err, store.ErrSpent) {
				t.Errorf("%s: spending step %d again: %v", key.ID, step, err)
			}
			if _, err := d.Visit(t.Context(), key.Realm, crashVisit(w, step)); err != nil {
				t.Errorf("%s: what step %d bought: %v", key.ID, step, err)
			}
		}
		// The change after the floor was not confirmed and is not there in parts.
		if _, err := d.Visit(t.Context(), key.Realm, crashVisit(w, floor+1)); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: half of step %d: %v", key.ID, floor+1, err)
		}
	}
	return highest
}
