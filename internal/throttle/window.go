package throttle

import "time"

// window counts failures in a period that began with the first of them, and those in
// the period before. Together they estimate a sliding count without a list of times.
type window struct {
	start       int64 // Unix nanoseconds
	now, before uint32
	// told is when the start of a wait was last reported, in Unix nanoseconds.
	told int64
}

// at moves the window forward to now. A window that begins in the future was written before the
// clock was set back; it is reset, because otherwise it would not end for a long time.
func (w window) at(now int64, per time.Duration) window {
	age := time.Duration(now - w.start)
	switch {
	case age < 0 || age >= 2*per:
		return window{start: now}
	case age >= per:
		return window{start: w.start + int64(per), before: w.now, told: w.told}
	}
	return w
}

// estimate returns the count of the sliding period that ends at now. It assumes that the failures
// of the previous period were evenly distributed.
func (w window) estimate(now int64, per time.Duration) float64 {
	left := 1 - float64(now-w.start)/float64(per)
	return float64(w.now) + float64(w.before)*left
}

func (w window) full(now int64, count int, per time.Duration) bool {
	return w.estimate(now, per) >= float64(count)
}

// free is when the estimate of a full window falls below count, rounded up to a second.
func (w window) free(count int, per time.Duration) time.Time {
	start, n, room := w.start, w.before, count-int(w.now)
	if room <= 0 { // not in this period: in the next one, w.now is what was before
		start, n, room = start+int64(per), w.now, count
	}
	wait := (1 - float64(room)/float64(n)) * float64(per)
	return time.Unix(0, start+int64(wait)).UTC().Truncate(time.Second).Add(time.Second)
}

// without uncounts one failure of the period that began at start. If that is now the previous
// period, it lowers that count; if the period is older, it does nothing.
func (w window) without(start int64, per time.Duration) window {
	switch {
	case w.start == start && w.now > 0:
		w.now--
	case w.start == start+int64(per) && w.before > 0:
		w.before--
	}
	return w
}

// begins reports whether the entry's window is full and this was not yet reported within the
// period, and until when it is full. It records the report.
func begins[K comparable](table map[K]window, key K, now int64, count int, per time.Duration) (until time.Time, began bool) {
	w, there := table[key]
	w = w.at(now, per)
	if !there || !w.full(now, count, per) || w.told != 0 && now-w.told < int64(per) {
		return time.Time{}, false
	}
	w.told = now
	table[key] = w
	return w.free(count, per), true
}
