package templates

import (
	"html/template"
	"time"
)

// Page is one of the page types below.
type Page interface {
	// page returns the name of the page's template and its title.
	page() (name string, title Text)
}

// pageNames are the files in html/ that are pages and not parts of pages.
var pageNames = []string{"challenge", "setup", "mailcode", "proof", "backup", "sheet", "manage", "settings", "disable", "help", "notice",
	"staff_users", "staff_user", "staff_act", "staff_code"}

// Code is the input field for a code, with the texts around it.
type Code struct {
	Label, Hint Text
	// Error says why the last code was refused; empty at first.
	Error Text
	// More are further sentences after Error, such as how many tries are left.
	More []Text
	// Digits is the number of digits of an app's code. It selects the keyboard and the
	// field's look. 0 stands for a field for backup codes only.
	Digits int
	// Mixed says that the field accepts codes of both kinds, so it needs the full keyboard.
	Mixed bool
	// Focus puts the cursor into the field. It is not set on pages that must be read first.
	Focus bool
}

func (c Code) title(t Text) Text { return titled(t, c.Error.ID != "") }

// titled returns a page's title, which tells of an error on the page before all else.
func titled(t Text, failed bool) Text {
	if failed {
		return Say("error_prefix", "Title", t)
	}
	return t
}

// Challenge asks for the code that opens the portal.
type Challenge struct {
	Portal, Account string
	Backup          bool
	Digits          int
	Code            Code
}

func (p Challenge) page() (string, Text) {
	if p.Backup {
		return "challenge", p.Code.title(Say("challenge.backup_title"))
	}
	return "challenge", p.Code.title(Say("challenge.title"))
}

// Setup shows a new secret and asks for its first code.
type Setup struct {
	Portal, Account string
	// ID names the enrolment, so that a form from another tab's is recognised.
	ID string
	// Required says that the portal can't be used without a second factor.
	Required bool
	// Replaces says that another authenticator is in use until this one is confirmed.
	Replaces bool
	// Renews says that the backup codes will be replaced too.
	Renews bool
	QR     template.HTML
	URI    template.URL
	// Key is the secret in base32, in groups.
	Key            []string
	Digits, Period int
	// Algorithm is set where it is not SHA1, which apps assume.
	Algorithm string
	Apps      []App
	Code      Code
}

// App is an authenticator app and where to get it; an empty link is left out.
type App struct {
	Name, Android, IPhone string
	// BuiltIn says that it is part of the iPhone.
	BuiltIn bool
}

func (p Setup) page() (string, Text) {
	if p.Replaces {
		return "setup", p.Code.title(Say("setup.replace_title"))
	}
	return "setup", p.Code.title(Say("setup.title"))
}

// Proof asks for a fresh code before the authenticator may be replaced.
type Proof struct {
	Code Code
}

func (p Proof) page() (string, Text) { return "proof", p.Code.title(Say("replace.title")) }

// MailCode asks for the code that was sent to the user's e-mail address, before a first
// set-up.
type MailCode struct {
	// Portal is how it is called, Address where the code goes, masked.
	Portal, Address string
	// Required says that the portal can't be used without a second factor.
	Required bool
	// Sent says that a mail with a code was queued, Late that it has not been sent yet, and
	// Failed that it could not be sent.
	Sent, Late, Failed bool
	Support            Contact
	Code               Code
}

func (p MailCode) page() (string, Text) { return "mailcode", p.Code.title(Say("mail_code.title")) }

// Backup shows new backup codes until they are closed.
type Backup struct {
	Codes []string
	// Missing says that the user wanted to close the page without ticking that the codes
	// are saved.
	Missing bool
}

func (p Backup) page() (string, Text) {
	return "backup", titled(Say("backup.title"), p.Missing)
}

// Sheet is the backup codes alone, for printing.
type Sheet struct {
	Portal, Account string
	Codes           []string
	Made            time.Time
}

func (p Sheet) page() (string, Text) { return "sheet", Say("backup.sheet_title") }

// Manage tells how many backup codes are left and makes new ones for a fresh code.
type Manage struct {
	Left, Total int
	Code        Code
}

func (p Manage) page() (string, Text) { return "manage", p.Code.title(Say("backup.manage_title")) }

// Settings is the overview.
type Settings struct {
	Portal string
	// On says that the user has a second factor. Without it only Required and Activity are
	// shown.
	On       bool
	Required bool
	Since    time.Time
	// Added and Used are the authenticator's.
	Added, Used                        time.Time
	BackupLeft, BackupTotal, BackupLow int
	BackupUsed                         time.Time
	// Recovered says that this browser came in by a recovery code of staff, and may set up
	// a new authenticator now.
	Recovered bool
	Sessions  []Session
	// Activity is what happened lately, the newest first; also while there is no second factor.
	Activity []Activity
}

// Activity is something that happened to the account.
type Activity struct {
	At   time.Time
	What Text
	// Browser and System are empty where the User-Agent tells nothing known, and with
	// Address where support acted.
	Browser, System, Address string
}

// Session is one browser with a clearance.
type Session struct {
	// ID is what the sign-out button sends.
	ID string
	// Browser and System are empty where the User-Agent tells nothing known.
	Browser, System string
	Address         string
	// Factor is "totp", "backup" or "recovery".
	Factor      string
	Since, Seen time.Time
	This        bool
}

func (p Settings) page() (string, Text) { return "settings", Say("settings.title") }

// Disable asks for a fresh code to turn everything off.
type Disable struct {
	Code Code
}

func (p Disable) page() (string, Text) { return "disable", p.Code.title(Say("disable.title")) }

// Help is for those who are locked out. It is the same for everybody.
type Help struct {
	Portal  string
	Support Contact
	// Now is the server's time, for comparing clocks.
	Now time.Time
}

func (p Help) page() (string, Text) { return "help", Say("help.title") }

// Contact is where support is found; Link is empty where Shown is no address that opens.
type Contact struct {
	Shown string
	Link  template.URL
}

// Notice is a page with a text and a link, and without a form.
type Notice struct {
	Title, Body Text
	// Problem says that something did not work.
	Problem bool
	// Link and LinkText lead on; Link is a path.
	Link     string
	LinkText Text
	// Support is shown where it is set.
	Support Contact
}

func (p Notice) page() (string, Text) { return "notice", p.Title }
