package caddyplugin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/mail"
	"github.com/secondgate/secondgate/internal/notice"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/userpages/agent"
	"github.com/secondgate/secondgate/templates"
)

// prepareMail makes of the settings what mails are sent with.
func (a *App) prepareMail() error {
	if a.Mail == nil {
		return nil
	}
	server, err := a.Mail.server()
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	a.warnReadable(fileOf(a.Mail.Password))
	a.mailing = &mail.Setup{Server: server, Write: a.write, Log: a.log.Named("mail")}
	return nil
}

// write puts a mail into words, with the brand and in the languages of its realm's site.
func (a *App) write(ctx context.Context, m store.Mail) (mail.Letter, error) {
	out := mail.Letter{ID: m.ID, To: m.To, Date: m.At, Language: m.Language}
	r := a.realms[m.Realm]
	if r == nil {
		return out, fmt.Errorf("no site has the realm %q any more", m.Realm)
	}
	l := templates.Letter{Kind: m.Kind, Portal: a.portalName(r), At: m.At, Address: m.Address, Support: r.pages.Support}
	l.Browser, l.System = agent.Device(m.Agent)
	u, err := a.engine.store.User(ctx, m.Key())
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return out, err
	}
	l.Account = cmp.Or(u.Name, m.User)
	if m.Kind == store.MailEnrolCode {
		if l.Code, err = r.factors.MailedCode(m); err != nil {
			return out, fmt.Errorf("%w: its code does not open", mail.ErrUnwritable)
		}
		l.Minutes = int(factor.MailCodeLife / time.Minute)
	}
	if !templates.HasLetter(m.Kind) {
		return out, fmt.Errorf("%w: there are no words for it", mail.ErrUnwritable)
	}
	words, err := r.pages.Letter(m.Language, l)
	out.Subject, out.Text, out.HTML = words.Subject, words.Text, words.HTML
	return out, err
}

// portalName is how mails call the portal. It never comes from a request: a stranger
// could choose the Host.
func (a *App) portalName(r *realm) string {
	from := a.mailing.Server.From
	return cmp.Or(r.pages.Brand.Name, r.pages.Issuer, from.Name, from.Address[strings.LastIndexByte(from.Address, '@')+1:])
}

// setup is what the queue sends with; nil while nobody configures a mail server.
func (e *engine) setup() *mail.Setup {
	if a := e.current(); a != nil {
		return a.mailing
	}
	return nil
}

// mails makes the mails that tell of events. Without a mail server none wait for one.
func (e *engine) mails(ctx context.Context, events []store.Event) ([]store.Mail, error) {
	a := e.current()
	if a == nil {
		return nil, errNoApp // the events stay pending
	}
	if a.mailing == nil {
		return nil, nil
	}
	return notice.Mails(events, func(key store.UserKey) (store.User, error) { return e.store.User(ctx, key) })
}

// enrolMail reports whether first set-ups wait for a code by e-mail.
func (b *builder) enrolMail() (bool, error) {
	mailing := b.app.mailing != nil
	switch {
	case b.site.EnrolMail == "off":
		return false, nil
	case b.site.EnrolMail == "on" && !mailing:
		return false, errors.New("enrol_mail on: no mail server is configured; want the global option two_factor { mail { … } }, or enrol_mail off")
	case mailing && !b.site.HasEmail() && b.site.User == "":
		b.log.Warn("settings", zap.String("warning", "mail is configured, but whoami has no email: nobody of this site gets notices, and a password thief can set up a second factor first"))
	}
	return mailing && b.site.HasEmail(), nil
}
