// Package cli has the subcommands of `two-factor`: those that ask the running server through
// package admin, those that look at the store of a stopped one, and those that learn and
// check a portal. Importing it registers them with Caddy.
package cli

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// Commands returns the subcommands, a file each. init registers them below `caddy two-factor`, so that
// none has the name of a command of Caddy's. The secondgate binary also has them at its top level.
// Strict gives them exit status 2 for wrong use.
func Commands() []caddycmd.Command {
	all := []caddycmd.Command{
		presetsCommand, inspectCommand(), checkCommand, reportCommand,
		statusCommand, usersCommand, auditCommand, backupCommand, restoreCommand, keysCommand,
		initCommand, acceptLossCommand, doctorCommand,
	}
	for i, c := range all {
		all[i].CobraFunc = func(cmd *cobra.Command) {
			c.CobraFunc(cmd)
			Strict(cmd)
		}
	}
	return all
}

// group is a command that only has others below it.
func group(name, short string, commands ...caddycmd.Command) caddycmd.Command {
	return caddycmd.Command{
		Name: name, Usage: "COMMAND", Short: short,
		CobraFunc: func(parent *cobra.Command) {
			parent.Args = cobra.NoArgs
			parent.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
			addCommands(parent, commands...)
		},
	}
}

func addCommands(parent *cobra.Command, commands ...caddycmd.Command) {
	for _, c := range commands {
		sub := &cobra.Command{Use: c.Name + " " + c.Usage, Short: c.Short, Long: c.Long}
		c.CobraFunc(sub)
		parent.AddCommand(sub)
	}
}

func init() {
	caddycmd.RegisterCommand(group("two-factor", "Learns, rehearses and looks after two-factor authentication before a portal", Commands()...))
}
