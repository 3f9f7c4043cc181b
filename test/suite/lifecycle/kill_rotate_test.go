//go:build crash

package lifecycle

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"golang.org/x/sync/errgroup"

	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/rotation"
	"github.com/secondgate/secondgate/internal/store"
	engine "github.com/secondgate/secondgate/internal/store/badger"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// rotateUsers are enough that a rotation takes a while.
const rotateUsers = 1500

// rotating is a server that is killed while it rotates its keys.
type rotating struct {
	*outside
	t          *testing.T
	admin      string
	old, fresh string // keys
}

func newRotating(t *testing.T) *rotating {
	t.Helper()
	r := &rotating{outside: newOutside(t, &harness.Legacy{}, killLines), t: t, admin: "127.0.0.1:" + harness.FreePort(t), fresh: keys.Generate()}
	file := filepath.Join(r.dir, "Caddyfile")
	write(t, file, overTCP(read(t, file), r.admin))
	r.start(t)
	return r
}

func (r *rotating) keyFile() string { return filepath.Join(r.dir, "two_factor", "master.key") }

// records opens the store of the server that does not run.
func (r *rotating) records() *engine.DB {
	r.t.Helper()
	d, err := engine.Open(filepath.Join(r.dir, "two_factor", "store"), engine.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	return d
}

func crowd(i int) store.UserKey { return store.UserKey{Realm: "one", ID: fmt.Sprint("crowd", i)} }

// fill adds users with secrets that are sealed with the old key.
func (r *rotating) fill() {
	r.t.Helper()
	d := r.records()
	defer d.Close()
	ring, err := keys.Parse(r.old)
	if err != nil {
		r.t.Fatal(err)
	}
	var group errgroup.Group
	group.SetLimit(16) // concurrent writes share syncs
	for i := range crowdSize() {
		key := crowd(i)
		group.Go(func() error {
			return d.Update(r.t.Context(), key, func(tx store.Tx) error {
				return tx.PutUser(store.User{Key: key, TOTP: &store.TOTP{
					ID: "id", Secret: ring.Seal([]byte(key.ID), "totp secret", key.Realm, key.ID, "id"), Algorithm: "SHA1", Digits: 6, Period: 30,
				}})
			})
		})
	}
	if err := group.Wait(); err != nil {
		r.t.Fatal(err)
	}
}

// ask reads the progress from the server; by POST it starts the rotation. Pages are served shortly
// before the configuration is active; until then the admin API answers 503.
func (r *rotating) ask(method string) rotation.Progress {
	r.t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if p, active := r.tryAsk(method); active || time.Now().After(end) {
			return p
		}
	}
}

func (r *rotating) tryAsk(method string) (p rotation.Progress, active bool) {
	r.t.Helper()
	req, err := http.NewRequest(method, "http://"+r.admin+"/two_factor/keys/rotate", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if res.StatusCode == http.StatusServiceUnavailable {
		return p, false
	}
	if err != nil || res.StatusCode >= 400 || json.Unmarshal(raw, &p) != nil {
		r.t.Fatalf("%d %s, %v", res.StatusCode, raw, err)
	}
	return p, true
}

// await asks until it is so.
func (r *rotating) await(so func(p rotation.Progress) bool) rotation.Progress {
	r.t.Helper()
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if p := r.ask(http.MethodGet); so(p) {
			return p
		}
	}
	r.t.Fatalf("the rotation does not get there: %+v", r.ask(http.MethodGet))
	return rotation.Progress{}
}

// TestKill_Rotation: the server is killed several times during a rotation. Each start continues
// it. At the end the old key can be removed, and all users' codes are accepted.
func TestKill_Rotation(t *testing.T) {
	r := newRotating(t)
	c := &customer{t: t, base: r.base, name: "alice"}
	if err := c.enrol(); err != nil {
		t.Fatal(err)
	}
	r.kill()
	r.old = read(t, r.keyFile())
	r.fill()
	write(t, r.keyFile(), r.fresh+r.old)
	r.start(t)
	if p := r.ask(http.MethodPost); p.State != rotation.Running {
		t.Fatalf("%+v", p)
	}
	kills := 0
	for ; kills < 3; kills++ {
		p := r.await(func(p rotation.Progress) bool { return p.Resealed > 50 || p.State == rotation.Done })
		if p.State == rotation.Done {
			break
		}
		r.kill()
		r.start(t)
	}
	if kills == 0 {
		t.Error("the rotation was done before it could be killed")
	}
	done := r.await(func(p rotation.Progress) bool { return p.State != rotation.Running })
	if done.State != rotation.Done || done.Unopened != 0 {
		t.Errorf("%+v", done)
	}
	t.Logf("%d kills; the last life resealed %d of %d", kills, done.Resealed, done.Total)
	c.holds() // signed-in users continue while the old key is there
	r.kill()
	write(t, r.keyFile(), r.fresh)
	r.checkSecrets()
	r.start(t)
	// The next step's, which counts already: the present one's was used to enrol.
	code, err := totp.GenerateCode(c.secret, time.Now().Add(30*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.pass(code); err != nil {
		t.Error(err)
	}
}

// checkSecrets fails the test unless every user's secret opens with the new key alone.
func (r *rotating) checkSecrets() {
	r.t.Helper()
	ring, err := keys.Parse(r.fresh)
	if err != nil {
		r.t.Fatal(err)
	}
	d := r.records()
	defer d.Close()
	for i := range crowdSize() {
		key := crowd(i)
		u, err := d.User(r.t.Context(), key)
		if err != nil {
			r.t.Fatal(err)
		}
		if plain, err := ring.Open(u.TOTP.Secret, "totp secret", key.Realm, key.ID, "id"); err != nil || string(plain) != key.ID {
			r.t.Fatalf("the secret of %s: %q, %v", key.ID, plain, err)
		}
	}
}
