package transfer

import (
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/pquerna/otp"

	"github.com/secondgate/secondgate/internal/factor"
)

// Bounds of a secret in bytes. RFC 4226, R6, requires 128 bits and recommends 160. Secrets
// of 80 bits are accepted with a warning, because many systems make them.
const (
	minSecret  = 10
	goodSecret = 16
	maxSecret  = 128
)

// Bounds of digits and period, the same as those of the settings. Seven digits are allowed
// here too, as in RFC 4226.
const (
	minDigits, maxDigits = 6, 8
	minPeriod, maxPeriod = 15, 120
)

// fault is a field and what is wrong with it.
type fault struct{ field, text string }

// parser converts a row's fields to a factor.Import.
type parser struct {
	// canonical returns the id in the form that whoami gives it, or what is wrong with it.
	canonical func(id string) (string, error)
	realm     string
}

// parse returns the import, or its first fault (bad). odd are faults that only give a warning.
func (p *parser) parse(fields map[string]string) (in factor.Import, odd []fault, bad *fault) {
	if in.User, bad = p.user(fields[fieldUser]); bad != nil {
		return in, nil, bad
	}
	if fields, bad = withURI(fields); bad != nil {
		return in, nil, bad
	}
	steps := []func(map[string]string, *factor.Import) *fault{readSecret, readAlgorithm, readDigits, readPeriod, readCodes}
	for _, step := range steps {
		if bad = step(fields, &in); bad != nil {
			return in, nil, bad
		}
	}
	if len(in.Secret) < goodSecret {
		odd = append(odd, fault{fieldSecret, fmt.Sprintf("has %d bits; RFC 4226 wants at least 128", 8*len(in.Secret))})
	}
	kept, note, bad := p.readKept(fields, &in)
	in.Kept = kept
	if note != nil {
		odd = append(odd, *note)
	}
	return in, odd, bad
}

func (p *parser) user(id string) (string, *fault) {
	if id == "" {
		return "", &fault{fieldUser, "missing; want the id of the user, as the portal's whoami says it"}
	}
	known, err := p.canonical(id)
	if err != nil {
		return "", &fault{fieldUser, err.Error()}
	}
	if strings.TrimSpace(known) != known {
		return "", &fault{fieldUser, "begins or ends with a blank; want the id exactly as the portal's whoami says it"}
	}
	return known, nil
}

// withURI replaces the field `uri` by the fields that the link contains. These are then
// checked like fields of the file. The accessors of package otp are not used, because they
// return a default for an invalid value.
func withURI(fields map[string]string) (map[string]string, *fault) {
	link := fields[fieldURI]
	if link == "" {
		return fields, nil
	}
	for _, name := range []string{fieldSecret, fieldEncoding, fieldAlgorithm, fieldDigits, fieldPeriod} {
		if fields[name] != "" {
			return nil, &fault{fieldURI, fmt.Sprintf("is given together with %s; want one of the two", name)}
		}
	}
	key, err := otp.NewKeyFromURL(link)
	if err != nil || !strings.HasPrefix(strings.ToLower(key.String()), "otpauth://") {
		return nil, &fault{fieldURI, "not a link; want otpauth://totp/NAME?secret=…"}
	}
	if key.Type() != "totp" {
		return nil, &fault{fieldURI, "of another kind than totp; codes that count uses (hotp) can't be imported"}
	}
	return fieldsOf(key, fields)
}

func fieldsOf(key *otp.Key, fields map[string]string) (map[string]string, *fault) {
	u, err := url.Parse(key.String())
	if err != nil {
		return nil, &fault{fieldURI, "not a link; want otpauth://totp/NAME?secret=…"}
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, &fault{fieldURI, "what follows the ? can't be read"}
	}
	out := map[string]string{fieldEncoding: "base32"}
	for _, name := range []string{fieldUser, fieldCodes, fieldBackupRealm, fieldBackupScheme, fieldBackupSalt, fieldBackupHashes, fieldBackupTotal} {
		out[name] = fields[name]
	}
	for name, values := range query {
		switch {
		case name == "encoder":
			return nil, &fault{fieldURI, "has an encoder, so its codes are no digits of RFC 6238 (Steam's are such)"}
		case !slices.Contains([]string{fieldSecret, fieldAlgorithm, fieldDigits, fieldPeriod}, name):
			continue // issuer, image and the like
		case len(values) > 1:
			return nil, &fault{fieldURI, fmt.Sprintf("has %s twice", name)}
		}
		out[name] = values[0]
	}
	return out, nil
}

