package factor

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pquerna/otp"
)

func TestURI(t *testing.T) {
	s := &Service{settings: defaults}
	e := Enrolment{Secret: []byte("12345678901234567890"), Algorithm: SHA1, Digits: 6, Period: 30}
	const secret = "secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	const tail = "&algorithm=SHA1&digits=6&period=30"
	for _, test := range []struct{ name, issuer, account, want string }{
		{"plain", "Shop", "alice", "otpauth://totp/Shop:alice?" + secret + "&issuer=Shop" + tail},
		{"issuer of the settings", "", "alice", "otpauth://totp/Oma%20Avaruus:alice?" + secret + "&issuer=Oma%20Avaruus" + tail},
		{"e-mail", "Shop", "a+b@example.com", "otpauth://totp/Shop:a%2Bb%40example.com?" + secret + "&issuer=Shop" + tail},
		{"injection by the account", "Shop", "x?secret=AAAA&issuer=Bank&", "otpauth://totp/Shop:x%3Fsecret%3DAAAA%26issuer%3DBank%26?" + secret + "&issuer=Shop" + tail},
		{"injection by the issuer", "A&secret=B#/..;%00", "x", "otpauth://totp/A%26secret%3DB%23%2F..%3B%2500:x?" + secret + "&issuer=A%26secret%3DB%23%2F..%3B%2500" + tail},
		{"colons", "A:B", "c:d", "otpauth://totp/A%20B:c%20d?" + secret + "&issuer=A%20B" + tail},
		{"control characters", "Sh\x00op", "a\r\nb\u202e\u200b", "otpauth://totp/Shop:ab?" + secret + "&issuer=Shop" + tail},
		{"invalid UTF-8", "Shop", "a\xff\xfeb", "otpauth://totp/Shop:ab?" + secret + "&issuer=Shop" + tail},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := s.URI(e, test.issuer, test.account)
			if got != test.want {
				t.Errorf("%s\nwant %s", got, test.want)
			}
			key, err := otp.NewKeyFromURL(got)
			if err != nil || key.Secret() != "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" || key.Type() != "totp" {
				t.Errorf("read as %v, %v", key, err)
			}
			u, err := url.Parse(got)
			if err != nil || len(u.Query()["secret"]) != 1 || len(u.Query()["issuer"]) != 1 || u.Fragment != "" {
				t.Errorf("read as %v, %v", u, err)
			}
		})
	}
}

func TestURIWithoutIssuer(t *testing.T) {
	s := &Service{}
	got := s.URI(Enrolment{Secret: make([]byte, 5), Algorithm: SHA1, Digits: 6, Period: 30}, "", "alice")
	if want := "otpauth://totp/alice?secret=AAAAAAAA&algorithm=SHA1&digits=6&period=30"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestLabelIsShortAndWhole(t *testing.T) {
	for _, name := range []string{strings.Repeat("a", 1000), strings.Repeat("長", 1000), "a" + strings.Repeat("😀", 500)} {
		got := label(name)
		if len(got) > maxLabel || len(got) < maxLabel-4 || !utf8.ValidString(got) || !strings.HasPrefix(name, got) {
			t.Errorf("%.20q… became %q", name, got)
		}
	}
}
