// Package meter counts what happens in a realm, for whoever watches the server: who
// was asked for codes and what became of it, what whoami answered, how long the gate
// took. It knows nothing of Prometheus; caddyplugin reads it out.
//
// Its one invariant: what it holds is bounded from the start. Every label has a fixed
// list of values, so neither a user, an address nor a path ever becomes a series; and
// counting takes no lock and allocates nothing.
package meter

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Label is a label of a counter, with all values that it can have.
type Label struct {
	Name   string
	Values []string
}

// other counts a value that is in no list: a mistake of ours, which must not make a
// series. It is a label's last value.
const other = "other"

// Counter counts by its labels' values.
type Counter struct {
	// Name is the metric's, without prefix; Help says what is counted.
	Name, Help string
	Labels     []Label

	n []atomic.Uint64
}

func newCounter(name, help string, labels ...Label) *Counter {
	size := 1
	for i := range labels {
		size *= len(labels[i].Values)
	}
	return &Counter{Name: name, Help: help, Labels: labels, n: make([]atomic.Uint64, size)}
}

func label(name string, values ...string) Label {
	return Label{Name: name, Values: append(values, other)}
}

// add counts n under a value for each label, in their order.
func (c *Counter) add(n uint64, values ...string) {
	at := 0
	for i, l := range c.Labels {
		v := slices.Index(l.Values, values[i])
		if v < 0 {
			v = len(l.Values) - 1
		}
		at = at*len(l.Values) + v
	}
	c.n[at].Add(n)
}

// Each calls fn with every combination of values and its number. What is counted as
// other is left out while there is nothing.
func (c *Counter) Each(fn func(n uint64, values []string)) {
	values := make([]string, len(c.Labels))
	for at := range c.n {
		rest := at
		for i := len(c.Labels) - 1; i >= 0; i-- {
			l := c.Labels[i].Values
			values[i] = l[rest%len(l)]
			rest /= len(l)
		}
		if n := c.n[at].Load(); n > 0 || !slices.Contains(values, other) {
			fn(n, values)
		}
	}
}

// String is the counter's name with its labels', as documentation writes it.
func (c *Counter) String() string {
	var names []string
	for _, l := range c.Labels {
		names = append(names, l.Name)
	}
	return c.Name + "{" + strings.Join(names, ",") + "}"
}

// Histogram counts durations by upper bounds.
type Histogram struct {
	bounds []time.Duration
	n      []atomic.Uint64
	sum    atomic.Int64 // nanoseconds
}

func newHistogram(bounds []time.Duration) *Histogram {
	return &Histogram{bounds: bounds, n: make([]atomic.Uint64, len(bounds)+1)}
}

// observe counts one duration. It is on the cleared request's way: a walk over a few
// bounds and two additions.
func (h *Histogram) observe(d time.Duration) {
	d = max(d, 0) // a clock that a test has moved
	at := 0
	for at < len(h.bounds) && d > h.bounds[at] {
		at++
	}
	h.n[at].Add(1)
	h.sum.Add(int64(d))
}

// Read returns how many durations there were, their sum in seconds, and how many were
// at most each bound, in seconds.
func (h *Histogram) Read() (count uint64, sum float64, buckets map[float64]uint64) {
	buckets = make(map[float64]uint64, len(h.bounds))
	for i, b := range h.bounds {
		count += h.n[i].Load()
		buckets[b.Seconds()] = count
	}
	count += h.n[len(h.bounds)].Load()
	return count, time.Duration(h.sum.Load()).Seconds(), buckets
}
