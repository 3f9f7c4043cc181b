package caddyplugin

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// Commands are the subcommands of `two-factor`, a file each. Every build with this
// plugin has them below that one parent, so that none gets into the way of Caddy's
// own; the secondgate binary has them at its top level too.
func Commands() []caddycmd.Command {
	return []caddycmd.Command{presetsCommand, inspectCommand(), checkCommand, reportCommand, auditCommand}
}

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "two-factor",
		Usage: "COMMAND",
		Short: "Learns, rehearses and looks after two-factor authentication before a portal",
		CobraFunc: func(parent *cobra.Command) {
			parent.Args = cobra.NoArgs
			parent.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
			for _, c := range Commands() {
				sub := &cobra.Command{Use: c.Name + " " + c.Usage, Short: c.Short, Long: c.Long}
				c.CobraFunc(sub)
				parent.AddCommand(sub)
			}
		},
	})
}
