package server

import (
	"testing"

	"github.com/secondgate/secondgate/config"
)

// TestSharedSettings: the shared settings of a realm are computed from all its sites.
func TestSharedSettings(t *testing.T) {
	site := func(realm, user, enrolMail string, asks bool) *Site {
		return &Site{SiteOptions: SiteOptions{Site: config.Site{Realm: realm, User: user, EnrolMail: enrolMail}}, asksMail: asks}
	}
	staff, quiet := site("shop", "{http.auth.user.id}", "", false), site("shop", "", "", false)
	asking, refusing := site("shop", "", "", true), site("shop", "", "off", false)
	for name, tt := range map[string]struct {
		sites     []*Site
		asks, gap bool
		customers bool
		speaker   *Site
	}{
		"staff only":          {[]*Site{staff, site("blog", "", "", true)}, false, false, false, staff},
		"customers speak":     {[]*Site{staff, quiet, asking}, true, false, true, quiet},
		"one asks, one not":   {[]*Site{quiet, asking}, true, false, true, quiet},
		"one refuses":         {[]*Site{refusing, asking}, true, true, true, refusing},
		"none asks":           {[]*Site{refusing, quiet}, false, false, true, refusing},
		"refused in a realm":  {[]*Site{asking, site("blog", "", "off", false)}, true, false, true, asking},
		"asked in that realm": {[]*Site{refusing, site("blog", "", "", true)}, false, false, true, refusing},
	} {
		s := &Server{all: tt.sites}
		shop := s.byRealm()["shop"]
		if asksMail(shop) != tt.asks || s.mailGap("shop") != tt.gap || s.HasCustomers("shop") != tt.customers || speaker(shop) != tt.speaker {
			t.Errorf("%s: asks %v, gap %v, customers %v, speaker %v", name, asksMail(shop), s.mailGap("shop"), s.HasCustomers("shop"), speaker(shop).Site)
		}
	}
	if !new(Server).HasCustomers("shop") {
		t.Error("a realm that no site has is taken for one of staff only")
	}
}

// TestStoppedIsNotConstructed: no gate is constructed for a site that was stopped before the first
// request, because it would never be stopped.
func TestStoppedIsNotConstructed(t *testing.T) {
	s := new(Server)
	site := &Site{server: s, SiteOptions: SiteOptions{Site: config.Site{Realm: "shop"}}}
	s.all = []*Site{site}
	site.Stop()
	if err := s.construct(); err != errStopped || site.gate != nil {
		t.Errorf("%v, %v", err, site.gate)
	}
}
