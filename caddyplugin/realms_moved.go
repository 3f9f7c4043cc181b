package caddyplugin

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.uber.org/zap"

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
	a.sites.add(realm, at.address)
	a.places.add(realm, at.places(realm)...)
}

// move is a realm that none of its former addresses has any more although one of them, at,
// is served with another realm now.
type move struct{ realm, at, other string }

func moved(before, now sites) (moves []move) {
	for _, realm := range slices.Sorted(maps.Keys(before)) {
		if len(now[realm]) == 0 || slices.ContainsFunc(before[realm], func(a string) bool { return slices.Contains(now[realm], a) }) {
			continue // no site has it any more, which orphaned looks at; or it is where it was
		}
		for _, other := range slices.Sorted(maps.Keys(now)) {
			for _, at := range now[other] {
				if slices.Contains(before[realm], at) {
					moves = append(moves, move{realm, at, other})
				}
			}
		}
	}
	return moves
}

// checkMoved refuses a configuration in which a realm with second factors seems to have
// changed places with another one, and else keeps where its realms are.
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
	for _, m := range moved(before, now) {
		n, err := a.engine.store.CountUsers(a.engine.life, m.realm)
		if err != nil {
			return fmt.Errorf("counting the users of realm %q: %w", m.realm, err)
		}
		if n.Activated > 0 {
			return fmt.Errorf("%s was served with the realm %s, and has the realm %q now, while that one is at %s: "+
				"if the realms were interchanged, customers are let in by password; give %[1]s back the line: realm %[5]s; if the portal of %[5]s did move, load the configuration once without the two_factor of realm %[3]q",
				m.at, countedRealms([]knownRealm{{m.realm, n.Activated}}), m.other, strings.Join(now[m.realm], ", "), m.realm)
		}
	}
	if err := a.keepSites(record, before, now); err != nil {
		a.log.Error("realms that are interchanged later may not be noticed", zap.Error(err))
	}
	return nil
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
