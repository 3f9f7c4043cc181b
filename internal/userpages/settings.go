package userpages

import (
	"encoding/hex"
	"errors"
	"net/http"

	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/userpages/agent"
	"github.com/secondgate/secondgate/internal/userpages/guard"
	"github.com/secondgate/secondgate/templates"
)

const (
	// lowBackup is the number of unused backup codes at or below which the page warns.
	lowBackup = 2
	// maxSessions bounds the list of sessions.
	maxSessions = 50
)

var errNotTheirs = errors.New("session of another user, or gone")

func (c *call) showSettings() {
	page := templates.Settings{Portal: c.portal(), Required: c.Required, BackupLow: lowBackup}
	if totp := c.user.TOTP; totp != nil {
		page.On, page.Since, page.Added, page.Used = true, c.user.EnabledAt, totp.AddedAt, totp.UsedAt
		sessions, err := c.sessions()
		if err != nil {
			c.broken("listing sessions failed", err)
			return
		}
		page.Sessions, page.Recovered = sessions, c.recovered()
	}
	if set := c.user.Backup; set != nil {
		page.BackupLeft, page.BackupTotal, page.BackupUsed = len(set.Hashes), set.Total, set.UsedAt
	}
	if !c.v.Owes {
		page.Activity = c.activity() // an attacker with the password must not see it
	}
	c.show(http.StatusOK, page)
}

func (c *call) sessions() ([]templates.Session, error) {
	visits, err := c.Store.Visits(c.r.Context(), c.key())
	if err != nil {
		return nil, err
	}
	var out []templates.Session
	for _, v := range visits[:min(len(visits), maxSessions)] {
		s := templates.Session{ID: hex.EncodeToString(v.ID[:]), Address: v.Address, Factor: v.Factor,
			Since: v.At, Seen: v.LastSeen, This: c.this(v.ID)}
		s.Browser, s.System = agent.Device(v.Agent)
		out = append(out, s)
	}
	return out, nil
}

func (c *call) this(id store.VisitID) bool { return c.v.Clearance != nil && c.v.Clearance.ID == id }

// endSessions answers the buttons of the list of sessions.
func (c *call) endSessions() {
	if c.form.Get("action") == "end-others" {
		c.endOthers()
		return
	}
	c.endSession()
}

// endOthers ends all sessions of the user except this one. It requires no code, because it
// gives no access to anything.
func (c *call) endOthers() {
	if !c.user.Activated() {
		c.deny(guard.Unreadable) // the page has the button only for users with a second factor
		return
	}
	rotation := c.v.Visit.Rotate()
	a := factor.Attempt{User: c.v.User, Address: c.v.Address, Agent: c.v.Agent}
	ended, err := c.Factors.EndOthers(c.r.Context(), a, rotation.Visit(), func(tx store.Tx) error { return rotation.Move(tx, true) })
	switch {
	case errors.Is(err, store.ErrSpent), errors.Is(err, store.ErrNotFound):
		c.flash("flash.changed") // this session moved or ended meanwhile
	case err != nil:
		c.broken("ending sessions failed", err)
		return
	default:
		c.Logger.Info("all other sessions ended by their user", c.who()...)
		rotation.Commit(c.w)
		c.v.Visit.EndOthers(ended)
		c.v.Visit.Changed()
		c.flash("flash.others_ended")
	}
	c.to("/")
}

// endSession ends one session of the user, which may be this one.
func (c *call) endSession() {
	var id store.VisitID
	raw, err := hex.DecodeString(c.form.Get("visit"))
	if c.form.Get("action") != "end" || err != nil || copy(id[:], raw) != len(id) || len(raw) != len(id) {
		c.deny(guard.Unreadable)
		return
	}
	if c.this(id) {
		c.signOut()
		return
	}
	err = c.Store.Update(c.r.Context(), c.key(), func(tx store.Tx) error { return c.endOther(tx, id) })
	switch {
	case errors.Is(err, errNotTheirs):
		c.flash("flash.session_gone")
	case err != nil:
		c.broken("ending a session failed", err)
		return
	default:
		c.v.Visit.EndOthers([]store.VisitID{id})
		c.Logger.Info("session ended by its user", c.who()...)
		c.flash("flash.session_ended")
	}
	c.to("/")
}

func (c *call) endOther(tx store.Tx, id store.VisitID) error {
	v, err := tx.Visit(id)
	if errors.Is(err, store.ErrNotFound) || err == nil && v.User != c.v.User {
		return errNotTheirs
	}
	if err != nil {
		return err
	}
	e := store.Event{
		At: c.Clock().UTC(), Kind: store.EventSessionEnded, Realm: c.Realm, User: c.v.User,
		Address: c.v.Address, Agent: c.v.Agent, Detail: map[string]string{"session_ip": v.Address},
	}
	if err := tx.Record(e); err != nil {
		return err
	}
	return session.End(tx, c.Realm, id, e.At)
}

func (c *call) showDisable() {
	if c.mayDisable() {
		c.show(http.StatusOK, disable(c.eitherCode()))
	}
}

func disable(field templates.Code) templates.Page { return templates.Disable{Code: field} }

// mayDisable reports whether the user has a second factor and the operator lets users turn
// it off. If it returns false, it has sent the response.
func (c *call) mayDisable() bool {
	switch {
	case !c.user.Activated():
		c.to("/")
		return false
	case c.Required:
		c.show(http.StatusForbidden, templates.Notice{
			Title: templates.Say("problem.required_title"), Body: templates.Say("problem.required", "Portal", c.portal()),
			Problem: true, Link: c.Path + "/", LinkText: templates.Say("problem.settings"),
		})
		return false
	}
	return true
}

// answerDisable removes the user's factors if the user enters a fresh code, and ends all
// sessions but this one.
func (c *call) answerDisable() {
	if !c.mayDisable() {
		return
	}
	a := c.attempt()
	rotation := c.v.Visit.Rotate()
	ended, err := c.Factors.Disable(c.r.Context(), a, func(tx store.Tx) error { return rotation.Move(tx, false) })
	if err != nil {
		c.refuse(err, a, c.eitherCode(), disable)
		return
	}
	c.Logger.Info("two-factor authentication turned off", c.who()...)
	rotation.Commit(c.w)
	c.v.Visit.EndOthers(ended)
	c.v.Visit.Changed()
	setupField.Drop(c.browser())
	codesField.Drop(c.browser())
	c.flash("flash.disabled")
	c.to("/")
}
