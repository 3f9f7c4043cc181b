package server

import (
	"context"
	"errors"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/userpages"
)

// The names of the readiness checks. The health page shows them to everybody.
const (
	checkStore = "store"
	checkKeys  = "keys"
	checkUsers = "users"
	checkCopy  = "copy"
	checkClock = "clock"
)

// checks runs the readiness checks: all must pass for customers to be able to sign in. The texts
// of Problem are public; they are constant and say nothing about this server.
func (s *Server) checks(ctx context.Context) []userpages.Check {
	stored := s.engine.counted.Check(ctx)
	words := "can't be written"
	if errors.Is(stored, store.ErrDamaged) {
		words = "is damaged"
	}
	return []userpages.Check{
		checked(checkStore, words, stored),
		checked(checkKeys, "don't open the store", s.engine.keeper.Opens(ctx, s.ring)),
		checked(checkUsers, "are fewer than the audit log explains", s.engine.missing()),
		checked(checkCopy, "or another store of its realms is in use elsewhere", s.engine.contested()),
		{Name: checkClock, Problem: s.engine.watch.clock.problem()},
	}
}

func checked(name, words string, err error) userpages.Check {
	if err == nil {
		return userpages.Check{Name: name}
	}
	return userpages.Check{Name: name, Problem: words, Err: err}
}
