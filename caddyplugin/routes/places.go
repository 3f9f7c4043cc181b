package routes

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/secondgate/secondgate/config"
)

// maxPlaces is the maximum number of places that the sets of a route's matchers are split
// into. Above it, all of them together are one place.
const maxPlaces = 200

// Places returns where the handlers of a realm are in a site's route. A place is a text: the
// matchers on the way to the handler. A handler behind a matcher with two paths has two places.
func Places(route *caddyhttp.Route, realm string) (found []string) {
	at := []string{""}
	if paths := pathsOf(route.MatcherSets); len(paths) > 0 {
		at = behindMatcher(at, "path", paths)
	}
	for _, raw := range route.HandlersRaw {
		var h object
		if json.Unmarshal(raw, &h) == nil {
			found = append(found, placesIn(h, realm, at)...)
		}
	}
	return found
}

// pathsOf returns the paths that the matchers of a site's route name. The Caddyfile adapter
// puts path matchers into inner routes instead.
func pathsOf(sets caddyhttp.MatcherSets) (paths []any) {
	for _, set := range sets {
		for _, m := range set {
			if path, ok := m.(*caddyhttp.MatchPath); ok {
				for _, one := range *path {
					paths = append(paths, one)
				}
			}
		}
	}
	return paths
}

// placesIn returns the places of handlers of a realm in h and its routes. at are the places of
// h.
func placesIn(h object, realm string, at []string) (found []string) {
	if h["handler"] == "two_factor" {
		if cmp.Or(text(h["realm"]), config.DefaultRealm) == realm {
			return at
		}
		return nil
	}
	for _, r := range list(h["routes"]) {
		route, _ := r.(object)
		behind := behindMatchers(at, list(route["match"]))
		for _, inner := range list(route["handle"]) {
			if next, ok := inner.(object); ok {
				found = append(found, placesIn(next, realm, behind)...)
			}
		}
	}
	return found
}

// behindMatchers returns the places behind matcher sets, of which one has to match.
func behindMatchers(at []string, sets []any) (behind []string) {
	if len(sets) == 0 {
		return at
	}
	for _, s := range sets {
		set, _ := s.(object)
		within := at
		for _, kind := range slices.Sorted(maps.Keys(set)) {
			within = behindMatcher(within, kind, set[kind])
		}
		behind = append(behind, within...)
	}
	if len(behind) > maxPlaces {
		return []string{at[0] + " " + jsonText(sets)}
	}
	return behind
}

func behindMatcher(at []string, kind string, settings any) (behind []string) {
	values := list(settings)
	if kind != "path" && kind != "host" || len(values) == 0 {
		values = []any{jsonText(object{kind: settings})}
	}
	for _, place := range at {
		for _, value := range values {
			behind = append(behind, place+" "+fmt.Sprint(value))
		}
	}
	return behind
}

// jsonText returns a setting as JSON with sorted keys.
func jsonText(settings any) string {
	raw, err := json.Marshal(settings)
	if err != nil {
		return fmt.Sprint(settings)
	}
	return string(raw)
}
