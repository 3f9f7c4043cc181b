package userpages

import (
	"cmp"
	"html/template"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/secondgate/secondgate/templates"
)

// account is how the visitor's account is called, for the visitor's own eyes.
func (c *call) account() string { return cmp.Or(c.v.Email, c.v.Name, c.v.User) }

// beforeCode is account for those who gave the password only: of a name that the portal
// shows, the beginnings of its words. The user id is what they signed in with, or a number.
func (c *call) beforeCode() string {
	if c.v.Email == "" && c.v.Name != "" && c.v.Name != c.v.User {
		return maskedName(c.v.Name)
	}
	return masked(c.account())
}

// maskedName keeps the first letter of each word.
func maskedName(name string) string {
	words := strings.Fields(name)
	for i, word := range words {
		_, first := utf8.DecodeRuneInString(word)
		words[i] = word[:first] + "•••"
	}
	return strings.Join(words, " ")
}

// masked hides most of an e-mail address: before the code is given, only the
// password is known, and who knows it need not learn the address. Other names are
// shown as they are.
func masked(account string) string {
	at := strings.LastIndexByte(account, '@')
	if at < 1 || at == len(account)-1 {
		return account
	}
	_, first := utf8.DecodeRuneInString(account)
	return account[:first] + "•••" + account[at:]
}

var (
	mailShape  = regexp.MustCompile(`^[^\s@:/?]+@[^\s@:/?]+$`)
	phoneShape = regexp.MustCompile(`^\+?[0-9][0-9 ()./-]{4,}$`)
	notDialled = regexp.MustCompile(`[^0-9+]`)
)

// contact makes the operator's support setting a link, if it is an e-mail address, a
// web address or a telephone number.
func contact(support string) templates.Contact {
	shown := templates.Contact{Shown: support}
	switch {
	case mailShape.MatchString(support):
		shown.Link = template.URL("mailto:" + url.PathEscape(support))
	case strings.HasPrefix(support, "https://") || strings.HasPrefix(support, "http://"):
		if u, err := url.Parse(support); err == nil {
			shown.Link = template.URL(u.String())
		}
	case phoneShape.MatchString(support):
		shown.Link = template.URL("tel:" + notDialled.ReplaceAllString(support, ""))
	}
	return shown
}
