package userpages

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/userpages/cookiestate"
	"github.com/secondgate/secondgate/internal/userpages/guard"
	"github.com/secondgate/secondgate/templates"
)

// freshCodes are new backup codes in a sealed cookie of the visit. The page shows them until
// the user confirms that they are saved, for ten minutes at most. The store has only hashes,
// so they can't be shown later.
type freshCodes struct {
	Codes []string
	Made  time.Time
	// First says that they were made when two-factor authentication was turned on.
	First bool
}

// keepCodes puts new backup codes into the sealed cookie for this visit, and leads to the
// page that shows them.
func (c *call) keepCodes(codes []string, visit store.VisitID, first bool) {
	fresh := freshCodes{Codes: codes, Made: c.Clock(), First: first}
	if err := codesField.Put(c.browser(), cookiestate.Owner{User: c.v.User, Visit: visit}, fresh); err != nil {
		c.broken("keeping the backup codes failed", err)
		return
	}
	c.to("/backup-codes")
}

func (c *call) freshCodes() (freshCodes, bool) {
	if !c.cleared() {
		return freshCodes{}, false
	}
	return codesField.Get(c.browser(), cookiestate.Owner{User: c.v.User, Visit: c.v.Clearance.ID})
}

func (c *call) showBackup() {
	fresh, ok := c.freshCodes()
	as := c.r.URL.Query().Get("as")
	switch {
	case !c.user.Activated():
		c.to("/")
	case !ok && as != "":
		c.to("/backup-codes")
	case !ok:
		c.show(http.StatusOK, c.manage(c.eitherCode()))
	case as == "text":
		c.download(fresh)
	case as == "sheet":
		c.showFramed(http.StatusOK, templates.Sheet{Portal: c.portal(), Account: c.account(), Codes: fresh.Codes, Made: fresh.Made}, templates.Frame{Bare: true})
	default:
		c.show(http.StatusOK, templates.Backup{Codes: fresh.Codes})
	}
}

// manage is the page that tells how many codes are left and makes new ones.
func (c *call) manage(field templates.Code) templates.Page {
	page := templates.Manage{Code: field}
	if set := c.user.Backup; set != nil {
		page.Left, page.Total = len(set.Hashes), set.Total
	}
	return page
}

func (c *call) answerBackup() {
	switch c.form.Get("action") {
	case "close":
		c.closeCodes()
	case "generate":
		c.generate()
	default:
		c.deny(guard.Unreadable)
	}
}

// generate makes new backup codes if the user enters a fresh code. The old backup codes are
// no longer valid then.
func (c *call) generate() {
	if !c.user.Activated() {
		c.to("/")
		return
	}
	a := c.attempt()
	codes, err := c.Factors.Regenerate(c.r.Context(), a)
	if err != nil {
		c.refuse(err, a, c.eitherCode(), c.manage)
		return
	}
	c.Logger.Info("backup codes generated", c.who()...)
	c.keepCodes(codes, c.v.Clearance.ID, false)
}

// closeCodes deletes the cookie with the new codes, if the user has ticked that they are
// saved. Otherwise it shows them again.
func (c *call) closeCodes() {
	fresh, ok := c.freshCodes()
	if !ok {
		c.to("/")
		return
	}
	if c.form.Get("saved") == "" {
		c.show(http.StatusUnprocessableEntity, templates.Backup{Codes: fresh.Codes, Missing: true})
		return
	}
	codesField.Drop(c.browser())
	c.flash("flash.codes_saved")
	if fresh.First {
		c.flash("flash.enabled")
	}
	c.to("/")
}

// download sends the codes as a text file that names the date and the account.
func (c *call) download(fresh freshCodes) {
	lines := []templates.Text{
		templates.Say("backup.sheet_title"),
		templates.Say("backup.sheet_for", "Account", c.account(), "Portal", c.portal()),
		templates.Say("backup.sheet_made", "Date", fresh.Made.UTC().Format(time.DateOnly)),
		templates.Say("backup.sheet_use"),
	}
	var said []string
	for _, line := range lines {
		s, err := c.set.Sentence(c.lang, line)
		if err != nil {
			c.broken("writing the backup codes failed", err)
			return
		}
		said = append(said, s)
	}
	text := strings.Join(said[:3], "\n") + "\n\n" + strings.Join(fresh.Codes, "\n") + "\n\n" + said[3] + "\n"
	name := fmt.Sprintf("%s-%s-backup-codes.txt", fileWord(c.issuer()), fileWord(c.account()))
	c.w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	guard.Send(c.w, c.r, http.StatusOK, "text/plain; charset=utf-8", []byte(text))
}

// notInFile matches characters that some system does not allow in file names.
var notInFile = regexp.MustCompile(`[^A-Za-z0-9._@]+`)

// maxFileWord bounds each part of a file name.
const maxFileWord = 60

func fileWord(s string) string {
	s = strings.Trim(notInFile.ReplaceAllString(s, "-"), "-.")
	return s[:min(len(s), maxFileWord)]
}
