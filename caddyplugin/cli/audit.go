package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/secondgate/secondgate/caddyplugin/admin"
	"github.com/secondgate/secondgate/internal/audit"
)

var auditCommand = caddycmd.Command{
	Name:  "audit",
	Usage: "list|export|verify",
	Short: "Shows, exports and verifies the audit log of security events",
	Long:  help("audit"),
	CobraFunc: func(cmd *cobra.Command) {
		cmd.Args = cobra.NoArgs
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		cmd.AddCommand(auditListCommand(), auditExportCommand(), auditVerifyCommand())
	},
}

// auditFilter adds the flags that select events, and serverFlags.
func auditFilter(cmd *cobra.Command) {
	cmd.Flags().String("realm", "", "only events of this realm")
	cmd.Flags().String("user", "", "only events of this user, by the portal's id; wants --realm")
	cmd.Flags().String("from", "", "only events from then on: 2026-11-22, 2026-11-22T06:15:00Z, or 36h or 7d for so long ago")
	cmd.Flags().String("to", "", "only events before then")
	serverFlags(cmd)
}

func filterOf(cmd *cobra.Command) url.Values {
	return parameters(cmd, "realm", "user", "from", "to")
}

func auditListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list [--realm NAME [--user ID]] [--from TIME] [--to TIME] [--limit N] [--json]", Args: cobra.NoArgs,
		Short: "Lists the newest events, the last one at the end",
		RunE:  runAuditList,
	}
	auditFilter(cmd)
	cmd.Flags().IntP("limit", "n", admin.DefaultEntries, "maximum number of events")
	cmd.Flags().Bool("json", false, "print the entries as JSON lines, as they are exported")
	return cmd
}

// mostListed is the maximum of --limit. The command export has no limit.
const mostListed = 100_000

func runAuditList(cmd *cobra.Command, _ []string) error {
	flags := caddycmd.Flags{FlagSet: cmd.Flags()}
	limit := flags.Int("limit")
	if limit < 1 || limit > mostListed {
		return wrongInput(cmd, fmt.Errorf("--limit %d: want a number from 1 to %d; export gives everything", limit, mostListed))
	}
	s, err := serverOf(cmd)
	if err != nil {
		return err
	}
	lines, err := newestLines(s, filterOf(cmd), limit)
	if err != nil {
		return err
	}
	if flags.Bool("json") {
		return audit.PrintLines(cmd.OutOrStdout(), lines)
	}
	return audit.PrintTable(cmd.OutOrStdout(), lines)
}

// newestLines fetches pages, newest entries first, until it has limit entries, and returns
// them oldest first.
func newestLines(s endpoint, q url.Values, limit int) (lines []audit.Line, err error) {
	q.Set("newest", "true")
	for {
		q.Set("limit", fmt.Sprint(min(1000, limit-len(lines))))
		var page admin.AuditPage
		if err := s.answer("GET", "/two_factor/audit?"+q.Encode(), nil, &page); err != nil {
			return nil, err
		}
		lines = append(lines, page.Entries...)
		if page.Next == "" || len(lines) >= limit {
			break
		}
		q.Set("after", page.Next)
	}
	slices.Reverse(lines)
	return lines, nil
}

func auditExportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "export [--realm NAME [--user ID]] [--from TIME] [--to TIME] [--output FILE]", Args: cobra.NoArgs,
		Short: "Writes the events as JSON lines, the oldest first",
		Long: `
Writes one entry on each line, the oldest first, to the standard output or to a new file.
Without --realm, --user, --from and --to it exports the whole chain, which
"audit verify --file FILE" can verify without a server.`,
		RunE: runAuditExport,
	}
	auditFilter(cmd)
	cmd.Flags().StringP("output", "o", "", "a file to write to; it must not exist yet")
	return cmd
}

func runAuditExport(cmd *cobra.Command, _ []string) error {
	srv, err := serverOf(cmd)
	if err != nil {
		return err
	}
	file := (caddycmd.Flags{FlagSet: cmd.Flags()}).String("output")
	return download(cmd, file, func() (io.ReadCloser, error) {
		return srv.ask("GET", "/two_factor/audit/export?"+filterOf(cmd).Encode(), nil)
	})
}

func auditVerifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "verify [--head SEQ:HASH]… [--file FILE] [--json]", Args: cobra.NoArgs,
		Short: "Verifies the audit log's chain of hashes",
		Long:  help("audit-verify"),
		RunE:  runAuditVerify,
	}
	cmd.Flags().StringArray("head", nil, "an earlier head, as 42:9f86d081…; may be repeated")
	cmd.Flags().String("file", "", "verify this exported file instead of the server's log")
	cmd.Flags().Bool("json", false, "print the result as JSON")
	serverFlags(cmd)
	return cmd
}

func runAuditVerify(cmd *cobra.Command, _ []string) error {
	flags := caddycmd.Flags{FlagSet: cmd.Flags()}
	texts, err := cmd.Flags().GetStringArray("head")
	if err != nil {
		return err
	}
	heads, err := admin.ParseHeads(texts)
	if err != nil {
		return wrongInput(cmd, fmt.Errorf("--head: %w", err))
	}
	report, err := verified(cmd, flags.String("file"), heads)
	if err != nil {
		return err
	}
	if flags.Bool("json") {
		err = json.NewEncoder(cmd.OutOrStdout()).Encode(report)
	} else {
		err = report.Print(cmd.OutOrStdout())
	}
	if err == nil && !report.OK() {
		return errBroken
	}
	return err
}

var errBroken = errors.New("the audit log is not valid")

// verified verifies the audit log in an exported file, or asks the server to verify its own
// log if file is "".
func verified(cmd *cobra.Command, file string, heads []audit.Head) (report audit.Report, err error) {
	if file != "" {
		f, err := os.Open(file)
		if err != nil {
			return report, wrongInput(cmd, fmt.Errorf("--file: %w", err))
		}
		defer f.Close()
		if report, err = audit.VerifyExport(f, heads...); err != nil {
			return report, fmt.Errorf("%s: %w", file, err)
		}
		return report, nil
	}
	s, err := serverOf(cmd)
	if err != nil {
		return report, err
	}
	q := url.Values{}
	for _, h := range heads {
		q.Add("head", h.String())
	}
	err = s.answer("GET", "/two_factor/audit/verify?"+q.Encode(), nil, &report)
	return report, err
}
