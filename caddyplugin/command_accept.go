package caddyplugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/witness"
)

var acceptLossCommand = caddycmd.Command{
	Name:  "accept-loss",
	Usage: "[--config FILE] --staff NAME --reason TEXT",
	Short: "Lets the server start although its store was lost, or is an older one",
	Long: `
Has the next start or reload of this configuration use the store that is there, or make
a new one, although it is not the one that is expected: a store is lost for good, or an
older copy is all that is left. CODES THAT WERE USED SINCE AN OLDER COPY COUNT AGAIN,
backup codes too; restoring a backup voids them. USERS WHO HAD A SECOND FACTOR IN THE LOST STORE SIGN IN
WITH THEIR PASSWORD ALONE until they set one up again. Restore a backup if there is one.

The start records in the audit log who accepted the loss and why. The decision is good
for 24 hours, and for what is expected now; a store that is lost later is refused again.

Run it as the server's user: it writes to Caddy's storage.`,
	CobraFunc: func(cmd *cobra.Command) {
		cmd.Args = noWords
		cmd.SetFlagErrorFunc(wrongInput)
		var f storeFlags
		f.add(cmd)
		staff := cmd.Flags().String("staff", "", "who accepts the loss")
		reason := cmd.Flags().String("reason", "", "why")
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return acceptLoss(cmd, f, *staff, *reason) }
	},
}

func acceptLoss(cmd *cobra.Command, f storeFlags, staff, reason string) error {
	if strings.TrimSpace(staff) == "" || strings.TrimSpace(reason) == "" {
		return wrongInput(cmd, errors.New("who accepts the loss, and why? want --staff NAME and --reason TEXT"))
	}
	s, err := f.read()
	if err != nil {
		return wrongInput(cmd, err)
	}
	defer s.close()
	if err := s.lost(cmd.Context()); err != nil {
		return wrongInput(cmd, err)
	}
	known, err := witness.Load(cmd.Context(), s.caddys)
	if err != nil {
		return wrongInput(cmd, err)
	}
	o, ok := witness.Accept(known, s.place, s.realms, staff, reason, clock.Now().UTC())
	if !ok && !mustExist(s.app.storage) {
		return wrongInput(cmd, fmt.Errorf("no store is expected for the realms of this configuration (%s); it starts as it is. If its start was refused, name Caddy's storage with --caddy-storage, as the refusal does", strings.Join(s.realms, ", ")))
	}
	if err := s.write(cmd.Context(), o); err != nil {
		return wrongInput(cmd, err)
	}
	w := cmd.OutOrStdout()
	for _, expected := range o.Expected {
		fmt.Fprintf(w, "Given up: %s.\n", plain(expected))
	}
	_, err = fmt.Fprintf(w, "The next start within 24 hours uses the store in %s, or makes one.\n", plain(s.place))
	return err
}

// lost is an error if the store that is expected is there and whole, or in use. What can't
// be found out is left to the operator.
func (s *namedStore) lost(ctx context.Context) error {
	examiner, ok := s.app.storage.(Examiner)
	if there, ok2 := s.app.storage.(Existing); ok2 && ok {
		ok, _ = there.Exists()
	}
	if !ok {
		return nil
	}
	d := &doctor{out: io.Discard, named: s}
	whole := false
	examined, err := examiner.Examine(ctx, zap.NewNop(), func(st store.Store) error {
		activated, err := countRecords(ctx, st)
		if err != nil {
			return err
		}
		ring, err := s.app.existingKeys()
		if err != nil {
			return err
		}
		whole = d.judge(ctx, st, ring, activated) == nil
		return nil
	})
	switch {
	case errors.Is(err, store.ErrLocked):
		return fmt.Errorf("a server runs with the store in %s: nothing is lost", s.place)
	case err == nil && whole && examined.Damage == nil:
		return fmt.Errorf("the store that is expected is in %s: nothing is lost, and the server starts with it", s.place)
	}
	return nil
}

var initCommand = caddycmd.Command{
	Name:  "init",
	Usage: "[--config FILE]",
	Short: "Lets the next start make a further store on a machine that has one",
	Long: `
The first start on a machine makes its store by itself. Once there is a store with users
who have a second factor, a start that finds none is refused, since that one may be lost.
This command says that none is: the next start of this configuration within 24 hours may
make a store of its own, for another portal. Its realms must be none that a known store
answers for.

Run it as the server's user: it writes to Caddy's storage.`,
	CobraFunc: func(cmd *cobra.Command) {
		cmd.Args = noWords
		cmd.SetFlagErrorFunc(wrongInput)
		var f storeFlags
		f.add(cmd)
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return initStore(cmd, f) }
	},
}

func initStore(cmd *cobra.Command, f storeFlags) error {
	s, err := f.read()
	if err != nil {
		return wrongInput(cmd, err)
	}
	defer s.close()
	known, err := witness.Load(cmd.Context(), s.caddys)
	if err != nil {
		return wrongInput(cmd, err)
	}
	for _, realm := range s.realms {
		found := witness.Found{Place: s.place, Empty: true, Ordered: true}
		if err := witness.JudgeRealm(known, found, witness.Users{Realm: realm}); err != nil {
			return wrongInput(cmd, err)
		}
	}
	if err := s.write(cmd.Context(), witness.Order{Kind: witness.OrderInit, Place: s.place, At: clock.Now().UTC()}); err != nil {
		return wrongInput(cmd, err)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "The next start within 24 hours may make a store in %s.\n", plain(s.place))
	return err
}
