package event

import "sync"

// maxTallied bounds how many different names are counted.
const maxTallied = 128

// tally counts by name, and reports the first, tenth, hundredth … of each name. Operators then
// find each name without a flood of log lines.
type tally struct {
	mu    sync.Mutex
	count map[string]uint64
}

// add returns the new count, and whether it is to be logged: it is a power of ten.
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
