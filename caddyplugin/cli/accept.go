package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/server"
	"github.com/secondgate/secondgate/internal/store/witness"
)

var acceptLossCommand = caddycmd.Command{
	Name:  "accept-loss",
	Usage: "[--config FILE] --staff NAME --reason TEXT",
	Short: "Lets the server start although its store was lost, or is an older one",
	Long:  help("accept-loss"),
	CobraFunc: func(cmd *cobra.Command) {
		f := addStoreFlags(cmd)
		staff := cmd.Flags().String("staff", "", "who accepts the loss")
		reason := cmd.Flags().String("reason", "", "why")
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return acceptLoss(cmd, *f, *staff, *reason) }
	},
}

func acceptLoss(cmd *cobra.Command, f storeFlags, staff, reason string) error {
	if strings.TrimSpace(staff) == "" || strings.TrimSpace(reason) == "" {
		return wrongInput(cmd, errors.New("who accepts the loss, and why? want --staff NAME and --reason TEXT"))
	}
	s, err := f.read("")
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
	if !ok && !server.Expected(s.storage) {
		return wrongInput(cmd, fmt.Errorf("no store is expected for the realms of this configuration (%s); it starts as it is. If its start was refused, name Caddy's storage with --caddy-storage, as the refusal does", strings.Join(s.realms, ", ")))
	}
	if err := s.write(cmd.Context(), o); err != nil {
		return wrongInput(cmd, err)
	}
	w := cmd.OutOrStdout()
	for _, expected := range o.Expected {
		fmt.Fprintf(w, "Given up: %s.\n", plain(expected))
	}
	_, err = fmt.Fprintf(w, "The next start within 24 hours uses the store in %s, or creates one.\n", plain(s.place))
	return err
}

// lost returns an error if the store is not lost: a running server has it open, or it is there
// and passes all checks. If its condition can't be determined, lost returns nil, and the
// operator's word counts.
func (s *namedStore) lost(ctx context.Context) error {
	c, err := s.condition(ctx)
	switch {
	case c.held:
		return fmt.Errorf("a server runs with the store in %s: nothing is lost", s.place)
	case err == nil && c.there && !c.unsigned:
		return fmt.Errorf("the store that is expected is in %s: nothing is lost, and the server starts with it", s.place)
	}
	return nil
}

var initCommand = caddycmd.Command{
	Name:  "init",
	Usage: "[--config FILE]",
	Short: "Lets the next start create a store, although one is expected or must exist",
	Long:  help("init"),
	CobraFunc: func(cmd *cobra.Command) {
		f := addStoreFlags(cmd)
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return initStore(cmd, *f) }
	},
}

func initStore(cmd *cobra.Command, f storeFlags) error {
	s, err := f.read("")
	if err != nil {
		return wrongInput(cmd, err)
	}
	defer s.close()
	if done, err := s.present(cmd); done || err != nil {
		return err
	}
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
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "The next start within 24 hours may create a store in %s.\n", plain(s.place))
	if !server.Expected(s.storage) {
		_, err = fmt.Fprintf(w, "To prevent that a lost store is later replaced by an empty one, write in %s:\n\n\tstorage %s %s {\n\t\tmust_exist\n\t}\n", plain(f.config), s.engine, plain(s.place))
	}
	return err
}

// present reports whether there is a store that the server starts with, and prints what it
// holds. It returns an error if there is a store that the server would not start with.
func (s *namedStore) present(cmd *cobra.Command) (done bool, err error) {
	c, err := s.condition(cmd.Context())
	if errors.Is(err, errUnknown) {
		return false, nil
	}
	if err != nil {
		return true, wrongInput(cmd, fmt.Errorf("there is a store in %s already, and the server would not start with it: %w", s.place, err))
	}
	w := cmd.OutOrStdout()
	switch {
	case c.held:
		_, err = fmt.Fprintf(w, "A server runs with the store in %s; nothing was done. `secondgate status` shows its content.\n", plain(s.place))
	case c.there:
		_, err = fmt.Fprintf(w, "There is a complete store in %s: %s. Nothing was done; %s.\n", plain(s.place), plain(c.String()), c.outlook())
	}
	return c.there, err
}
