package main

import (
	"fmt"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// demoStaff are the made-up members of staff.
var demoStaff = []struct{ name, role, password string }{
	{"anna", "may act", "desk-anna"},
	{"bert", "may look", "desk-bert"},
}

// deskSite returns the Caddyfile of the support desk's site, as in docs/support-desk.md.
func (d demo) deskSite() (string, error) {
	var accounts strings.Builder
	for _, s := range demoStaff {
		// The passwords are printed anyhow, so the cheapest hash will do.
		hash, err := bcrypt.GenerateFromPassword([]byte(s.password), bcrypt.MinCost)
		if err != nil {
			return "", fmt.Errorf("hashing a password of the demo: %w", err)
		}
		fmt.Fprintf(&accounts, "\t\t%s %s\n", s.name, hash)
	}
	return fmt.Sprintf(`
http://%s {
	bind 127.0.0.1
	basic_auth {
%s	}
	two_factor_admin {
		act anna
	}
}
`, d.desk, &accounts), nil
}
