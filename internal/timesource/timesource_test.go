package timesource

import "testing"

func TestAddress(t *testing.T) {
	for text, want := range map[string]string{
		"ntp.example.com": "ntp.example.com:123", "ntp.example.com:1123": "ntp.example.com:1123", "192.0.2.1": "192.0.2.1:123",
		"192.0.2.1:99": "192.0.2.1:99", "2001:db8::1": "[2001:db8::1]:123", "[2001:db8::1]": "[2001:db8::1]:123", "[2001:db8::1]:99": "[2001:db8::1]:99",
		"": "", ":123": "", "host:": "", "host:0": "", "host:65536": "", "host:name": "", "two hosts": "", "ntp://host": "", "{env.NTP}": "", "[host]": "host:123",
		"a/b": "", "host:1:2": "",
	} {
		got, err := Address(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("Address(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
}
