package audit_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/secondgate/secondgate/internal/audit"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/memory"
	"github.com/secondgate/secondgate/internal/store/records"
)

// TestRun: what is pending when the log ends is settled, told, and chained as documented.
func TestRun(t *testing.T) {
	st := records.Open(memory.New(), records.Options{})
	defer st.Close()
	for i := range 450 {
		e := store.Event{At: time.Now(), Kind: store.EventPassed, Realm: "r", User: fmt.Sprint("user\r\n", i)}
		if err := st.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	core, logs := observer.New(zap.InfoLevel)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	var done sync.WaitGroup
	done.Go(func() {
		audit.New(audit.Options{
			Store: st, Clock: time.Now, Keep: func() time.Duration { return 0 },
			Logger: func() *zap.Logger { return zap.New(core) },
		}).Run(ctx)
	})
	done.Wait()
	if n := logs.FilterMessage("security event").Len(); n != 450 {
		t.Errorf("%d events in the log, want 450", n)
	}
	page, err := st.Entries(t.Context(), store.EntryQuery{Limit: 1000})
	if err != nil || len(page.Entries) != 450 {
		t.Fatalf("%d entries, %v", len(page.Entries), err)
	}
	var last store.Entry
	for i, e := range page.Entries {
		in := append(append([]byte{}, last.Hash[:]...), 0, 0, 0, 0, 0, 0, byte(e.Seq>>8), byte(e.Seq))
		if e.Seq != uint64(i)+1 || e.Prev != last.Hash || e.Hash != sha256.Sum256(append(in, e.Raw...)) {
			t.Fatalf("entry %d does not follow entry %d", e.Seq, last.Seq)
		}
		last = e
	}
	head := logs.FilterMessage("audit log head").All()
	if len(head) != 1 || head[0].ContextMap()["hash"] != fmt.Sprintf("%x", last.Hash) {
		t.Errorf("heads %v, want one of %x", head, last.Hash)
	}
}
