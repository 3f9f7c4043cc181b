package inspect

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/secondgate/secondgate/internal/onboard/browse"
)

// Words in the names of pages, links and fields. They decide the order in which crawl visits
// pages, which links it does not follow, and the score of candidates. No setting depends on
// a word alone.
var (
	// personal are words in the addresses of pages that are likely to name the user.
	personal = strings.Fields(`me whoami self user users profile account accounts settings session customer member clientarea details preferences my
		konto profil oma mypage dashboard home current userinfo ucp`)
	// persons are words before "id" that make it the id of a person, as in user_id.
	persons = strings.Fields(`user account customer client member me my profile person login auth contact current self viewer who people data result
		kunden kunde asiakas subscriber`)
	identifiers = strings.Fields("id uid uuid guid sub number no nr num nummer numero")
	// ownerWords are names under which a number may be the user's id although the name does
	// not end in "id", as in <b id="me">17</b>.
	ownerWords = strings.Fields("me who whoami user customer member ids uid")
	// containers are keys in JSON that may enclose the user. They don't tell to which person
	// the value belongs.
	containers = strings.Fields(`result results props state response payload attributes session value page initial context logged in ids identity
		principal root`)
	names    = strings.Fields("login username user uname userid")
	display  = strings.Fields("display nick nickname full fullname first firstname last lastname real title greeting")
	fleeting = strings.Fields(`token nonce csrf xsrf session sessionid sid hash time date timestamp expires sectok signature version balance sum total
		count amount price`)
	// doing are words of links that may change something at the portal. harmless refuses them.
	doing = strings.Fields(`delete remove destroy drop cancel unsubscribe subscribe add create new edit save update insert upload toggle enable
		disable activate deactivate confirm approve accept reject install upgrade purge clear flush reset restore revoke switch
		impersonate export download pay buy order checkout vote follow unfollow block move rename send resend revert rollback
		lock unlock restart reboot transfer renew register draft trash import join invite`)
	// commands are like doing, but count only in a path or in a parameter from actions:
	// ?do=start may change something, ?id=start is a page.
	commands = strings.Fields("start stop run open close set leave sync refresh submit apply like mark execute toggle")
	actions  = strings.Fields("do action act a op cmd command task mode method func function event")
	secret   = regexp.MustCompile(`(?i)nonce|token|sectok|csrf|xsrf|signature|^sig$|^key$|^hash$|sess`)

	leaving  = regexp.MustCompile(`(?i)log[ _-]?(out|off)|sign[ _-]?(out|off)|abmeld|ausloggen|kirjaudu ulos|uloskirjaudu|logga[ -]?ut|d[eé]connexion|cerrar|uitloggen|afmelden|exit`)
	nobody   = regexp.MustCompile(`(?i)anonymous|guest|logged-?out|signed-?out|not-?(logged|signed)`)
	entering = regexp.MustCompile(`(?i)log[ _-]?in|log[ _-]?on|sign[ _-]?in|anmeld|einlogg|kirjaudu`)
	numeric  = regexp.MustCompile(`^[0-9]{1,18}$|^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$|^[0-9a-f]{24}$`)
	plainCSS = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)
)

