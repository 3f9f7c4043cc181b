package badger

import (
	"fmt"
	"time"

	"go.uber.org/zap"
)

// gcEvery is how often the value log is looked through. Only records above the
// value threshold (16 KB) are in it, which is to say hardly any.
const gcEvery = 10 * time.Minute

// gcRatio is the part of a value-log file that must be garbage before it is
// rewritten; 0.5 is what Badger recommends.
const gcRatio = 0.5

// upkeep is the goroutine that looks after the files.
type upkeep struct {
	quit chan struct{}
	done chan struct{}
}

func (u *upkeep) start(d *DB) {
	u.quit, u.done = make(chan struct{}), make(chan struct{})
	go func() {
		defer close(u.done)
		u.run(d)
	}()
}

// stop ends the goroutine and waits for it.
func (u *upkeep) stop() {
	close(u.quit)
	<-u.done
}

func (u *upkeep) run(d *DB) {
	if err := verify(d); err != nil {
		d.log.Error("the store is damaged on disk; restore it from a backup", zap.String("dir", d.dir), zap.Error(err))
	}
	tick := time.NewTicker(gcEvery)
	defer tick.Stop()
	for {
		select {
		case <-u.quit:
			return
		case <-tick.C:
			u.collect(d)
		}
	}
}

// verify looks at Badger's own checksums once: damage to a key hides its record,
// which no checksum of a record can show. It reads all tables, 40 MB for 100,000
// users. Badger 4.9.6 dereferences nil when a block is damaged in its lengths.
func verify(d *DB) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("badger: verifying checksums: %v", p)
		}
	}()
	return d.db.VerifyChecksum()
}

// collect rewrites value-log files until none is worth it.
func (u *upkeep) collect(d *DB) {
	for d.db.RunValueLogGC(gcRatio) == nil {
		select {
		case <-u.quit:
			return
		default:
		}
	}
}
