package cli

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"os/user"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/secondgate/secondgate/caddyplugin/admin"
	"github.com/secondgate/secondgate/internal/staff"
)

var usersCommand = caddycmd.Command{
	Name:  "users",
	Usage: "list|show|reset|unlock|end-sessions|recovery-code|import|export",
	Short: "Administers users: lists them, resets factors, unlocks, imports and exports",
	Long:  help("users"),
	CobraFunc: func(cmd *cobra.Command) {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("there is no command %q; want list, show, reset, unlock, end-sessions, recovery-code, import or export", "users "+args[0])
			}
			return nil
		}
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		cmd.AddCommand(usersListCommand(), usersShowCommand(),
			usersActCommand("reset", "Removes all factors of a user, and ends their sessions", `
Removes the user's authenticator, backup codes, recovery code and counters of wrong codes,
and signs out all browsers. After that the password alone is enough, until the user sets
up two-factor authentication again: verify the identity of the person who asks.`),
			usersActCommand("unlock", "Unlocks a user after too many wrong codes", `
Resets the user's counters of wrong codes: waits end, and codes of the authenticator are
accepted again. Addresses that sent too many wrong codes still have to wait.`),
			usersActCommand("end-sessions", "Signs a user out in all browsers", `
Signs out all browsers of the user, with or without a passed code. Each needs the password
again, and a code if the user has a second factor.`),
			usersRecoveryCommand())
		addCommands(cmd, importCommand, exportCommand)
	},
}

// deskFlags adds the flags that all these commands share.
func deskFlags(cmd *cobra.Command) {
	cmd.Flags().String("realm", "", "the realm; may be left out where there is only one")
	cmd.Flags().Bool("json", false, "print JSON")
	serverFlags(cmd)
}

func usersListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list [--realm NAME] [--status STATUS] [--search TEXT] [--sort ORDER] [--descending] [--limit N] [--after PLACE] [--json]",
		Short: "Lists the users of a realm", Args: noWords, RunE: runUsersList,
	}
	deskFlags(cmd)
	cmd.Flags().String("status", "any", "any, activated, not-activated or locked")
	cmd.Flags().String("search", "", "only users whose name, id or e-mail address begins with it")
	cmd.Flags().String("sort", "name", "name, id, enabled or last-used")
	cmd.Flags().Bool("descending", false, "reverse the order")
	cmd.Flags().IntP("limit", "n", staff.DefaultLimit, "how many users at most, 1 to 100000")
	cmd.Flags().String("after", "", "start after the previous page; the value is shown at its end")
	return cmd
}

func runUsersList(cmd *cobra.Command, _ []string) error {
	flags := caddycmd.Flags{FlagSet: cmd.Flags()}
	limit := flags.Int("limit")
	if limit < 1 || limit > mostListed {
		return wrongInput(cmd, fmt.Errorf("--limit %d: want a number from 1 to %d", limit, mostListed))
	}
	q := parameters(cmd, "realm", "status", "search", "sort", "after")
	q.Set("descending", fmt.Sprint(flags.Bool("descending")))
	s, err := serverOf(cmd)
	if err != nil {
		return err
	}
	page, err := usersOf(s, q, limit)
	if err != nil {
		return err
	}
	return show(cmd, page, printUsers)
}

// usersOf fetches pages until it has limit users. Next of the result is where to continue.
func usersOf(s endpoint, q url.Values, limit int) (all staff.Page, err error) {
	all.Users = []staff.Account{}
	for {
		q.Set("limit", fmt.Sprint(min(staff.MaxLimit, limit-len(all.Users))))
		var page staff.Page
		if err := s.answer("GET", "/two_factor/users?"+q.Encode(), nil, &page); err != nil {
			return all, err
		}
		all.Users = append(all.Users, page.Users...)
		all.Realm, all.Next = page.Realm, page.Next
		if page.Next == "" || len(all.Users) >= limit {
			return all, nil
		}
		q.Set("after", page.Next)
	}
}

func usersShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show USER [--realm NAME] [--json]",
		Short: "Shows one user: factors, sessions, history",
		Long: `
Shows the user with that id. If there is none, it shows the user with a name, id or e-mail
address that begins with USER, if there is only one.`,
		Args: oneWord("user"), RunE: runUsersShow,
	}
	deskFlags(cmd)
	return cmd
}

func runUsersShow(cmd *cobra.Command, args []string) error {
	q := parameters(cmd, "realm")
	q.Set("search", args[0])
	d, err := asked[staff.Details](cmd, "GET", "/two_factor/users/show?"+q.Encode(), nil)
	if err != nil {
		return err
	}
	return show(cmd, d, printUser)
}

// usersActCommand returns a command that changes a user: POST /two_factor/users/NAME.
func usersActCommand(name, short, long string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   name + " ID --reason TEXT [--staff NAME] [--realm NAME] [--json]",
		Short: short, Long: long, Args: oneWord("user"),
		RunE: func(cmd *cobra.Command, args []string) error { return runUsersAct(cmd, name, args[0]) },
	}
	deskFlags(cmd)
	cmd.Flags().String("reason", "", "why, in 3 to 500 characters; it goes into the audit log")
	cmd.Flags().String("staff", "", "who acts (default: the user of this machine)")
	return cmd
}

func usersRecoveryCommand() *cobra.Command {
	cmd := usersActCommand("recovery-code", "Issues a recovery code, which is valid for one challenge of a user", `
Issues a code for a user who has lost all factors. The user enters it once, as a backup
code, and can then set up a new authenticator. An earlier recovery code is no longer
valid. The code is shown here only. Verify the identity of the person who asks before you
give it away.`)
	cmd.Use = "recovery-code ID --reason TEXT [--life TIME] [--staff NAME] [--realm NAME] [--json]"
	cmd.Flags().String("life", "24h", "how long it is valid: 5m to 7d")
	return cmd
}

func runUsersAct(cmd *cobra.Command, name, id string) error {
	flags := caddycmd.Flags{FlagSet: cmd.Flags()}
	who, err := whoActs(flags.String("staff"))
	if err != nil {
		return wrongInput(cmd, err)
	}
	in := admin.UserAct{Realm: flags.String("realm"), User: id, Staff: who, Reason: flags.String("reason")}
	if cmd.Flags().Lookup("life") != nil {
		in.Life = flags.String("life")
	}
	done, err := asked[admin.UserDone](cmd, "POST", "/two_factor/users/"+name, in)
	if err != nil {
		return err
	}
	return show(cmd, done, func(w io.Writer, done admin.UserDone) error { return printDone(w, name, done) })
}

// whoActs returns the name for the audit log: the value of --staff, or else the name of the
// user who runs the command; under sudo, of the user who called sudo.
func whoActs(named string) (string, error) {
	if named != "" {
		return named, nil
	}
	u, err := user.Current()
	if err != nil {
		return "", fmt.Errorf("the name of the person who acts is unknown; give it with --staff (%w)", err)
	}
	if caller := os.Getenv("SUDO_USER"); u.Uid == "0" && caller != "" {
		return caller, nil
	}
	return u.Username, nil
}

// moment formats a time for tables, "-" for none.
func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04")
}
