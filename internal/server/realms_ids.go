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

// Second factors are stored by the user's id. If a site takes the id from another source, such
// as another element of a page, its users have other ids, none of them is found in the store,
// and all get in by password alone. The store therefore keeps the sources of each realm's ids. A
// configuration is refused if they change while the realm has users with second factors, or if
// they differ between two sites of a realm.

// identified has the sources of the user ids of one site.
type identified struct {
	realm, address string
	// source is the file and line of the site's two_factor, if they are known.
	source string
	// sources are hashes of the settings that yield an id, one for each question. The questions
	// of a site must agree, so two sites with one source in common have the same ids.
	sources []string
}

// identifiedBy returns the sources of a site's ids.
func identifiedBy(o SiteOptions) identified {
	site := o.Site
	id := identified{realm: site.Realm, address: o.Address, source: o.Source}
	if site.User != "" {
		id.add("user", site.User)
	}
	if len(o.Given.Whoami) == 0 && site.Portal != "" {
		id.add("portal", site.Portal) // a later version of the preset may extract the same id otherwise
	}
	for _, w := range site.Whoami {
		if w.User != nil {
			from := *w.User
			from.Not = nil // Not only excludes values; it changes no id
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

// word returns the word that confirms the site's ids under same_ids.
func (id identified) word() string {
	return shortHash(id.realm + " " + strings.Join(slices.Sorted(slices.Values(id.sources)), " "))[:8]
}

func (id identified) meets(known []string) bool {
	return slices.ContainsFunc(id.sources, func(s string) bool { return slices.Contains(known, s) })
}

// checkIDs returns an error if a site's ids have other sources than those of its realm before,
// or than those of another site of the realm.
func (s *Server) checkIDs() error {
	before, err := s.idsBefore()
	if err != nil {
		return err
	}
	now := make(map[string][]string)
	// Caddy provisions servers in no fixed order. Sorting makes the refused site the same each time.
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
		return nil // nothing to write
	}
	s.records = append(s.records, func() error { return s.keepIDs(after) })
	return nil
}

// merge returns the sources of all realms: now for the configured realms, before for others.
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

// idsBefore reads the sources of ids that the last configuration recorded, by realm.
func (s *Server) idsBefore() (map[string][]string, error) {
	before, err := s.engine.recorded(store.MetaIDs)
	if err != nil {
		return nil, fmt.Errorf("reading what the ids of the store's realms are made of: %w", err)
	}
	return before, nil
}

// keepIDs records the sources of ids, for idsBefore of the next configuration.
func (s *Server) keepIDs(after map[string][]string) error {
	if err := s.engine.record(store.MetaIDs, after); err != nil {
		return fmt.Errorf("keeping what the ids of the store's realms are made of: %w", err)
	}
	return nil
}

// recorded reads a record of the store that has texts for each realm. If the store has no such
// record, the result is empty.
func (e *Engine) recorded(name string) (map[string][]string, error) {
	all := make(map[string][]string)
	raw, err := e.store.Meta(e.life, name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return all, nil
	case err != nil:
		return nil, err
	}
	return all, json.Unmarshal(raw, &all)
}

// record writes what recorded reads.
func (e *Engine) record(name string, all map[string][]string) error {
	raw, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return e.store.UpdateMeta(e.life, name, func([]byte) ([]byte, error) { return raw, nil })
}
