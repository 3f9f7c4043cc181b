package caddyplugin

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/store"
)

// When the realms of two sites are interchanged, or of two routes of one site, each portal's
// customers are looked for among the other's, not found, and let in by password. So the
// store keeps where each realm was served last: at which addresses, and behind which
// matchers there.

// sites are the addresses, or the places within them, at which realms are served.
type sites map[string][]string

// add notes where a realm is served.
func (s sites) add(realm string, at ...string) {
	for _, one := range at {
		if !slices.Contains(s[realm], one) {
			s[realm] = append(s[realm], one)
		}
	}
	slices.Sort(s[realm])
}

// serve notes where a handler of a realm is.
func (a *App) serve(realm string, at claimant) {
	if a.sites == nil {
		a.sites, a.places = make(sites), make(sites)
	}
	a.sites.add(realm, at.addresses()...)
	a.places.add(realm, at.places(realm)...)
}

// move is a realm that one of its former addresses, at, has no more: it is served with
// another realm now.
type move struct{ realm, at, other string }

// moved compares address by address: of several addresses of a realm, each counts. Retired
// realms don't.
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

// checkMoved refuses a configuration in which a realm with second factors seems to have
// changed places with another one. Where its realms are is kept when it has started.
func (a *App) checkMoved() error {
	if err := a.checkMovedIn(store.MetaSites, a.sites); err != nil {
		return err
	}
	return a.checkMovedIn(store.MetaPlaces, a.places)
}

// checkMovedIn compares with the record of that name.
func (a *App) checkMovedIn(record string, now sites) error {
	before := make(sites)
	raw, err := a.engine.store.Meta(a.engine.life, record)
	if err == nil {
		err = json.Unmarshal(raw, &before)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("reading where the realms of the store are served: %w", err)
	}
	before = oneByOne(before)
	for _, m := range moved(before, now, a.RetiredRealms) {
		n, err := a.engine.store.CountUsers(a.engine.life, m.realm)
		if err != nil {
			return fmt.Errorf("counting the users of realm %q: %w", m.realm, err)
		}
		if n.Activated > 0 {
			return m.refused(knownRealm{m.realm, n.Activated}, now[m.realm])
		}
	}
	if record == store.MetaSites {
		a.records = append(a.records, func() error { return a.warnUngated(before) })
	}
	a.records = append(a.records, func() error { return a.keepSites(record, before, now) })
	return nil
}

// refused says what a realm that has moved means. It is at these addresses now.
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

// joinedAddress is an address as older versions kept it: hosts, listeners in parentheses, and
// what is behind them.
var joinedAddress = regexp.MustCompile(`^([^ ]+(?:, [^ ]+)*) \(([^)]*)\)(.*)$`)

// oneByOne takes the addresses apart that older versions kept.
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

// merged is where realms were served last: as now, and where they were before, unless
// another realm is there now.
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

// keepSites keeps where the configuration's realms are, if that changed.
func (a *App) keepSites(record string, before, now sites) error {
	after := merged(before, now)
	if maps.EqualFunc(before, after, slices.Equal) {
		return nil
	}
	raw, err := json.Marshal(after)
	if err != nil {
		return err
	}
	err = a.engine.store.UpdateMeta(a.engine.life, record, func([]byte) ([]byte, error) { return raw, nil })
	if err != nil {
		return fmt.Errorf("keeping where the realms of the store are served: %w", err)
	}
	return nil
}
