package cli

import (
	"fmt"
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
	Long:  help("report"),
	CobraFunc: func(cmd *cobra.Command) {
		cmd.Args = cobra.NoArgs
		cmd.Flags().IntP("days", "d", admin.DefaultDays, "number of days, including today")
		cmd.Flags().Bool("json", false, "print the numbers as JSON")
		serverFlags(cmd)
		cmd.RunE = runReport
	},
}

func runReport(cmd *cobra.Command, _ []string) error {
	days := caddycmd.Flags{FlagSet: cmd.Flags()}.Int("days")
	if err := admin.CheckDays(days); err != nil {
		return wrongInput(cmd, fmt.Errorf("--%w", err))
	}
	all, err := asked[[]report.Summary](cmd, http.MethodGet, fmt.Sprintf("/two_factor/report?days=%d", days), nil)
	if err != nil {
		return err
	}
	return show(cmd, all, report.Print)
}
