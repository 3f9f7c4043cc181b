package server

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/store"
)

// Second factors are kept by the user's id. A site that takes the id from elsewhere finds
// none of the realm's users, and lets them in by password. So the store keeps what each
// realm's ids are made of, and a configuration is refused in which that changes while
// users are activated, or differs between two sites of a realm.

// identified is what one site makes users' ids of.
type identified struct {
	realm, address string
	// source is the file and line of the site's two_factor, if they are known.
	source string
	// sources are hashes, one for each way that the site has: questions of one site have to
	// agree, so another site that has one of them has the same ids.
	sources []string
}

// identifiedBy is what a site makes ids of.
func identifiedBy(o SiteOptions) identified {
	site := o.Site
	id := identified{realm: site.Realm, address: o.Address, source: o.Source}
	if site.User != "" {
		id.add("user", site.User)
	}
	if len(o.Given.Whoami) == 0 && site.Portal != "" {
		id.add("portal", site.Portal) // a later version may read the same id otherwise
	}
	for _, w := range site.Whoami {
		if w.User != nil {
			from := *w.User
			from.Not = nil // takes placeholders for no id, and changes none
			id.add("whoami", from, w.Normalize)
		}
	}
	return id
}

func (id *identified) add(what ...any) {
	raw, err := json.Marshal(what)
	if err != nil {
		raw = fmt.Append(nil, what...)
	}
	if source := shortHash(string(raw)); !slices.Contains(id.sources, source) {
		id.sources = append(id.sources, source)
	}
}

func shortHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// word is what accepts the site's ids under same_ids.
func (id identified) word() string {
	return shortHash(id.realm + " " + strings.Join(slices.Sorted(slices.Values(id.sources)), " "))[:8]
}

func (id identified) meets(known []string) bool {
	return slices.ContainsFunc(id.sources, func(s string) bool { return slices.Contains(known, s) })
}

// checkIDs returns an error if a site makes ids of other sources than its realm did.
func (s *Server) checkIDs() error {
	before, err := s.idsBefore()
	if err != nil {
		return err
	}
	now := make(map[string][]string)
	// Servers are provisioned in no order; which site is refused must not depend on it.
	slices.SortStableFunc(s.ids, func(x, y identified) int { return cmp.Compare(x.address, y.address) })
	for _, id := range s.ids {
		known, earlier := now[id.realm], before[id.realm]
		now[id.realm] = append(known, id.sources...)
		if slices.Contains(s.SameIDs, id.word()) {
			continue
		}
		if len(known) > 0 && !id.meets(known) {
			return id.refused("another site of the realm does it otherwise: the users of one are unknown at the other")
		}
		if len(earlier) == 0 || id.meets(earlier) {
			continue
		}
		n, err := s.engine.store.CountUsers(s.engine.life, id.realm)
		if err != nil {
			return fmt.Errorf("counting the users of realm %q: %w", id.realm, err)
		}
		if n.Activated > 0 {
			return id.refused(fmt.Sprintf("the realm had its ids from elsewhere, and %d of its users have a second factor", n.Activated))
		}
	}
	after := merge(before, now)
	if maps.EqualFunc(before, after, slices.Equal[[]string]) {
		return nil // a start that changes nothing writes nothing
	}
	s.records = append(s.records, func() error { return s.keepIDs(after) })
	return nil
}

// merge keeps what is known of realms that no site has.
func merge(before, now map[string][]string) map[string][]string {
	after := maps.Clone(before)
	for realm, sources := range now {
		after[realm] = slices.Compact(slices.Sorted(slices.Values(sources)))
	}
	return after
}

func (id identified) refused(why string) error {
	return fmt.Errorf("%s takes the ids of the users of realm %q from elsewhere now (user, or lower, nfkc and trim under whoami): %s; if the ids are not the same, letter by letter, customers are let in by password; "+
		"put these lines back; if the ids are the same, add to the global option two_factor: same_ids %s", strings.TrimPrefix(id.source+": ", ": ")+cmp.Or(id.address, "a site"), id.realm, why, id.word())
}

// idsBefore is what the ids of the store's realms were made of last.
func (s *Server) idsBefore() (map[string][]string, error) {
	before := make(map[string][]string)
	raw, err := s.engine.store.Meta(s.engine.life, store.MetaIDs)
	if err == nil {
		err = json.Unmarshal(raw, &before)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("reading what the ids of the store's realms are made of: %w", err)
	}
	return before, nil
}

// keepIDs keeps what the ids of the configuration's realms are made of.
func (s *Server) keepIDs(after map[string][]string) error {
	raw, err := json.Marshal(after)
	if err != nil {
		return err
	}
	err = s.engine.store.UpdateMeta(s.engine.life, store.MetaIDs, func([]byte) ([]byte, error) { return raw, nil })
	if err != nil {
		return fmt.Errorf("keeping what the ids of the store's realms are made of: %w", err)
	}
	return nil
}
