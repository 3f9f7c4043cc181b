package adversary

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/secondgate/secondgate/internal/portal"
)

// jar is one browser's cookies. The gateway's cookies all have Path=/, so the jar ignores paths.
// It also keeps every other cookie that leaves the gateway.
type jar struct {
	cookies []pair
	// past are the states of before; left is when each was left.
	past [][]pair
	left []time.Time
	// kept are those that were put aside.
	kept []pair
	// setup and secret are those of the set-up that was shown last.
	setup, secret string
	// token is the form token that was read last.
	token string
}

type pair struct {
	name, value string
	// everywhere says that the browser sends the cookie with requests of other sites' pages, too.
	everywhere bool
}

// visitCookie names the gateway's own cookie.
var visitCookie = portal.NamesFor(theRealm, true).Visit

var tokenIn = regexp.MustCompile(`TOKEN-\d+\.`)

// take does with a response what a browser does.
func (j *jar) take(header http.Header, text string) {
	if t := tokenIn.FindString(text); t != "" {
		j.token = t
	}
	lines := header["Set-Cookie"]
	if len(lines) == 0 {
		return
	}
	j.past, j.left = append(j.past, slices.Clone(j.cookies)), append(j.left, time.Now())
	for _, line := range lines {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			continue
		}
		j.cookies = slices.DeleteFunc(slices.Clone(j.cookies), func(p pair) bool { return p.name == c.Name })
		if c.MaxAge >= 0 {
			j.cookies = append(j.cookies, pair{c.Name, c.Value, c.SameSite == http.SameSiteNoneMode})
		}
	}
}

// header adds a choice of cookies to a request's header; see Action.Cookies. beside is the jar of
// the choice "beside".
func (j *jar) header(h http.Header, choice string, beside *jar) {
	chosen := j.cookies
	switch {
	case choice == "none":
		chosen = nil
	case choice == "old" && len(j.past) > 0:
		chosen = j.past[len(j.past)-1]
	case choice == "first" && len(j.past) > 1:
		chosen = j.past[1]
	case choice == "everywhere":
		chosen = slices.DeleteFunc(slices.Clone(j.cookies), func(p pair) bool { return !p.everywhere })
	case choice == "kept" && j.kept != nil:
		chosen = j.kept
	case choice == "visit":
		chosen = slices.DeleteFunc(slices.Clone(j.cookies), func(p pair) bool { return p.name != visitCookie })
	case choice == "beside" && beside != nil:
		chosen = append(slices.Clone(beside.cookies), j.cookies...)
	}
	if n, ok := strings.CutPrefix(choice, "without "); ok {
		if i, err := strconv.Atoi(n); err == nil && i < len(chosen) {
			chosen = slices.Delete(slices.Clone(chosen), i, i+1)
		}
	}
	var pairs []string
	if line := h.Get("Cookie"); line != "" {
		pairs = append(pairs, line)
	}
	for _, p := range chosen {
		pairs = append(pairs, p.name+"="+p.value)
	}
	if len(pairs) > 0 {
		h.Set("Cookie", strings.Join(pairs, "; "))
	}
}
