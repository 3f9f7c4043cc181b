package badger

import (
	"sync"
	"time"
)

// gcEvery is how often the value log is looked through. Only records above the
// value threshold (16 KB) are in it, which is to say hardly any.
const gcEvery = 10 * time.Minute

// gcRatio is the part of a value-log file that must be garbage before it is
// rewritten; 0.5 is what Badger recommends.
const gcRatio = 0.5

// upkeep is the goroutine that collects garbage in the value log.
type upkeep struct {
	quit    chan struct{}
	running sync.WaitGroup
}

func (u *upkeep) start(e *Engine) {
	u.quit = make(chan struct{})
	u.running.Go(func() { u.run(e) })
}

// stop ends the goroutine and waits for it.
func (u *upkeep) stop() {
	close(u.quit)
	u.running.Wait()
}

func (u *upkeep) run(e *Engine) {
	tick := time.NewTicker(gcEvery)
	defer tick.Stop()
	for {
		select {
		case <-u.quit:
			return
		case <-tick.C:
			u.collect(e)
		}
	}
}

// collect rewrites value-log files until none is worth it.
func (u *upkeep) collect(e *Engine) {
	for e.db.RunValueLogGC(gcRatio) == nil {
		select {
		case <-u.quit:
			return
		default:
		}
	}
}
