package store

import (
	"fmt"
	"time"
)

// Day is what was counted of one realm on one day: numbers, and nothing that could be
// put together again to what one person did.
type Day struct {
	Realm string
	// Date is the day in UTC, as 2026-11-22: see DateOf.
	Date string
	// Counts are above zero.
	Counts map[Count]int64
}

// Count is what is counted: a kind, and within it a name.
type Count struct{ Kind, Name string }

// KeepDays is for how many days after it the numbers of a day are kept.
const KeepDays = 92

// DateOf is the date of a Day that a moment lies in.
func DateOf(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// Ends is when the numbers of a date are forgotten.
func Ends(date string) (time.Time, error) {
	day, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no date; want one as 2026-11-22", date)
	}
	return day.AddDate(0, 0, KeepDays+1), nil
}
