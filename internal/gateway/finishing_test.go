package gateway

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestFinishing: a request goes on without its client for finishTime; once its response was
// released it ends with the client. One that is over is watched no more.
func TestFinishing(t *testing.T) {
	for name, tt := range map[string]struct {
		released    bool
		lives, ends time.Duration
	}{
		"kept":     {false, finishTime - time.Second, finishTime + 2*watchInterval},
		"released": {true, 0, 2 * watchInterval},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := unfinished{clock: time.Now, began: time.Now()}
				client, leave := context.WithCancel(t.Context())
				defer leave()
				f, other := u.finish(client, 0), u.finish(t.Context(), 0)
				defer other.cancel()
				if tt.released {
					f.release()
				}
				time.Sleep(time.Minute)
				if f.Err() != nil {
					t.Fatal("a request ended beside its client")
				}
				leave()
				time.Sleep(tt.lives)
				if f.Err() != nil {
					t.Errorf("a request ended within %v", tt.lives)
				}
				time.Sleep(tt.ends - tt.lives)
				if f.Err() == nil {
					t.Errorf("a request has not ended after %v", tt.ends)
				}
				if other.Err() != nil {
					t.Error("another client's request ended")
				}
				f.cancel()
				if u.first != other || other.next != nil || other.prev != nil {
					t.Error("a request that is over is still watched")
				}
			})
		})
	}
}

// TestFinishing_ReleasedLate: what is released after the client left ends at once.
func TestFinishing_ReleasedLate(t *testing.T) {
	u := unfinished{clock: time.Now, began: time.Now()}
	client, leave := context.WithCancel(t.Context())
	f := u.finish(client, 0)
	defer f.cancel()
	leave()
	f.release()
	if f.Err() == nil {
		t.Error("it goes on without its client")
	}
}
