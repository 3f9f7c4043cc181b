package lean

import (
	"math"
	"slices"
	"sync"
	"time"
)

// The reference customer: see the package's comment. typingSpread is the lognormal's
// sigma: 95 of 100 type for 2.5 to 26 s.
const (
	typingMedian = 8 * time.Second
	typingSpread = 0.6
)

// reach is how far a lean is looked for to either side, in whole seconds. Beyond it
// hardly a code is accepted any more.
const reach = 50

// medians are the median ages that leans from -reach to reach seconds show.
var medians = sync.OnceValue(func() []time.Duration {
	ages := referenceAges()
	out := make([]time.Duration, 0, 2*reach+1)
	for s := -reach; s <= reach; s++ {
		out = append(out, medianAt(ages, time.Duration(s)*time.Second))
	}
	return out
})

// referenceAges are evenly drawn ages of reference customers' codes without any lean,
// the least first.
func referenceAges() []time.Duration {
	const looks, typings = 60, 100
	var ages []time.Duration
	for i := range looks {
		look := (float64(i) + 0.5) / looks * float64(Period)
		for j := range typings {
			p := (float64(j) + 0.5) / typings
			typing := float64(typingMedian) * math.Exp(typingSpread*math.Sqrt2*math.Erfinv(2*p-1))
			ages = append(ages, time.Duration(look+typing))
		}
	}
	slices.Sort(ages)
	return ages
}

// medianAt is the median of those ages that are accepted when they lean.
func medianAt(ages []time.Duration, lean time.Duration) time.Duration {
	from, _ := slices.BinarySearch(ages, -Skew*Period-lean)
	to, _ := slices.BinarySearch(ages, (1+Skew)*Period-lean)
	if from == to {
		return (1+Skew)*Period - 1 // nobody's is accepted: as late as can be
	}
	return ages[(from+to)/2] + lean
}

// leanOf is the lean that shows a median age, between two whole seconds by proportion.
func leanOf(age time.Duration) time.Duration {
	m := medians()
	at, _ := slices.BinarySearch(m, age)
	switch at {
	case 0:
		return -reach * time.Second
	case len(m):
		return reach * time.Second
	}
	step := m[at] - m[at-1]
	part := float64(age-m[at-1]) / float64(max(step, 1))
	return time.Duration(float64(at-1-reach)*float64(time.Second) + part*float64(time.Second))
}
