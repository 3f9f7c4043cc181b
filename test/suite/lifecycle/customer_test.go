package lifecycle

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// customer is one user with the results that they were told. Only those are checked after the
// kill.
type customer struct {
	t      testing.TB
	base   string
	name   string
	secret string
	backup []string
	// used are the codes that were accepted, cleared the browsers that got through.
	used    []string
	cleared []*harness.Browser
}

var (
	secretPattern = regexp.MustCompile(`otpauth://totp/[^"?]*\?secret=([A-Z2-7]+)`)
	setupPattern  = regexp.MustCompile(`name="setup" value="([^"]+)"`)
	backupPattern = regexp.MustCompile(`[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}`)
)

func (c *customer) get(b *harness.Browser, path string) (*harness.Page, error) {
	return b.Try(b.Request("GET", path, nil))
}

func (c *customer) post(b *harness.Browser, path string, form url.Values) (*harness.Page, error) {
	r := b.Request("POST", path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.Try(r)
}

// signIn returns a browser that is signed in at the portal, and the address to which the sign-in
// redirected.
func (c *customer) signIn() (*harness.Browser, string, error) {
	b := harness.NewBrowser(c.t, c.base)
	p, err := c.post(b, "/login", url.Values{"user": {c.name}, "password": {"pw-" + c.name}})
	if err != nil {
		return nil, "", err
	}
	return b, p.Location, nil
}

// enrol sets the customer up. After an error the result is unknown to the customer.
func (c *customer) enrol() error {
	b, to, err := c.signIn()
	if err != nil || to != "/account" {
		return fmt.Errorf("first sign-in: %q, %w", to, err)
	}
	page, err := c.get(b, "/two-factor/setup")
	if err != nil {
		return err
	}
	body := html.UnescapeString(page.Body)
	secret, setup := secretPattern.FindStringSubmatch(body), setupPattern.FindStringSubmatch(body)
	if secret == nil || setup == nil {
		return fmt.Errorf("no set-up page: %d", page.Status)
	}
	code, err := totp.GenerateCode(secret[1], time.Now())
	if err != nil {
		return err
	}
	done, err := c.post(b, "/two-factor/setup", url.Values{"setup": {setup[1]}, "code": {code}})
	if err != nil || done.Status != http.StatusSeeOther {
		return fmt.Errorf("confirming: %+v, %w", done, err)
	}
	c.secret, c.used, c.cleared = secret[1], append(c.used, code), append(c.cleared, b)
	codes, err := c.get(b, "/two-factor/backup-codes")
	if err == nil {
		c.backup = backupPattern.FindAllString(codes.Body, -1)
	}
	return err
}
