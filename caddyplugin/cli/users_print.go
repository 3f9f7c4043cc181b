package cli

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/secondgate/secondgate/caddyplugin/admin"
	"github.com/secondgate/secondgate/internal/staff"
	"github.com/secondgate/secondgate/internal/store"
)

func printUsers(w io.Writer, page staff.Page) error {
	if len(page.Users) == 0 {
		_, err := fmt.Fprintf(w, "No user of realm %s matches.\n", strconv.Quote(page.Realm))
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tNAME\tSTATUS\tFACTORS\tENABLED SINCE\tLAST USED\tBACKUP CODES\tLOCKED")
	for _, a := range page.Users {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", plain(a.ID), cmp.Or(plain(a.Name), "-"), statusWord(a),
			cmp.Or(strings.Join(a.Factors, ", "), "-"), moment(a.EnabledAt), moment(a.UsedAt), backupWord(a), lockWord(a))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if page.Next != "" {
		_, err := fmt.Fprintf(w, "There are more: --after %s\n", page.Next)
		return err
	}
	return nil
}

func statusWord(a staff.Account) string {
	if a.Activated {
		return "Activated"
	}
	return "Not activated"
}

func backupWord(a staff.Account) string {
	if a.BackupTotal == 0 {
		return "-"
	}
	return fmt.Sprintf("%d of %d", a.BackupLeft, a.BackupTotal)
}

func lockWord(a staff.Account) string {
	switch {
	case a.Off:
		return "codes are off"
	case a.Locked():
		return "until " + moment(a.LockedUntil)
	}
	return "-"
}

func printUser(w io.Writer, d staff.Details) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, line := range [][2]string{
		{"Realm", plain(d.Realm)}, {"ID", plain(d.ID)}, {"Name", cmp.Or(plain(d.Name), "-")}, {"E-mail", cmp.Or(plain(d.Email), "-")},
		{"Status", statusWord(d.Account)}, {"Factors", cmp.Or(strings.Join(d.Factors, ", "), "-")},
		{"First seen", moment(d.FirstSeen)}, {"Enabled since", moment(d.EnabledAt)}, {"Last used", moment(d.UsedAt)},
		{"Backup codes", backupWord(d.Account)}, {"Locked", lockWord(d.Account)}, {"Recovery code", recoveryWord(d.Recovery)},
		{"Sessions", strconv.Itoa(d.SessionCount)},
	} {
		fmt.Fprintf(t, "%s\t%s\n", line[0], line[1])
	}
	if len(d.Sessions) > 0 {
		fmt.Fprintln(t, "\nSIGNED IN\tLAST SEEN\tWITH\tFROM\tBROWSER")
	}
	for _, s := range d.Sessions {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", moment(s.Since), moment(s.Seen), s.Factor, plain(s.Address), plain(s.Agent))
	}
	if len(d.History) > 0 {
		fmt.Fprintln(t, "\nTIME\tEVENT\tFACTOR\tBY\tFROM\tREASON")
	}
	for _, e := range d.History {
		fmt.Fprintln(t, eventLine(e))
	}
	return t.Flush()
}

func eventLine(e store.Event) string {
	return strings.Join([]string{moment(e.At), e.Kind, cmp.Or(e.Factor, "-"), cmp.Or(plain(e.Staff), "-"),
		cmp.Or(plain(e.Address), "-"), plain(e.Reason)}, "\t")
}

func recoveryWord(r *staff.Recovery) string {
	if r == nil {
		return "-"
	}
	return fmt.Sprintf("issued by %s, until %s", plain(r.Staff), moment(r.Expires))
}

// printDone prints what a command has changed. name is the command's.
func printDone(w io.Writer, name string, done admin.UserDone) error {
	who := fmt.Sprintf("User %q of realm %q", done.User, done.Realm)
	said := map[string]string{
		"reset":         fmt.Sprintf("%s has no second factor any more, and is signed out everywhere; %d sessions had passed a code.", who, done.SessionsEnded),
		"unlock":        who + " is not held up by wrong codes any more.",
		"end-sessions":  fmt.Sprintf("%s is signed out everywhere; %d sessions had passed a code.", who, done.SessionsEnded),
		"recovery-code": fmt.Sprintf("%s has this recovery code:\n\n    %s\n\nIt works once, until %s UTC, where a backup code is asked for. It is shown here only.", who, done.Code, moment(done.Expires)),
	}
	_, err := fmt.Fprintln(w, said[name])
	return err
}

// plain quotes a text if it has unprintable characters. Texts from portals and browsers may
// contain escape sequences, which a terminal would execute.
func plain(s string) string {
	for _, r := range s {
		if !strconv.IsPrint(r) {
			return strconv.Quote(s)
		}
	}
	return s
}
