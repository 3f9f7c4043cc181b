package cli

import (
	"fmt"
	"strings"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/secondgate/secondgate/internal/onboard/inspect"
)

// inspectCommand returns the command inspect. It prints progress to standard error and only
// the Caddyfile to standard output, so that it can be redirected into a file.
func inspectCommand() caddycmd.Command {
	return caddycmd.Command{
		Name:  "inspect",
		Usage: "URL [--site ADDRESS] [--page PATH]... [--no-preset]",
		Short: "Examines a portal and writes the Caddyfile for it",
		Long:  help("inspect"),
		CobraFunc: func(cmd *cobra.Command) {
			cmd.Args = oneAddress
			cmd.Flags().String("site", "", "address of the gateway's site (default: the portal's host, or http://127.0.0.1:8080 for one on loopback)")
			cmd.Flags().StringArray("page", nil, "a further page that may name the user, as a path; may be repeated")
			cmd.Flags().Bool("no-preset", false, "write all settings, even if a preset has them")
			cmd.RunE = runInspect
		},
	}
}

func oneAddress(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("inspect wants one argument, the portal's address, for example https://portal.example.com/; user name and password are asked for, never given here")
	}
	return nil
}

func runInspect(cmd *cobra.Command, args []string) error {
	cmd.SilenceUsage = true
	o, err := inspectOptions(cmd, args[0])
	if err != nil {
		return wrongInput(cmd, err)
	}
	o.Customers, err = prompt{in: cmd.InOrStdin(), out: cmd.ErrOrStderr()}.accounts(cmd.Context())
	if err != nil {
		return wrongInput(cmd, err)
	}
	report, err := inspect.Inspect(cmd.Context(), o)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(cmd.OutOrStdout(), report.Caddyfile)
	return err
}

func inspectOptions(cmd *cobra.Command, address string) (o inspect.Options, err error) {
	o = inspect.Options{URL: address, Progress: func(line string) { fmt.Fprintln(cmd.ErrOrStderr(), line) }}
	if o.Site, err = cmd.Flags().GetString("site"); err != nil {
		return o, err
	}
	if strings.ContainsAny(o.Site, " \t\r\n{}\"#") {
		return o, fmt.Errorf("--site %q is not a site's address; want for example portal.example.com or http://127.0.0.1:8080", o.Site)
	}
	if o.Pages, err = cmd.Flags().GetStringArray("page"); err != nil {
		return o, err
	}
	for _, p := range o.Pages {
		if !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") {
			return o, fmt.Errorf("--page %q is not a path of the portal; want for example /account/details", p)
		}
	}
	o.NoPreset, err = cmd.Flags().GetBool("no-preset")
	return o, err
}
