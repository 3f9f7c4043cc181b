package supportdesk

import (
	"net/http"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestDesk_CustomersAreNoStaff: a customer never becomes staff. A desk behind a portal's gate,
// where the name is a customer's, refuses all requests.
func TestDesk_CustomersAreNoStaff(t *testing.T) {
	for name, site := range map[string]string{
		"behind the gate":             "two_factor {\n" + harness.LegacyLines + "\n\t}\n\ttwo_factor_admin {\n\t\tact *\n\t}",
		"in a route":                  "route {\n\t\ttwo_factor {\n" + harness.LegacyLines + "\n\t\t}\n\t\thandle /desk* {\n\t\t\ttwo_factor_admin {\n\t\t\t\tact *\n\t\t\t}\n\t\t}\n\t\treverse_proxy PORTAL\n\t}",
		"behind a gate that observes": "two_factor {\n\t\tmode observe\n" + harness.LegacyLines + "\n\t}\n\t@desk path /desk*\n\thandle @desk {\n\t\ttwo_factor_admin {\n\t\t\tact *\n\t\t}\n\t}\n\treverse_proxy PORTAL",
		"behind a gate that trusts":   accounts + "\n\ttwo_factor {\n\t\ttrust /desk*\n" + harness.LegacyLines + "\n\t}\n\thandle /desk* {\n\t\ttwo_factor_admin {\n\t\t\tact *\n\t\t}\n\t}\n\treverse_proxy PORTAL",
	} {
		t.Run(name, func(t *testing.T) {
			h := harness.StartSite(t, &harness.Legacy{}, site)
			b := h.Browser()
			b.Header.Set("Authorization", "Basic YW5uYTpwdy1hbm5h") // anna:pw-anna
			b.SignIn("alice")
			for _, path := range []string{"/desk", "/desk/user?id=alice", "/desk/users.csv"} {
				p := b.Get(path)
				want(t, p, http.StatusForbidden, "behind a portal")
				if strings.Contains(p.Body, "alice") {
					t.Errorf("%s names a customer", path)
				}
			}
			if !strings.Contains(h.LogText(), "two_factor_admin is behind the two_factor of a portal") {
				t.Error("the log does not tell the operator")
			}
		})
	}
}

// own is a desk that requires a second factor of its staff, in this realm.
func own(realm string) string {
	return accounts + "\n\ttwo_factor {\n\t\trealm " + realm + "\n\t\tuser {http.auth.user.id}\n\t\trequire always\n\t}\n\ttwo_factor_admin {\n\t\trealm default\n\t\tact anna\n\t}"
}

func TestDesk_StaffPassAFactor(t *testing.T) {
	o := open(t, own("staff"))
	o.customer("alice")
	anna := o.staff("anna")
	anna.Header.Set("Authorization", "Basic YW5uYTpwdy1hbm5h")
	if p := anna.Get("/"); p.Status != http.StatusSeeOther || p.Location != "/two-factor/setup" {
		t.Fatalf("without a factor: %d %s", p.Status, p.Location)
	}
	device := anna.Enrol()
	want(t, anna.Get("/"), http.StatusOK, "alice", "Signed in as")
	another := o.staff("anna")
	if p := another.Get("/"); p.Location != "/two-factor/challenge" {
		t.Fatalf("another browser with the password: %d %s", p.Status, p.Location)
	}
	want(t, do(another, "reset", "alice", "a good reason"), http.StatusSeeOther)
	o.stillOn("alice")
	another.Pass(device.Code(t))
	want(t, another.Get("/"), http.StatusOK, "alice")
}

// TestDesk_StaffsFactorsAreApart: staff can't use a realm of customers, because their ids come
// from another source. A customer of the same name could set up the factor of a staff member.
func TestDesk_StaffsFactorsAreApart(t *testing.T) {
	o := open(t, own("staff"))
	if err := o.TryWhole(o.caddyfile(own("default"))); err == nil || !strings.Contains(err.Error(), "takes the ids of the users of realm") {
		t.Errorf("staff in the customers' realm: %v", err)
	}
}