// words splits a name at characters that are no letters and before capitals: userId, user_id
// and user-id are user and id.
func words(name string) []string {
	var b strings.Builder
	lower := false
	for _, r := range name {
		if unicode.IsUpper(r) && lower {
			b.WriteByte(' ')
		}
		lower = unicode.IsLower(r)
		if !unicode.IsLetter(r) {
			r = ' '
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return strings.Fields(b.String())
}

func hasAny(list, of []string) bool {
	return slices.ContainsFunc(list, func(w string) bool { return slices.Contains(of, w) })
}

// harmless reports whether crawl may follow a link. It refuses a link that has the word of
// a sign-out or of a change, or a token, because links that change something often carry
// one.
func harmless(u *url.URL, text string) bool {
	if leaving.MatchString(u.Path+"?"+u.RawQuery) || leaving.MatchString(text) {
		return false
	}
	said := words(u.Path)
	for key, values := range u.Query() {
		if secret.MatchString(key) {
			return false
		}
		if hasAny(words(key), actions) {
			said = append(said, words(strings.Join(values, " "))...)
		}
	}
	if hasAny(said, commands) {
		return false
	}
	said = words(u.Path + " " + u.RawQuery)
	if hasAny(said, personal) {
		said = slices.DeleteFunc(said, func(w string) bool { return w == "edit" })
	}
	return !hasAny(said, doing)
}

// isIdentifier reports whether a name, split by words, is that of a person's id, such as
// user_id, accountId or customer-number. alone is true for "id" without such a word.
func isIdentifier(said []string) (yes, alone bool) {
	if len(said) == 0 || !slices.Contains(identifiers, said[len(said)-1]) {
		return false, false
	}
	for _, w := range said[:len(said)-1] {
		if !slices.Contains(persons, w) && !strings.Contains(w, "user") {
			return false, false
		}
	}
	return true, len(said) == 1
}

// isName reports whether a name is that of a user name and not of a display name.
func isName(said []string) bool {
	if len(said) == 0 || hasAny(said, display) {
		return false
	}
	last := said[len(said)-1]
	return slices.Contains(names, last) || last == "name" && len(said) > 1 && slices.Contains(persons, said[len(said)-2])
}

// least is the minimum score of a candidate that is checked. An id by its name reaches it if
// it is also numeric, hidden, read-only, in JSON or on a personal page. The user name that
// was typed reaches it where it is read-only, or where the field is named like a user name.
const least = 45

// scoring holds the facts about the customer and the portal that scores depend on.
type scoring struct {
	account browse.Account
	// saved are the values that people can change in forms of the portal.
	saved map[string]bool
	// knowing are pages that show the user name or the e-mail address.
	knowing map[place]bool
}

// rank scores all candidates and keeps those from least on, best first.
func rank(all []*candidate, s scoring) []*candidate {
	s.knowing = make(map[place]bool)
	for _, c := range all {
		if s.typed(c.value) {
			s.knowing[c.place] = true
		}
	}
	for _, c := range all {
		c.score = s.of(c)
	}
	best := slices.DeleteFunc(slices.Clone(all), func(c *candidate) bool { return c.score < least })
	slices.SortStableFunc(best, func(a, b *candidate) int { return b.score - a.score })
	return best
}

// typed reports whether a value is the name that the customer signed in with, or its part
// before the @, in any case.
func (s scoring) typed(value string) bool {
	name := strings.TrimSpace(s.account.User)
	local, _, _ := strings.Cut(name, "@")
	return strings.EqualFold(value, name) || strings.EqualFold(value, local)
}

// of returns a candidate's score. A person's id scores highest, then a user name. A value
// that the user can edit, on this page or another, may be a display name and scores low.
func (s scoring) of(c *candidate) int {
	if hasAny(c.key, fleeting) || c.editable {
		return 0
	}
	identifier, alone := isIdentifier(c.key)
	if alone && !s.knowing[c.place] && !hasAny(c.pageWords(), personal) {
		identifier = false
	}
	name, login := isName(c.key), s.typed(c.value)
	if strange(c.path) {
		identifier = false // another person's id: that of a ticket's agent
	}
	// A short number is more likely a count, for example of messages.
	owned := !identifier && !c.class && !strange(c.path) && len(c.value) > 3 && numeric.MatchString(c.value) && hasAny(c.key, ownerWords)
	points := 0
	add := func(when bool, n int) {
		if when {
			points += n
		}
	}
	add(identifier, 40)
	add(name && !identifier, 25)
	add(owned, 55) // <b id="me">17</b>: only the second customer can prove it
	add(login, 35)
	add(identifier && numeric.MatchString(c.value), 30)
	add(c.json || c.hidden, 10)
	add(c.readonly, 15)
	add(c.text, -5)
	add(c.class, -5)
	add(hasAny(c.pageWords(), personal), 10)
	add(hasAny(c.key, display), -40)
	add(strings.ContainsAny(c.value, " \t"), -25)
	add(strings.Contains(c.value, "@"), -15)
	add(s.saved[c.value] && !c.readonly && !(c.json && name) && !identifier && !owned, -45)
	return points
}

// strange reports whether a path in JSON has a word from none of the lists above. The value
// may then be about another person, as in ticket.agent.user.id.
func strange(path []string) bool {
	return slices.ContainsFunc(path, func(w string) bool {
		return !slices.Contains(persons, w) && !slices.Contains(identifiers, w) && !slices.Contains(names, w) && !slices.Contains(containers, w)
	})
}