var ungrouped = strings.NewReplacer(" ", "", "\t", "", "\n", "", "-", "")

func readSecret(fields map[string]string, in *factor.Import) *fault {
	text := ungrouped.Replace(fields[fieldSecret])
	if text == "" {
		return &fault{fieldSecret, "missing"}
	}
	var err error
	switch encoding := strings.ToLower(strings.TrimSpace(fields[fieldEncoding])); encoding {
	case "", "base32":
		if in.Secret, err = decodeBase32(text); err != nil {
			return &fault{fieldSecret, err.Error()}
		}
	case "hex":
		if in.Secret, err = hex.DecodeString(text); err != nil {
			return &fault{fieldSecret, "not hexadecimal: want pairs of 0 to 9 and A to F"}
		}
	default:
		return &fault{fieldEncoding, fmt.Sprintf("%.20q is unknown; want base32 or hex", encoding)}
	}
	if n := len(in.Secret); n < minSecret || n > maxSecret {
		return &fault{fieldSecret, fmt.Sprintf("has %d bits; want at least %d, so that codes can't be worked out, and at most %d", 8*n, 8*minSecret, 8*maxSecret)}
	}
	return nil
}

var (
	errBase32 = errors.New("not base32, which has the letters A to Z and the digits 2 to 7; if it is hexadecimal, say so with encoding hex")
	errCut    = errors.New("not whole: base32 never ends 1, 3 or 6 letters after a group of 8")
)

// decodeBase32 decodes base32 with or without padding, in either case. It refuses lengths
// that no encoder makes (RFC 4648, section 6): encoding/base32 would drop the last letter,
// and the text is not whole.
func decodeBase32(text string) ([]byte, error) {
	text = strings.ToUpper(strings.TrimRight(text, "="))
	b, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(text)
	if err != nil {
		return nil, errBase32
	}
	if n := len(text) % 8; n == 1 || n == 3 || n == 6 {
		return nil, errCut
	}
	return b, nil
}

func readAlgorithm(fields map[string]string, in *factor.Import) *fault {
	in.Algorithm = strings.TrimPrefix(ungrouped.Replace(strings.ToUpper(fields[fieldAlgorithm])), "HMAC")
	if in.Algorithm == "" {
		in.Algorithm = factor.SHA1
	}
	if !slices.Contains([]string{factor.SHA1, factor.SHA256, factor.SHA512}, in.Algorithm) {
		return &fault{fieldAlgorithm, fmt.Sprintf("%.20q is unknown; want SHA1, SHA256 or SHA512", fields[fieldAlgorithm])}
	}
	return nil
}

func readDigits(fields map[string]string, in *factor.Import) (bad *fault) {
	in.Digits, bad = number(fields, fieldDigits, 6, minDigits, maxDigits)
	return bad
}

func readPeriod(fields map[string]string, in *factor.Import) (bad *fault) {
	in.Period, bad = number(fields, fieldPeriod, 30, minPeriod, maxPeriod)
	return bad
}

// number returns the number in a field, which must be from low to high, or missing if the
// field is empty.
func number(fields map[string]string, name string, missing, low, high int) (int, *fault) {
	text := strings.TrimSpace(fields[name])
	if text == "" {
		return missing, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		return 0, &fault{name, fmt.Sprintf("%.20q is no number from %d to %d", text, low, high)}
	}
	return n, nil
}

// errCode describes the shape of a backup code. Codes of another shape are refused, because
// the challenge would not accept them.
var errCode = errors.New("are not all in the form of Secondgate's: 16 symbols of 0 to 9 and A to Z without I, L, O and U, as XXXX-XXXX-XXXX-XXXX, separated by ; or , (others can't be typed at the challenge: leave the field empty, and customers generate new codes on their settings page)")

// maxCodes bounds the number of a user's backup codes, as the settings do.
const maxCodes = 20

func readCodes(fields map[string]string, in *factor.Import) *fault {
	seen := make(map[string]bool)
	for _, text := range list(fields[fieldCodes]) {
		code, ok := factor.ParseBackup(text)
		switch {
		case !ok:
			return &fault{fieldCodes, errCode.Error()}
		case seen[string(code)]:
			return &fault{fieldCodes, "have one twice"}
		case len(in.Codes) == maxCodes:
			return &fault{fieldCodes, fmt.Sprintf("are more than %d", maxCodes)}
		}
		seen[string(code)] = true
		in.Codes = append(in.Codes, code)
	}
	return nil
}

// list splits a list and leaves out empty elements.
func list(text string) (out []string) {
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r == ';' || r == ',' || r == '\n' }) {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
