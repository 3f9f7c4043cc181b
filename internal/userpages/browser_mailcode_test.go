//go:build browser

package userpages

import (
	"testing"

	"github.com/secondgate/secondgate/templates/templatestest"
	chromium "github.com/secondgate/secondgate/test/kit/browser"
)

// TestMailCodeInABrowser: the page in each of its states, for screenshots.
func TestMailCodeInABrowser(t *testing.T) {
	w := mailing(t, func(o *Options) { o.Locales = pseudo(t) })
	alice := w.browser("alice")
	o := &tour{Browser: chromium.Start(t), t: t, name: "mail", scripts: true, site: alice.site()}
	o.open("/setup")
	o.look("send")
	o.Follow("form .primary")
	o.look("sent")
	code := w.mailed()
	o.send("main form", other(code), 422)
	o.look("wrong")
	o.open("/setup?lang=" + templatestest.RTL)
	o.look("rtl")
	o.open("/setup?lang=en")
	w.now = w.now.Add(mailLate)
	o.open("/setup")
	o.look("late")
	o.send("main form", code, 200)
	if secret := o.Text("#key"); secret == "" {
		t.Error("no key after the right code")
	}
}
