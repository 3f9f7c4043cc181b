// Package agent names the browser and system of a User-Agent, for lists of sessions and
// events. No decision depends on it, since browsers can send any User-Agent.
package agent

import "strings"

// mark is a part of a User-Agent and what it stands for.
type mark struct{ part, name string }

// The first mark that is found counts: most browsers also claim to be others.
var browsers = []mark{
	{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"},
	{"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
}

var systems = []mark{
	{"Windows", "Windows"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"CrOS", "ChromeOS"},
	{"Macintosh", "Mac"}, {"Linux", "Linux"},
}

// Device names browser and system of a User-Agent for a list of sessions; empty for
// what is not known. It is a reminder for people and decides nothing.
func Device(agent string) (browser, system string) {
	return find(browsers, agent), find(systems, agent)
}

func find(marks []mark, agent string) string {
	for _, m := range marks {
		if strings.Contains(agent, m.part) {
			return m.name
		}
	}
	return ""
}
