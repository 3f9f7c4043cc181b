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
	Short: "Looks after users: lists them, resets factors, unlocks, imports and exports",
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
			usersActCommand("reset", "Takes away all factors of a user, and ends their sessions", `
Takes away the user's authenticator, backup codes, wrong codes counted and an outstanding
recovery code, and signs out every browser. From then on the password alone is enough, until the
user sets up two-factor authentication again: make sure who asks.`),
			usersActCommand("unlock", "Forgets the wrong codes that hold a user up", `
Ends waits after wrong codes, and switches an authenticator's codes on again that are off
after too many. Addresses that sent too many wrong codes go on waiting.`),
			usersActCommand("end-sessions", "Signs a user out everywhere", `
Signs out every browser of the user, whether it has passed a code or not: it needs the
password again, and a code where the user has a second factor.`),
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
	cmd.Flags().Bool("descending", false, "the other way round")
	cmd.Flags().IntP("limit", "n", staff.DefaultLimit, "how many users at most, 1 to 100000")
	cmd.Flags().String("after", "", "go on behind the page before, as that one said at its end")
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
		Short: "Shows all of one user: factors, sessions, history",
		Long: `
Shows the user with that id or, if there is none, the only one whose name, id or e-mail
address begins with it.`,
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
	cmd := usersActCommand("recovery-code", "Issues a code that opens one challenge of a user", `
Issues a code for somebody who has lost all factors: it works once, where a backup code is
asked for, and then lets them set up a new authenticator. An earlier one stops. It is
shown here only; give it to nobody before you are sure who asks.`)
	cmd.Use = "recovery-code ID --reason TEXT [--life TIME] [--staff NAME] [--realm NAME] [--json]"
	cmd.Flags().String("life", "24h", "how long it can be used: 5m to 7d")
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
		return "", fmt.Errorf("who acts can't be found out; say it with --staff (%w)", err)
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
