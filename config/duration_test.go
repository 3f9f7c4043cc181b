package config

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestDuration(t *testing.T) {
	tests := []struct {
		in   string
		want Duration
		out  string
	}{
		{"30s", seconds(30), "30s"}, {"90s", seconds(90), "1m30s"}, {"60s", minutes(1), "1m"},
		{"12h", hours(12), "12h"}, {"30d", hours(720), "30d"}, {"25h", hours(25), "25h"}, {"70000h", hours(70000), "70000h"}, {"2562024h", hours(2562024), "2562024h"}, {"0", 0, "0s"}, {"1h30m", minutes(90), "1h30m"},
		{"10h0m10s", hours(10) + seconds(10), "10h0m10s"},
	}
	for _, tt := range tests {
		got, err := ParseDuration(tt.in)
		if err != nil || got != tt.want || got.String() != tt.out {
			t.Errorf("%s: got %d (%s), %v", tt.in, got, got, err)
		}
		again, err := ParseDuration(got.String())
		if err != nil || again != got {
			t.Errorf("%s reads back as %s, %v", got, again, err)
		}
	}
}

func TestDurationRefuses(t *testing.T) {
	for _, in := range []string{"", "d", "1", "-1d", "1.5d", "70000d", "soon", "12 h"} {
		if d, err := ParseDuration(in); err == nil || !strings.Contains(err.Error(), "30d") {
			t.Errorf("%q: got %s, %v", in, d, err)
		}
	}
}

func TestDurationJSON(t *testing.T) {
	var d Duration
	if err := json.Unmarshal([]byte(`1000000000`), &d); err != nil || d != seconds(1) {
		t.Errorf("got %s, %v", d, err)
	}
	if err := json.Unmarshal([]byte(`"2m"`), &d); err != nil || d != minutes(2) {
		t.Errorf("got %s, %v", d, err)
	}
	for _, bad := range []string{`"x"`, `true`, `{}`} {
		if json.Unmarshal([]byte(bad), &d) == nil {
			t.Errorf("%s is taken as %s", bad, d)
		}
	}
}
