package caddyplugin

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/secondgate/secondgate/internal/report"
)

var reportCommand = caddycmd.Command{
	Name:  "report",
	Usage: "[--days N] [--json] [--address ADMIN]",
	Short: "Shows what the gate saw, or would have done in `mode observe`",
	Long: `
Prints, for each realm, what was counted in the last days, today included: sign-ins by
how they were noticed, users and what they would have been asked for, answers of whoami
that proved nothing, cookies that would not reach the portal, requests that would have
been refused, and how long questions took. In "mode enforce" only what is rare is
counted: refusals, unknown answers, dropped cookies.

It asks the running server through its admin endpoint. --config finds that endpoint in
a Caddyfile, --address names it.`,
	CobraFunc: func(cmd *cobra.Command) {
		cmd.Args = cobra.NoArgs
		cmd.Flags().IntP("days", "d", defaultDays, "how many days, today included")
		cmd.Flags().Bool("json", false, "print the numbers as JSON")
		cmd.Flags().String("address", "", "address of the server's admin endpoint (default: as in --config, or localhost:2019)")
		cmd.Flags().StringP("config", "c", "", "configuration file to find the admin endpoint in")
		cmd.Flags().StringP("adapter", "a", "", "adapter for that file, if it is no Caddyfile")
		cmd.RunE = runReport
	},
}

func runReport(cmd *cobra.Command, _ []string) error {
	flags := caddycmd.Flags{FlagSet: cmd.Flags()}
	days := flags.Int("days")
	if err := checkDays(days); err != nil {
		return err
	}
	address, err := caddycmd.DetermineAdminAPIAddress(flags.String("address"), nil, flags.String("config"), flags.String("adapter"))
	if err != nil {
		return fmt.Errorf("finding the admin endpoint: %w", err)
	}
	raw, err := fetchReport(address, days)
	if err != nil {
		return err
	}
	if flags.Bool("json") {
		_, err = cmd.OutOrStdout().Write(raw)
		return err
	}
	var all []report.Summary
	if err := json.Unmarshal(raw, &all); err != nil {
		return fmt.Errorf("the server at %s answered something else than a report: %w", address, err)
	}
	return report.Print(cmd.OutOrStdout(), all)
}

// maxReport bounds what is read of an answer, in bytes.
const maxReport = 64 << 20

func fetchReport(address string, days int) ([]byte, error) {
	res, err := caddycmd.AdminAPIRequest(address, http.MethodGet, fmt.Sprintf("/two_factor/report?days=%d", days), nil, nil)
	switch {
	case err != nil && strings.Contains(err.Error(), ": dial "): // Caddy keeps the text of the cause only
		return nil, fmt.Errorf("no server answers at %s: start it, since it holds the store that the numbers are in; if it runs with another admin endpoint, name that with --address, and if it has `admin off`, the daily summary in its log is all there is (%w)", address, err)
	case err != nil:
		return nil, fmt.Errorf("asking the server at %s for its report: %w", address, err)
	}
	defer res.Body.Close()
	return io.ReadAll(io.LimitReader(res.Body, maxReport))
}
