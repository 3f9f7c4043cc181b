package operations

import (
	"crypto/sha256"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestASVS_16_2_NothingSecretIsAudited: an account goes through its whole life, mistakes included.
// Then the audit log and its copies are searched for every seed, code, cookie and token of it.
func TestASVS_16_2_NothingSecretIsAudited(t *testing.T) {
	portal := &harness.Legacy{Rotate: true}
	w := startAudited(t, portal)
	secrets := map[string]string{"password": "pw-alice"}
	b := w.Browser()
	keep := func(when string) {
		for name, value := range b.Cookies("/") {
			secrets["cookie "+name+" "+when] = value
			secrets["hash of cookie "+name+" "+when] = fmt.Sprintf("%x", sha256.Sum256([]byte(value)))
		}
	}
	b.SignIn("alice")
	keep("before the set-up")
	alice := b.Enrol()
	keep("after it")
	secrets["seed"] = alice.Secret
	for i, code := range alice.Backup {
		secrets[fmt.Sprint("backup code ", i)], secrets[fmt.Sprint("bare backup code ", i)] = code, strings.ReplaceAll(code, "-", "")
	}
	wrong := func(code string) string {
		secrets["code "+code] = `"` + code + `"` // six digits alone may be part of anything
		return code
	}
	b.Get("/logout")
	b.SignIn("alice")
	b.Pass(wrong("000000"))
	b.Pass(wrong("AAAA-BBBB-CCCC-DDDD"))
	b.Pass(wrong(alice.Code(t)))
	keep("after a code")
	b.Get("/logout")
	b.SignIn("alice")
	b.Post("/two-factor/challenge?use=backup", url.Values{"code": {alice.Backup[0]}})
	b.Post("/two-factor/backup-codes", url.Values{"action": {"generate"}, "code": {wrong(alice.Code(t))}})
	b.Post("/two-factor/", url.Values{"action": {"end"}, "visit": {strings.Repeat("0", 64)}})
	b.Post("/two-factor/disable", url.Values{"code": {wrong(alice.Code(t))}})
	keep("at the end")
	for i, r := range portal.Requests() {
		if c, err := r.Cookie("PHPSESSID"); err == nil {
			secrets[fmt.Sprint("session ", i)] = c.Value
		}
	}
	kinds := w.kinds("alice")
	if len(kinds) < 12 {
		t.Fatalf("too little is recorded: %v", kinds)
	}
	told := ""
	for line := range strings.Lines(w.LogText()) {
		if strings.Contains(line, `"logger":"two_factor.audit"`) {
			told += line
		}
	}
	if strings.Count(told, "security event") != len(kinds) {
		t.Errorf("%d events are told, of %d", strings.Count(told, "security event"), len(kinds))
	}
	for where, text := range map[string]string{"audit log": string(w.export()), "server's log": told} {
		for what, secret := range secrets {
			if len(secret) > 3 && strings.Contains(text, secret) {
				t.Errorf("%s is in the %s", what, where)
			}
		}
	}
}
