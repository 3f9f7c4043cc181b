package caddyplugin

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/staff"
)

// desk is the support desk of this configuration. Its realms are known once all handlers
// are provisioned, so it is made when it is asked for.
func (a *App) desk() *staff.Desk {
	realms := make(map[string]*factor.Service, len(a.realms))
	for name, r := range a.realms {
		realms[name] = r.factors
	}
	return staff.New(staff.Options{Store: a.engine.store, Realms: realms, End: a.engine.visits.EndUser, Clock: clock.Now})
}

// checkShown refuses a support desk for realms that no site has, before anybody relies
// on it.
func (a *App) checkShown() error {
	for _, name := range a.shown {
		if a.realms[name] == nil {
			return fmt.Errorf("two_factor_admin: realm %q: no site of this server has a two_factor with this realm; there is: %s",
				name, strings.Join(slices.Sorted(maps.Keys(a.realms)), ", "))
		}
	}
	return nil
}
