package factor

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxLabel bounds issuer and account, in bytes: escaped, and with the issuer written
// twice, the QR code must stay easy to scan.
const maxLabel = 64

// URI is the otpauth://totp/ link that authenticator apps read (Google
// Authenticator's key URI format). Issuer and account are names for showing; whatever
// they contain ends up there and nowhere else in the link. Without issuer it is that
// of the settings.
func (s *Service) URI(e Enrolment, issuer, account string) string {
	if issuer == "" {
		issuer = s.settings.Issuer
	}
	issuer, account = label(issuer), label(account)
	name := escape(account)
	query := "secret=" + e.SecretText()
	if issuer != "" {
		name = escape(issuer) + ":" + name
		query += "&issuer=" + escape(issuer)
	}
	return fmt.Sprintf("otpauth://totp/%s?%s&algorithm=%s&digits=%d&period=%d", name, query, e.Algorithm, e.Digits, e.Period)
}

// label makes a name fit for showing: no control characters, no colon (it parts
// issuer and account, even escaped), not too long.
func label(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r == ':':
			return ' '
		case r == utf8.RuneError || !unicode.IsGraphic(r):
			return -1
		}
		return r
	}, name)
	name = strings.Join(strings.Fields(name), " ")
	for len(name) > maxLabel {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	return name
}

// escape leaves only letters, digits and "-_.~" as they are, wherever it is put. Blanks
// are %20: apps don't read + as one.
func escape(name string) string {
	return strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
}
