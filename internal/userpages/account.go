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

// account returns the name of the visitor's account for pages that only the visitor sees: the
// email address, the name or the user id.
func (c *call) account() string { return cmp.Or(c.v.Email, c.v.Name, c.v.User) }

// beforeCode returns the name of the account for the challenge page, which an attacker with
// the password sees. Email address and display name are masked. A user id is shown, because
// it is what was typed at the sign-in, or a number.
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

// masked hides most of an email address, so that an attacker with the password does not
// learn it before the code. Names that are no email address are returned unchanged.
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

// contact returns the operator's support setting, with a link if it is an email address, a
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
