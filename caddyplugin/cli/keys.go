package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"text/tabwriter"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/secondgate/secondgate/caddyplugin/admin"
	"github.com/secondgate/secondgate/internal/rotation"
)

var keysCommand = caddycmd.Command{
	Name:  "keys",
	Usage: "list | rotate",
	Short: "Lists the master keys, and reseals all records with the newest",
	Long:  help("keys"),
	CobraFunc: func(cmd *cobra.Command) {
		cmd.Args = cobra.NoArgs
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		list := &cobra.Command{Use: "list [--json]", Short: "Shows the number of records that are sealed with each master key", Args: cobra.NoArgs, RunE: runKeysList}
		rotate := &cobra.Command{Use: "rotate [--detach] [--json]", Short: "Seals all records with the newest master key", Args: cobra.NoArgs, RunE: runKeysRotate}
		rotate.Flags().Bool("detach", false, "don't wait until the rotation has ended")
		for _, sub := range []*cobra.Command{list, rotate} {
			sub.Flags().Bool("json", false, "print the result as JSON")
			serverFlags(sub)
			cmd.AddCommand(sub)
		}
	},
}

func runKeysList(cmd *cobra.Command, _ []string) error {
	report, err := asked[admin.KeyReport](cmd, http.MethodGet, "/two_factor/keys", nil)
	if err != nil {
		return err
	}
	return show(cmd, report, printKeys)
}

func printKeys(w io.Writer, r admin.KeyReport) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "KEY\tRECORDS\tUSE")
	for _, k := range r.Keys {
		fmt.Fprintf(t, "%s\t%d\t%s\n", k.ID, k.Records, useOf(k))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if r.Rotation.State == rotation.Running {
		fmt.Fprintln(w, "A rotation is under way:", rotationLine(r.Rotation))
	}
	if r.Unread != "" {
		fmt.Fprintln(w, "NOTE:", r.Unread)
	}
	return nil
}

func useOf(k rotation.Key) string {
	switch {
	case k.Newest:
		return "seals new data"
	case k.Removable:
		return "can be removed"
	}
	return "needed; see keys rotate"
}

// pollEvery is the interval between two requests for the progress of a rotation.
const pollEvery = 300 * time.Millisecond

func runKeysRotate(cmd *cobra.Command, _ []string) error {
	srv, err := serverOf(cmd)
	if err != nil {
		return err
	}
	var p rotation.Progress
	if err := srv.answer(http.MethodPost, "/two_factor/keys/rotate", struct{}{}, &p); err != nil {
		return err
	}
	if detach := (caddycmd.Flags{FlagSet: cmd.Flags()}).Bool("detach"); !detach {
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		if err := follow(ctx, srv, &p, cmd.ErrOrStderr()); err != nil {
			return err
		}
	}
	if err := show(cmd, p, printRotation); err != nil {
		return err
	}
	if p.State == rotation.Failed {
		return fmt.Errorf("the rotation failed, and can be started again: %s", p.Error)
	}
	return nil
}

// follow waits until the rotation ends, updates p, and prints the progress every five
// seconds. If ctx ends, it returns nil; the rotation continues in the server.
func follow(ctx context.Context, srv endpoint, p *rotation.Progress, say io.Writer) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for told := time.Now(); p.State == rotation.Running; {
		select {
		case <-ctx.Done():
			fmt.Fprintln(say, "The rotation continues in the server; `keys list` shows its progress.")
			return nil
		case <-tick.C:
		}
		if err := srv.answer(http.MethodGet, "/two_factor/keys/rotate", nil, p); err != nil {
			return fmt.Errorf("the rotation was started and continues when the server runs again: %w", err)
		}
		if time.Since(told) > 5*time.Second {
			told = time.Now()
			fmt.Fprintln(say, rotationLine(*p))
		}
	}
	return nil
}

// printRotation prints the end of a rotation. The error of the command says that one has failed.
func printRotation(w io.Writer, p rotation.Progress) error {
	if p.State == rotation.Failed {
		return nil
	}
	_, err := fmt.Fprintln(w, rotationLine(p))
	return err
}

func rotationLine(p rotation.Progress) string {
	line := fmt.Sprintf("%d of %d records resealed with key %s", p.Resealed, p.Total, p.Key)
	switch {
	case p.State == rotation.Done && p.Total == 0:
		line = "all records are sealed with key " + p.Key + " already"
	case p.State == rotation.Done:
		line += "; done"
	}
	if p.Unopened > 0 {
		line += fmt.Sprintf("; %d secrets open with none of the keys: the server's log names their users, reset their factors", p.Unopened)
	}
	return line
}
