package factor

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxLabel bounds issuer and account, in bytes. The link has them percent-encoded, and the issuer
// twice, and its QR code must remain easy to scan.
const maxLabel = 64

// URI is the otpauth://totp/ link that authenticator apps read (Google Authenticator's key URI
// format). Issuer and account are names that the app displays. They are escaped, so that they can't
// change other parts of the link. If issuer is empty, the one of the settings is used.
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

// label returns a name in the form that links may contain: without control characters, at most
// maxLabel long, and with blanks in place of colons, because apps split issuer and account at a
// colon even if it is escaped.
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

// escape percent-encodes all characters but letters, digits and "-_.~". Blanks become %20, because
// apps don't decode + to a blank.
func escape(name string) string {
	return strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
}
