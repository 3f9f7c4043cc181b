package event

import "sync"

// maxTallied bounds how many different names are counted.
const maxTallied = 128

// tally counts things by name and tells the first, tenth, hundredth … of each, so
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
