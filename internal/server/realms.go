package server

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/userpages"
)

// Realm has the parts of a realm's sites that staff and background work need.
type Realm struct {
	Name string
	// Site is the settings of the first of the realm's sites, with preset and defaults.
	Site    config.Site
	Factors *factor.Service
	// pages render mails. They are those of the first site with whoami, else of the first site.
	pages *userpages.Pages
}

// prepare runs the checks that need all sites, and constructs the sites. Server.Ready calls it
// once.
func (s *Server) prepare() error {
	if err := s.checkShown(); err != nil {
		return err
	}
	if err := s.checkKnown(); err != nil {
		return err
	}
	return s.construct()
}

var errStopped = errors.New("the configuration has ended")

// construct constructs all sites, and then the realms. All sites of a realm ask for the code
// by e-mail if one of them does, except those that refuse to: a factor that is set up at one
// site counts for all, so a site that does not ask would be the way around.
func (s *Server) construct() error {
	s.assembly.Lock()
	defer s.assembly.Unlock()
	s.realms = make(map[string]*Realm)
	all := s.byRealm()
	for _, name := range s.names() {
		sites := all[name]
		for _, site := range sites {
			if site.stopped {
				return errStopped
			}
			if err := site.construct(asksMail(sites) && site.Site.EnrolMail != "off"); err != nil {
				return err
			}
		}
		first := sites[0]
		s.realms[name] = &Realm{Name: name, Site: first.Site, Factors: first.factors, pages: speaker(sites).pages}
	}
	return nil
}

// byRealm returns the sites of each realm, in the order in which they were added.
func (s *Server) byRealm() map[string][]*Site {
	all := make(map[string][]*Site)
	for _, site := range s.all {
		all[site.Site.Realm] = append(all[site.Site.Realm], site)
	}
	return all
}

// speaker returns the site with the pages that render the realm's mails.
func speaker(sites []*Site) *Site {
	if i := slices.IndexFunc(sites, (*Site).customers); i >= 0 {
		return sites[i]
	}
	return sites[0]
}

func asksMail(sites []*Site) bool {
	return slices.ContainsFunc(sites, func(site *Site) bool { return site.asksMail })
}

// mailGap reports whether a site of the realm refuses to ask for a code by e-mail while
// others ask.
func (s *Server) mailGap(realm string) bool {
	sites := s.byRealm()[realm]
	return asksMail(sites) && slices.ContainsFunc(sites, func(site *Site) bool { return site.Site.EnrolMail == "off" })
}

// names returns the realms of the sites, sorted.
func (s *Server) names() []string { return slices.Sorted(maps.Keys(s.byRealm())) }

// HasCustomers reports whether a site of the realm has users of a portal (whoami). For an
// unknown realm it returns true, so that the support desk refuses the request.
func (s *Server) HasCustomers(realm string) bool {
	sites := s.byRealm()[realm]
	return len(sites) == 0 || slices.ContainsFunc(sites, (*Site).customers)
}

// ErrNoSite is returned if the running configuration has no site with two_factor.
var ErrNoSite = errors.New("no site of this server has two_factor")

// Realm returns the realm with a name, or, if name is "", the only realm.
func (s *Server) Realm(name string) (*Realm, error) {
	names := strings.Join(s.names(), ", ")
	if r := s.realms[name]; r != nil {
		return r, nil
	}
	if name != "" {
		return nil, fmt.Errorf("realm %q is unknown; want one of: %s", name, names)
	}
	if len(s.realms) != 1 {
		return nil, fmt.Errorf("a realm is missing; want one of: %s", names)
	}
	for _, r := range s.realms {
		return r, nil
	}
	return nil, ErrNoSite
}
