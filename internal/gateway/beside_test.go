package gateway

import (
	"testing"
)

// whenAwaited calls f once somebody waits for one of b's numbers to fall; stop ends the
// looking.
func whenAwaited(b *beside, f func()) (stop func()) {
	stopped, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-stopped:
				return
			default:
			}
			b.mu.Lock()
			awaited := b.changed != nil
			b.mu.Unlock()
			if awaited {
				f()
				return
			}
		}
	}()
	return func() { close(stopped); <-ended }
}

// TestBeside: an unsafe request that could be a stranger's sign-in waits until nothing
// runs beside it, and what comes meanwhile waits for it: a safe request that signs out
// at once would hide the sign-in from the question.
func TestBeside(t *testing.T) {
	var b beside
	if err := b.join(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	stop := whenAwaited(&b, func() { b.fall(&b.running) })
	b.apart(t.Context())
	if s := b.stand(); s.running != 0 {
		t.Errorf("the unsafe request runs beside %d", s.running)
	}
	stop()

	over := false
	stop = whenAwaited(&b, func() { over = true; b.fall(&b.alone) })
	if err := b.join(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	stop()
	if !over {
		t.Error("a safe request runs beside the unsafe one")
	}
}

// TestBeside_Free: where somebody may pass, safe requests wait for nobody.
func TestBeside_Free(t *testing.T) {
	var b beside
	b.apart(t.Context())
	if err := b.join(t.Context(), true); err != nil || b.stand().running != 1 {
		t.Errorf("%d run, %v", b.stand().running, err)
	}
}
