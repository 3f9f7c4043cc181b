package operations

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// whole is a gateway before a Legacy portal, with these lines of mail and of two_factor.
const whole = `{
` + harness.GlobalLines + `	two_factor {
		storage memory DIR
		mail {
			smtp localhost:%s
			user portal
			password {file.%s}
			ca %s
			from "Oma Avaruus <noreply@portal.example>"
		}
	}
}
http://127.0.0.1:PORT {
	bind 127.0.0.1
	two_factor {
		whoami /me {
			anonymous status 401
			user json user
			name json name
			email json email
		}
		sign_in /login
		backup_codes 4
		brand {
			name "Oma Avaruus"
		}
		support support@portal.example
		throttle {
			free 1
			wait 1s
			max 1s
		}
		%s
	}
	reverse_proxy PORTAL
}
`

// Bad settings are refused when they are loaded, with the remedy.
func TestBadMailSettings(t *testing.T) {
	h := harness.StartWhole(t, &harness.Legacy{}, "{\n"+harness.GlobalLines+"}\n:PORT {\n	bind 127.0.0.1\n}\n")
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ password, ca, want string }{
		{"/does/not/exist", empty, "password {file./does/not/exist} can't be read: open /does/not/exist: no such file"},
		{empty, empty, "is empty"},
		{"../operations/doc.go", empty, "holds no certificate"},
		{"../operations/doc.go", "/does/not/exist", "ca: open /does/not/exist"},
	} {
		err := h.TryWhole(fmt.Sprintf(whole, "25", c.password, c.ca, ""))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("password %s, ca %s: error %v, want %q", c.password, c.ca, err, c.want)
		}
	}
	site := strings.ReplaceAll(whole, "mail {", "mail_ {")
	site = site[:strings.Index(site, "		mail_ {")] + site[strings.Index(site, "	}\n}\nhttp"):]
	err := h.TryWhole(fmt.Sprintf(site, "enrol_mail on"))
	if err == nil || !strings.Contains(err.Error(), "enrol_mail on: no mail server is configured") {
		t.Errorf("enrol_mail without mail: %v", err)
	}
}
