package badger

import (
	"context"
	"sync"
	"time"
)

// gcEvery is how often the value log is looked through. Only records above the
// value threshold (16 KB) are in it, which is to say hardly any.
const gcEvery = 10 * time.Minute

// gcRatio is the part of a value-log file that must be garbage before it is
// rewritten; 0.5 is what Badger recommends.
const gcRatio = 0.5

// upkeep is the goroutines that look after the files and build what they lack.
type upkeep struct {
	quit    context.CancelFunc
	ended   <-chan struct{}
	running sync.WaitGroup
}

func (u *upkeep) start(d *DB) {
	ctx, quit := context.WithCancel(context.Background())
	u.quit, u.ended = quit, ctx.Done()
	u.running.Go(func() { u.run(d) })
	u.running.Go(func() { d.indexRest(ctx) })
}

// stop ends the goroutines and waits for them.
func (u *upkeep) stop() {
	u.quit()
	u.running.Wait()
}

func (u *upkeep) run(d *DB) {
	tick := time.NewTicker(gcEvery)
	defer tick.Stop()
	for {
		select {
		case <-u.ended:
			return
		case <-tick.C:
			u.collect(d)
		}
	}
}

// collect rewrites value-log files until none is worth it.
func (u *upkeep) collect(d *DB) {
	for d.db.RunValueLogGC(gcRatio) == nil {
		select {
		case <-u.ended:
			return
		default:
		}
	}
}
