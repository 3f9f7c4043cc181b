package server

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
)

// If the realms of two sites, or of two routes of one site, are interchanged, each portal's
// customers are looked up in the other portal's realm, are not found, and get in by password
// alone. The store therefore keeps where each realm was served last: the addresses, and the
// places within them (see SiteOptions).

// sites maps a realm to the addresses, or to the places, at which it is served.
type sites map[string][]string

// add adds addresses or places of a realm.
func (s sites) add(realm string, at ...string) {
	for _, one := range at {
		if !slices.Contains(s[realm], one) {
			s[realm] = append(s[realm], one)
		}
	}
	slices.Sort(s[realm])
}

// move says that the address or place at, which served realm before, serves the realm other
// now.
type move struct{ realm, at, other string }

// moved returns the moves between two configurations. Each address is compared by itself.
// Retired realms are ignored.
func moved(before, now sites, retired []string) (moves []move) {
	for _, realm := range slices.Sorted(maps.Keys(before)) {
		if slices.Contains(retired, realm) {
			continue
		}
		for _, other := range slices.Sorted(maps.Keys(now)) {
			for _, at := range now[other] {
				if slices.Contains(before[realm], at) && !slices.Contains(before[other], at) && !slices.Contains(now[realm], at) {
					moves = append(moves, move{realm, at, other})
				}
			}
		}
	}
	return moves
}

// MovedRealms returns the realms that have moved between two configurations, given by the
// places of their realms. It is exported for tests in other packages.
func MovedRealms(before, now map[string][]string) (realms []string) {
	for _, m := range moved(before, now, nil) {
		realms = append(realms, m.realm)
	}
	return realms
}

// checkMoved returns an error if an address or place of a realm with second factors serves
// another realm now. It adds functions to s.records that record where realms are served, once
// the configuration has started.
func (s *Server) checkMoved() error {
	if err := s.checkMovedIn(store.MetaSites, s.sites); err != nil {
		return err
	}
	return s.checkMovedIn(store.MetaPlaces, s.places)
}

// checkMovedIn does this for one record in the store: MetaSites for addresses, MetaPlaces for
// places.
func (s *Server) checkMovedIn(record string, now sites) error {
	joined, err := s.engine.recorded(record)
	if err != nil {
		return fmt.Errorf("reading where the realms of the store are served: %w", err)
	}
	before := oneByOne(joined)
	for _, m := range moved(before, now, s.RetiredRealms) {
		n, err := s.engine.store.CountUsers(s.engine.life, m.realm)
		if err != nil {
			return fmt.Errorf("counting the users of realm %q: %w", m.realm, err)
		}
		if n.Activated > 0 {
			return s.located(m.other, m.refused(knownRealm{m.realm, n.Activated}, now[m.realm]))
		}
	}
	if record == store.MetaSites {
		s.records = append(s.records, func() error { return s.warnUngated(before) })
	}
	s.records = append(s.records, func() error { return s.keepSites(record, before, now) })
	return nil
}

// refused returns the error for a move. now are the addresses at which the realm is served now.
func (m move) refused(r knownRealm, now []string) error {
	where := "no site has " + m.realm + " any more"
	remedy := "if the portal of " + m.realm + " is gone for good, add to the global option two_factor: retired_realms " + m.realm + " (for one load, if it comes back at another address)"
	if len(now) > 0 {
		where = m.realm + " is at " + strings.Join(now, ", ")
		remedy = fmt.Sprintf("if another portal is there now, load the configuration once without the two_factor of realm %q there", m.other)
	}
	return fmt.Errorf("%s was served with the realm %s, and has the realm %q now, while %s: if it is the same portal, or if the realms were interchanged, customers are let in by password; give %[1]s back the line: realm %[5]s; %[6]s",
		m.at, countedRealms([]knownRealm{r}), m.other, where, m.realm, remedy)
}

// joinedAddress matches an address as older versions recorded it: several hosts, listen
// addresses in parentheses, and matchers.
var joinedAddress = regexp.MustCompile(`^([^ ]+(?:, [^ ]+)*) \(([^)]*)\)(.*)$`)

// oneByOne splits addresses that older versions recorded into single ones.
func oneByOne(before sites) sites {
	apart := make(sites)
	for realm, at := range before {
		for _, one := range at {
			joined := joinedAddress.FindStringSubmatch(one)
			if joined == nil {
				apart.add(realm, one)
				continue
			}
			for _, host := range strings.Split(joined[1], ", ") {
				apart.add(realm, host+joined[3])
			}
		}
	}
	return apart
}

// merged returns where each realm was served last: now for the configured realms, and before for
// others, without addresses that serve another realm now.
func merged(before, now sites) sites {
	after := maps.Clone(now)
	if after == nil {
		after = make(sites)
	}
	taken := slices.Concat(slices.Collect(maps.Values(now))...)
	for realm, at := range before {
		if len(now[realm]) > 0 {
			continue
		}
		at = slices.DeleteFunc(slices.Clone(at), func(one string) bool { return slices.Contains(taken, one) })
		if len(at) > 0 {
			after[realm] = at
		}
	}
	return after
}

// keepSites records where realms are served, if that has changed.
func (s *Server) keepSites(record string, before, now sites) error {
	after := merged(before, now)
	if maps.EqualFunc(before, after, slices.Equal) {
		return nil
	}
	if err := s.engine.record(record, after); err != nil {
		return fmt.Errorf("keeping where the realms of the store are served: %w", err)
	}
	return nil
}

// warnUngated logs a warning for each realm with activated users of which an address was served
// with two_factor before and is served without it now.
func (s *Server) warnUngated(before sites) error {
	gated := slices.Concat(slices.Collect(maps.Values(s.sites))...)
	served, err := s.Served()
	if err != nil {
		return err
	}
	for _, realm := range slices.Sorted(maps.Keys(before)) {
		i := slices.IndexFunc(before[realm], func(at string) bool { return slices.Contains(served, at) && !slices.Contains(gated, at) })
		if i < 0 || slices.Contains(s.RetiredRealms, realm) {
			continue
		}
		n, err := s.engine.store.CountUsers(s.engine.life, realm)
		if err != nil {
			return fmt.Errorf("counting the users of realm %q: %w", realm, err)
		}
		if n.Activated > 0 {
			s.Logger.Warn("a site has no two_factor any more: users of its realm are let in by their password alone there; if it is the same portal, give the site its two_factor back",
				zap.String("address", before[realm][i]), zap.String("realm", realm), zap.Int("activated", n.Activated))
		}
	}
	return nil
}
