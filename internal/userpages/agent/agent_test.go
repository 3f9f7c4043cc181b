package agent

import "testing"

func TestDevice(t *testing.T) {
	for agent, want := range map[string][2]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0":            {"Edge", "Windows"},
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile Safari/604.1": {"Safari", "iPhone"},
		"Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36":                         {"Chrome", "Android"},
		"curl/8.5": {"", ""},
	} {
		browser, system := Device(agent)
		if browser != want[0] || system != want[1] {
			t.Errorf("%s: %s on %s", agent, browser, system)
		}
	}
}
