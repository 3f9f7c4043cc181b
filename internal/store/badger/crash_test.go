package badger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

// Set SECONDGATE_CRASH_ROUNDS for more than the usual number of crashes.
const (
	crashRounds  = 20
	crashWorkers = 8
	crashDir     = "SECONDGATE_CRASH_DIR" // set in the child that is to be killed
	crashFrom    = "SECONDGATE_CRASH_FROM"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		crashChild(dir)
		return
	}
	if dir := os.Getenv(footprintDir); dir != "" {
		footprintChild(dir)
		return
	}
	os.Exit(m.Run())
}

// crashChild spends one step after another for each of its users, and prints each
// when the store has confirmed it, until it is killed.
func crashChild(dir string) {
	d, err := Open(dir, Options{})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	from, _ := strconv.Atoi(os.Getenv(crashFrom))
	var out sync.Mutex
	for w := range crashWorkers {
		go func() {
			for step := from; ; step++ {
				if err := crashStep(d, crashUser(w), step); err != nil {
					fmt.Println("error", err)
					os.Exit(1)
				}
				out.Lock()
				fmt.Println("done", w, step) // one write, straight into the pipe
				out.Unlock()
			}
		}()
	}
	select {}
}

func crashUser(w int) store.UserKey { return store.UserKey{Realm: "shop", ID: fmt.Sprint("user", w)} }

func crashVisit(w, step int) store.VisitID {
	return store.VisitID([]byte(fmt.Sprintf("%032d", w*1e9+step)))
}

// crashStep accepts a code: floor, spent record and clearance at once.
func crashStep(d *DB, key store.UserKey, step int) error {
	return d.Update(context.Background(), key, func(tx store.Tx) error {
		u, err := tx.User()
		if errors.Is(err, store.ErrNotFound) {
			u = sampleUser(key)
		} else if err != nil {
			return err
		}
		u.TOTP.Floor = int64(step)
		w, _ := strconv.Atoi(strings.TrimPrefix(key.ID, "user"))
		v := sampleVisit(key, 0)
		v.ID = crashVisit(w, step)
		return errors.Join(tx.Spend(fmt.Sprint(step), now.Add(time.Hour)), tx.PutVisit(v), tx.PutUser(u))
	})
}
