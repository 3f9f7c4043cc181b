// Package meter defines the counters and histograms of a realm and of the store, as
// Prometheus metrics. Packages factor and gateway/event count in them; caddyplugin
// registers them with Caddy's registry.
//
// The number of series is bounded from the start: each label has a fixed list of values,
// and a value that is not in it is counted as "other". A user, an address or a path never
// becomes a series.
package meter

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// Prefix begins the name of every metric, as Caddy's own begin with caddy_ and their
// module.
const Prefix = "caddy_two_factor_"

// other is the label value that replaces a value that is not listed.
const other = "other"

// label is a label of a counter with all its values.
type label struct {
	name   string
	values []string
}

// constrain returns value if it is listed, and otherwise "other".
func (l label) constrain(value string) string {
	if slices.Contains(l.values, value) {
		return value
	}
	return other
}

// newCounter returns a counter in which every combination of listed values is shown from
// the start, as zero.
func newCounter(name, help string, labels ...label) *prometheus.CounterVec {
	var constrained prometheus.ConstrainedLabels
	for _, l := range labels {
		constrained = append(constrained, prometheus.ConstrainedLabel{Name: l.name, Constraint: l.constrain})
	}
	c := prometheus.V2.NewCounterVec(prometheus.CounterVecOpts{
		CounterOpts:    prometheus.CounterOpts{Name: Prefix + name, Help: help},
		VariableLabels: constrained,
	})
	showZeros(c, labels)
	return c
}

// showZeros creates the series for every combination of the labels' values, so that it is
// exported as zero. values are the values of the labels before, in the recursion.
func showZeros(c *prometheus.CounterVec, labels []label, values ...string) {
	if len(labels) == 0 {
		c.WithLabelValues(values...)
		return
	}
	for _, v := range labels[0].values {
		showZeros(c, labels[1:], append(values, v)...)
	}
}

// Store counts failures of the store, over all realms. It is a [prometheus.Collector].
type Store struct{ *prometheus.CounterVec }

// The operations that can fail.
const (
	Read  = "read"
	Write = "write"
	// Check is the test write of health checks.
	Check = "check"
)

// NewStore returns a Store without failures.
func NewStore() *Store {
	return &Store{newCounter("store_errors_total", "Failures of the store, by what it was asked for.", label{"operation", []string{Read, Write, Check}})}
}

// Failed counts a failure of an operation: Read, Write or Check.
func (s *Store) Failed(operation string) { s.WithLabelValues(operation).Inc() }
