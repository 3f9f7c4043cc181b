package server

import (
	"fmt"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/staff"
	"github.com/secondgate/secondgate/internal/staffpages"
	"github.com/secondgate/secondgate/internal/userpages/cookiestate"
)

// Desk returns the support desk of this configuration. It must be called after Start or
// [Server.Ready].
func (s *Server) Desk() *staff.Desk {
	realms := make(map[string]*factor.Service, len(s.realms))
	for name, r := range s.realms {
		realms[name] = r.Factors
	}
	return staff.New(staff.Options{Store: s.engine.store, Realms: realms, End: s.engine.visits.EndUser, Clock: clock.Now})
}

// StaffPages returns the pages of a support desk for these realms; for all if realms is empty.
// The pages may serve requests only after [Server.Ready] has returned no error.
func (s *Server) StaffPages(realms []string, log *zap.Logger) (*staffpages.Pages, error) {
	state, err := cookiestate.New("two_factor_admin", s.ring.Derive("staff state hash", 32), s.ring.Derive("staff state block", 32), clock.Now)
	if err != nil {
		return nil, err
	}
	s.shown = append(s.shown, realms...)
	return staffpages.New(staffpages.Options{
		Desk: func() staffpages.Desk { return s.Desk() }, Realms: realms, State: state,
		Acted: s.engine.flushAudit, Mails: func() bool { return s.mailing != nil }, Logger: log,
	})
}

// checkShown returns an error if a support desk names a realm that no site has.
func (s *Server) checkShown() error {
	names := s.names()
	for _, name := range s.shown {
		if !slices.Contains(names, name) {
			return fmt.Errorf("two_factor_admin: realm %q: no site of this server has a two_factor with this realm; there is: %s", name, strings.Join(names, ", "))
		}
	}
	return nil
}
