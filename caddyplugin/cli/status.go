package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/server"
)

var statusCommand = caddycmd.Command{
	Name:  "status",
	Usage: "[--json] [--address ADMIN]",
	Short: "Shows the state of the server: checks, users, store, audit log, keys",
	Long:  help("status"),
	CobraFunc: func(cmd *cobra.Command) {
		cmd.Args = noWords
		cmd.Flags().Bool("json", false, "print JSON")
		serverFlags(cmd)
		cmd.RunE = runStatus
	},
}

func runStatus(cmd *cobra.Command, _ []string) error {
	status, err := asked[server.Status](cmd, "GET", "/two_factor/status", nil)
	if err != nil {
		return err
	}
	if err := show(cmd, status, printStatus); err != nil {
		return err
	}
	for name, said := range status.Checks {
		if said != "ok" {
			return fmt.Errorf("%s: %s; the server's log says why", name, said)
		}
	}
	return nil
}

func printStatus(w io.Writer, s server.Status) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) { fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	line("Version", "%s (Caddy %s, %s)", s.Version, s.Caddy, s.Go)
	line("Running since", "%s UTC, for %v", moment(s.Started), clock.Now().Sub(s.Started).Round(time.Second))
	for _, name := range slices.Sorted(maps.Keys(s.Checks)) {
		line("Check: "+name, "%s", s.Checks[name])
	}
	for _, r := range s.Realms {
		line("Realm "+plain(r.Realm), "%d users activated, %d not; mode %s, require %s", r.Activated, r.NotActivated, r.Mode, r.Require)
		if r.Missing > 0 {
			line("Realm "+plain(r.Realm), "%d ACTIVATED USERS ARE MISSING, and the audit log does not explain it", r.Missing)
		}
	}
	line("Store", "%s in %s, %.1f MB", plain(s.Store.ID), plain(s.Store.Place), float64(s.Store.Bytes)/1e6)
	line("Witness", "%s", plain(s.Store.Witness.String()))
	if s.Audit != nil {
		line("Audit log", "%d entries, the last of %s UTC; head %d:%s", s.Audit.Entries, moment(s.Audit.At), s.Audit.Entries, s.Audit.Hash)
	} else {
		line("Audit log", "empty")
	}
	line("Master keys", "%s", strings.Join(s.Keys, ", ")+" (the first one seals)")
	line("Mails waiting", "%d", s.MailsWaiting)
	line("Clock", "%s", plain(s.Clock.Comparison()))
	line("Codes", "%s", s.Clock.Leaning())
	return t.Flush()
}
