// Package agent finds the names of browser and system in a User-Agent. Packages userpages
// and staffpages show them in lists of sessions and events, and package server in mails.
//
// No decision depends on [Device], because a client can send any User-Agent.
package agent

import "strings"

// mark is a part of a User-Agent and the browser or system that it stands for.
type mark struct{ part, name string }

// browsers are tried in this order. The first match counts, because most browsers also name
// others: Edge names Chrome, and Chrome names Safari.
var browsers = []mark{
	{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"},
	{"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
}

var systems = []mark{
	{"Windows", "Windows"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"CrOS", "ChromeOS"},
	{"Macintosh", "Mac"}, {"Linux", "Linux"},
}

// Device returns the names of browser and system in a User-Agent; each is empty if it is
// not known.
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
