package templates

import (
	"cmp"
	"time"
)

// Desk is what surrounds the pages of staff, in place of what customers see there.
type Desk struct {
	// Staff is who is signed in; empty for no one signed in.
	Staff string
	// Acts says that this member of staff may act, not only look.
	Acts bool
}

// StaffUsers is the list of users, or a page of it.
type StaffUsers struct {
	// Realm is the one that is shown, Realms are those to choose from.
	Realm  string
	Realms []string
	// Search, Status, Sort and Descending are what the list was asked for.
	Search, Status, Sort string
	Descending           bool
	// Statuses and Sorts are the choices.
	Statuses, Sorts []Choice
	Columns         []Column
	Users           []StaffAccount
	// First, Back, Next and Export lead on; empty where there is nothing.
	First, Back, Next, Export string
	// Narrowed says that the list does not show everybody.
	Narrowed bool
	// Problem says why there is no list.
	Problem Text
}

// Choice is one option of a field.
type Choice struct {
	Value string
	Label Text
}

// Column is a column's heading; Href sorts by it and is empty where that can't be done.
type Column struct {
	Label Text
	Href  string
	// Sorted is "ascending", "descending" or empty.
	Sorted string
}

// StaffAccount is one user, as staff see it.
type StaffAccount struct {
	Realm, ID, Name, Email string
	// Href leads to the page about the user.
	Href      string
	Activated bool
	// TOTP and Backup are the factors there are.
	TOTP, Backup                              bool
	FirstSeen, EnabledAt, UsedAt, LockedUntil time.Time
	// Off says that codes of the authenticator are switched off after too many wrong ones.
	Off                     bool
	BackupLeft, BackupTotal int
}

// Locked reports whether wrong codes hold the user up.
func (a StaffAccount) Locked() bool { return a.Off || !a.LockedUntil.IsZero() }

// Shown is how the user is called: by name where there is one.
func (a StaffAccount) Shown() string { return cmp.Or(a.Name, a.ID) }

func (p StaffUsers) page() (string, Text) { return "staff_users", Say("desk.users") }

// StaffUser is one user with everything that is known, and what can be done.
type StaffUser struct {
	Account StaffAccount
	// List leads back to the list.
	List string
	// Recovery is the outstanding recovery code's; both zero if there is none.
	RecoveryIssued, RecoveryExpires time.Time
	RecoveryStaff                   string
	// Acts are what can be done now; none for staff who may only look.
	Acts []StaffLink
	// Looks says that this member of staff may only look.
	Looks    bool
	Sessions []Session
	// SessionCount is how many there are, of which Sessions are the newest.
	SessionCount int
	History      []StaffEvent
}

// StaffLink leads to the form of an act.
type StaffLink struct {
	Label  Text
	Href   string
	Danger bool
}

// StaffEvent is a line of a user's history.
type StaffEvent struct {
	At time.Time
	// What happened; Kind is its name in the audit log, for what there is no sentence for.
	What Text
	Kind string
	// Factor is a sentence's part, or empty.
	Factor Text
	// Staff acted, for that Reason.
	Staff, Reason string
	// Address, Browser and System are the client's.
	Address, Browser, System string
}

func (p StaffUser) page() (string, Text) {
	return "staff_user", Say("desk.user_title", "User", p.Account.Shown())
}

// StaffAct asks for the reason of an act.
type StaffAct struct {
	// Act is the act's name in the form.
	Act                 string
	Title, Text, Submit Text
	// Ask reminds of what to make sure of first; empty for acts that open nothing.
	Ask     Text
	Account StaffAccount
	Staff   string
	Danger  bool
	Reason  string
	// MinReason and MaxReason bound it, in characters.
	MinReason, MaxReason int
	// Lives are what a recovery code may live for, Life the chosen one.
	Lives []Choice
	Life  string
	// Error says what is wrong with the reason.
	Error Text
	// Back leads to the user.
	Back string
}

func (p StaffAct) page() (string, Text) {
	return "staff_act", titled(p.Title, p.Error.ID != "")
}

// StaffCode shows a recovery code, once.
type StaffCode struct {
	Account StaffAccount
	// Code is in groups, Expires its end. An empty code has been shown before.
	Code    string
	Expires time.Time
	Back    string
	// Again leads to the form that issues another one; empty for staff who may only look.
	Again string
}

func (p StaffCode) page() (string, Text) { return "staff_code", Say("desk.code_title") }
