package config

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration with the JSON form that Caddy uses: a string such as "30s", "12h"
// or "30d", or a number of nanoseconds.
type Duration time.Duration

// ParseDuration parses the syntax of time.ParseDuration, and whole days such as "30d".
func ParseDuration(s string) (Duration, error) {
	if n := len(s); n > 1 && s[n-1] == 'd' {
		days, err := strconv.ParseUint(s[:n-1], 10, 16)
		if err != nil {
			return 0, fmt.Errorf("%q is not a duration: want for example 30s, 15m, 12h or 30d", s)
		}
		return Duration(time.Duration(days) * 24 * time.Hour), nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration: want for example 30s, 15m, 12h or 30d", s)
	}
	return Duration(d), nil
}

// MarshalJSON writes the duration as a string.
func (d Duration) MarshalJSON() ([]byte, error) {
	return json.Marshal(d.String())
}

// UnmarshalJSON reads a string for ParseDuration, or a number of nanoseconds.
func (d *Duration) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		v, err := ParseDuration(s)
		*d = v
		return err
	}
	var n int64
	if err := json.Unmarshal(b, &n); err != nil {
		return fmt.Errorf("%s is not a duration: want a string as \"30s\"", b)
	}
	*d = Duration(n)
	return nil
}

// String returns the shortest form that ParseDuration parses: "30s", "1h30m", "12h", "30d".
func (d Duration) String() string {
	const day = 24 * Duration(time.Hour)
	if days := d / day; days > 0 && days <= math.MaxUint16 && d%day == 0 {
		return strconv.Itoa(int(days)) + "d"
	}
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
