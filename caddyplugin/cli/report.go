package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/secondgate/secondgate/caddyplugin/admin"
	"github.com/secondgate/secondgate/internal/report"
)

var reportCommand = caddycmd.Command{
	Name:  "report",
	Usage: "[--days N] [--json] [--address ADMIN]",
	Short: "Shows what the gate counted, or would have done in `mode observe`",
	Long: `
Prints the counts of each realm for the last days, including today: sign-ins by the way
in which they were detected, users who would have been asked for a code or a set-up,
answers of whoami that were unknown, cookies that would not reach the portal, requests
that would have been refused, and how long questions took. In "mode enforce" it counts
refusals, unknown answers and dropped cookies only.

It asks the running server through its admin endpoint. --config finds that endpoint in
a Caddyfile, --address names it.`,
	CobraFunc: func(cmd *cobra.Command) {
		cmd.Args = cobra.NoArgs
		cmd.Flags().IntP("days", "d", admin.DefaultDays, "number of days, including today")
		cmd.Flags().Bool("json", false, "print the numbers as JSON")
		serverFlags(cmd)
		cmd.RunE = runReport
	},
}

func runReport(cmd *cobra.Command, _ []string) error {
	flags := caddycmd.Flags{FlagSet: cmd.Flags()}
	days := flags.Int("days")
	if err := admin.CheckDays(days); err != nil {
		return wrongInput(cmd, fmt.Errorf("--%w", err))
	}
	srv, err := serverOf(cmd)
	if err != nil {
		return err
	}
	raw, err := fetchReport(srv, days)
	if err != nil {
		return err
	}
	if flags.Bool("json") {
		_, err = cmd.OutOrStdout().Write(raw)
		return err
	}
	var all []report.Summary
	if err := json.Unmarshal(raw, &all); err != nil {
		return fmt.Errorf("the server at %s answered something else than a report: %w", srv.address, err)
	}
	return report.Print(cmd.OutOrStdout(), all)
}

// maxReport is the maximum size that is read of any answer, in bytes.
const maxReport = 64 << 20

func fetchReport(srv endpoint, days int) ([]byte, error) {
	res, err := srv.ask(http.MethodGet, fmt.Sprintf("/two_factor/report?days=%d", days), nil)
	if err != nil {
		return nil, err
	}
	defer res.Close()
	return io.ReadAll(io.LimitReader(res, maxReport))
}
