package audit

import (
	"context"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
)

// maxNoted bounds how many events wait to be written. Beyond, they are counted as lost:
// a store that does not write refuses codes as well, and no request waits for it.
const maxNoted = 4096

// Note takes an event that happened beside any transaction. It never blocks; kinds that
// somebody could cause at will are summed up: see often.
func (l *Log) Note(e store.Event) {
	if !l.often.admit(&e) {
		return
	}
	select {
	case l.noted <- e:
	default:
		l.lost.Add(1)
	}
}

// write records events and all that wait besides. What can't be written is kept and
// tried again.
func (l *Log) write(ctx context.Context, events ...store.Event) {
	l.held = append(l.held, events...)
	for len(l.held) < maxNoted {
		select {
		case e := <-l.noted:
			l.held = append(l.held, e)
			continue
		default:
		}
		break
	}
	for len(l.held) > 0 {
		n := min(len(l.held), batch)
		if err := l.Store.Record(ctx, l.held[:n]...); err != nil {
			l.drop(ctx, err)
			return
		}
		l.held = l.held[n:]
	}
	l.held = nil
	l.tellLost()
}

// drop keeps what could not be written, within bounds.
func (l *Log) drop(ctx context.Context, err error) {
	if over := len(l.held) - maxNoted; over > 0 {
		l.held = l.held[over:]
		l.lost.Add(uint64(over))
	}
	l.fail(ctx, "events could not be written; they are kept and tried again", err)
}

// tellLost says in the log what the audit log does not have.
func (l *Log) tellLost() {
	log := l.Logger()
	if log == nil {
		return
	}
	if n := l.lost.Swap(0); n > 0 {
		log.Named(logName).Error("events are missing in the audit log: there were too many at a time", zap.Uint64("events", n))
	}
}
