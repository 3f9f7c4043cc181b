package server

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"go.uber.org/zap"
)

// Second factors belong to a realm. A site with a renamed realm looks for its customers in another
// name space, finds none of them, and lets all of them in by password. A configuration is therefore
// refused if both of these are true, because the realm was probably renamed:
//
//  1. A realm in the store has users with a second factor, and no site names it.
//  2. A site names a realm that the store does not know.
//
// If a portal was really removed, the operator lists its realm under `retired_realms`.

// knownRealm is a realm of the store. activated is the number of its users with a second factor; it
// is counted only for realms that no site has, and 0 otherwise.
type knownRealm struct {
	name      string
	activated int
}

// orphaned returns the realms with second factors that no site has and that are not
// retired. It returns an error if there are such realms beside a realm that the store does not
// know.
func orphaned(known []knownRealm, configured, retired []string) (orphans []knownRealm, err error) {
	for _, r := range known {
		if r.activated > 0 && !slices.Contains(configured, r.name) && !slices.Contains(retired, r.name) {
			orphans = append(orphans, r)
		}
	}
	fresh := unknown(known, configured)
	if len(orphans) == 0 || len(fresh) == 0 {
		return orphans, nil
	}
	return orphans, fmt.Errorf("no two_factor has the realm %s any more, and the store knows nothing of the realm %s: "+
		"if it is the same portal under another name, its customers are let in by password; give it back the line: realm %s; "+
		"if the portal of %[3]s is gone for good, add to the global option two_factor: retired_realms %[3]s",
		countedRealms(orphans), `"`+strings.Join(fresh, `", "`)+`"`, orphans[0].name)
}

// retiredInUse refuses a retired realm that a site has. source is the file and line of
// retired_realms, if they are known.
func retiredInUse(configured, retired []string, source string) error {
	for _, name := range retired {
		if slices.Contains(configured, name) {
			return fmt.Errorf("%s names %q, and a two_factor has that realm; remove it from retired_realms", strings.TrimPrefix(source+": retired_realms", ": "), name)
		}
	}
	return nil
}

// unknown returns the configured realms that the store does not know, sorted.
func unknown(known []knownRealm, configured []string) []string {
	return slices.DeleteFunc(slices.Sorted(slices.Values(configured)), func(name string) bool {
		return slices.ContainsFunc(known, func(r knownRealm) bool { return r.name == name })
	})
}

// located returns err with the file and line of a site of the realm before it, if they are known.
func (s *Server) located(realm string, err error) error {
	for _, id := range s.ids {
		if id.realm == realm && id.source != "" {
			return fmt.Errorf("%s: %w", id.source, err)
		}
	}
	return err
}

// countedRealms returns the names of realms for a message, with the number of users who have a
// second factor.
func countedRealms(realms []knownRealm) string {
	var list []string
	for _, r := range realms {
		list = append(list, fmt.Sprintf("%q (users with a second factor: %d)", r.name, r.activated))
	}
	return strings.Join(list, ", ")
}

// knownRealms reads the store's realms. Users are counted only in realms that no site has.
func (s *Server) knownRealms(ctx context.Context) (known []knownRealm, err error) {
	names, err := s.engine.store.Realms(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the realms of the store: %w", err)
	}
	configured := s.names()
	for _, name := range names {
		r := knownRealm{name: name}
		if !slices.Contains(configured, name) {
			n, err := s.engine.store.CountUsers(ctx, name)
			if err != nil {
				return nil, fmt.Errorf("counting the users of realm %q: %w", name, err)
			}
			r.activated = n.Activated
		}
		known = append(known, r)
	}
	return known, nil
}

// checkKnown compares the configured realms with those of the store. It refuses a configuration in
// which a realm seems to be renamed, is retired but still named by a site, has moved between sites
// (checkMoved), or gets its user ids from another source (checkIDs). It warns of second factors that
// no site asks for. It runs once all sites are added.
func (s *Server) checkKnown() error {
	if err := retiredInUse(s.names(), s.RetiredRealms, s.RetiredSource); err != nil {
		return err
	}
	known, err := s.knownRealms(s.engine.life)
	if err != nil {
		return err
	}
	orphans, err := orphaned(known, s.names(), s.RetiredRealms)
	if err != nil {
		return s.located(unknown(known, s.names())[0], err)
	}
	for _, name := range s.RetiredRealms {
		if !slices.ContainsFunc(known, func(r knownRealm) bool { return r.name == name }) {
			s.Logger.Warn("retired_realms names a realm that the store does not know: correct the name to that of the realm whose portal was removed, or take it out; while it is wrong, that realm is not retired",
				zap.String("realm", name), zap.String("source", s.RetiredSource), zap.Strings("known_realms", namesOf(known)))
		}
	}
	for _, r := range orphans {
		s.Logger.Warn("no two_factor has this realm any more: its users are asked for no code; if a site of theirs is still served, name the realm there, "+
			"and if the portal is gone for good, add the realm to retired_realms in the global option two_factor",
			zap.String("realm", r.name), zap.Int("activated", r.activated))
	}
	if err := s.checkMoved(); err != nil {
		return err
	}
	return s.checkIDs()
}

func namesOf(realms []knownRealm) (names []string) {
	for _, r := range realms {
		names = append(names, r.name)
	}
	return names
}
