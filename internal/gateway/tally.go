package gateway

import (
	"net/http"
	"sync"

	"go.uber.org/zap"
)

// maxTallied bounds how many different names are counted.
const maxTallied = 128

// tally counts things by name and logs the first, tenth, hundredth … of each, so
// that an operator finds them without a log full of them.
type tally struct {
	mu    sync.Mutex
	count map[string]uint64
}

// add returns the new count, and whether it is worth a line.
func (t *tally) add(name string) (n uint64, log bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.count == nil {
		t.count = make(map[string]uint64)
	}
	if _, known := t.count[name]; !known && len(t.count) >= maxTallied {
		return 0, false
	}
	t.count[name]++
	n = t.count[name]
	for log = true; n > 1 && log; n /= 10 {
		log = n%10 == 0
	}
	return t.count[name], log
}

// dropped counts cookies that the portal did not get to see because nobody had
// sealed them: most are of no use to it, but a missing `leave` is found here.
type dropped struct{ tally }

func (d *dropped) note(log *zap.Logger, names []string) {
	for _, name := range names {
		if n, worth := d.add(name); worth {
			log.Info("cookie dropped that was not sealed; if the portal's scripts set it and the portal needs it, name it under leave",
				zap.String("cookie", name), zap.Uint64("count", n))
		}
	}
}

// trusted counts requests that were forwarded verbatim.
type trusted struct{ tally }

func (t *trusted) note(log *zap.Logger, r *http.Request) {
	if n, worth := t.add(r.Method); worth {
		log.Info("request trusted and forwarded verbatim", zap.String("method", r.Method), zap.String("path", r.URL.Path), zap.Uint64("count", n))
	}
}
