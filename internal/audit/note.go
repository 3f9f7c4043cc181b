package audit

import (
	"context"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
)

// maxNoted bounds how many events wait to be written. Beyond it they are lost, and the
// number is logged: no request waits for a store that does not write.
const maxNoted = 4096

// Note takes an event that belongs to no transaction. It never blocks. Events of kinds that
// users can cause at will are aggregated.
func (l *Log) Note(e store.Event) {
	if !l.aggregator.admit(&e) {
		return
	}
	select {
	case l.noted <- e:
	default:
		l.lost.Add(1)
	}
}

// write records these events and all that wait. What can't be written is kept and tried
// again.
func (l *Log) write(ctx context.Context, events ...store.Event) {
	l.unwritten = append(l.unwritten, events...)
	for len(l.unwritten) < maxNoted {
		select {
		case e := <-l.noted:
			l.unwritten = append(l.unwritten, e)
			continue
		default:
		}
		break
	}
	for len(l.unwritten) > 0 {
		n := min(len(l.unwritten), batch)
		if err := l.Store.Record(ctx, l.unwritten[:n]...); err != nil {
			l.drop(ctx, err)
			return
		}
		l.unwritten = l.unwritten[n:]
	}
	l.unwritten = nil
	l.logLost()
}

// drop keeps what could not be written, within bounds.
func (l *Log) drop(ctx context.Context, err error) {
	if over := len(l.unwritten) - maxNoted; over > 0 {
		l.unwritten = l.unwritten[over:]
		l.lost.Add(uint64(over))
	}
	l.fail(ctx, "events could not be written; they are kept and tried again", err)
}

// logLost logs how many events are missing in the audit log.
func (l *Log) logLost() {
	log := l.Logger()
	if log == nil {
		return
	}
	if n := l.lost.Swap(0); n > 0 {
		log.Named(logName).Error("events are missing in the audit log: there were too many at a time", zap.Uint64("events", n))
	}
}
