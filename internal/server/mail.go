package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/mail"
	"github.com/secondgate/secondgate/internal/notice"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/userpages/agent"
	"github.com/secondgate/secondgate/templates"
)

// write renders a mail, with the brand and in the languages of its realm's site. The mail queue
// calls it (mail.Setup.Write).
func (s *Server) write(ctx context.Context, m store.Mail) (mail.Letter, error) {
	out := mail.Letter{ID: m.ID, To: m.To, Date: m.At, Language: m.Language}
	r := s.realms[m.Realm]
	if r == nil {
		return out, fmt.Errorf("no site has the realm %q any more", m.Realm)
	}
	l := templates.Letter{Kind: m.Kind, Portal: s.portalName(r), At: m.At, Address: m.Address, Support: r.pages.Support}
	l.Browser, l.System = agent.Device(m.Agent)
	u, err := s.engine.store.User(ctx, m.Key())
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return out, err
	}
	l.Account = cmp.Or(u.Name, m.User)
	if m.Kind == store.MailEnrolCode {
		if l.Code, err = r.Factors.MailedCode(m); err != nil {
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

// portalName returns the name of the portal for mails. It never comes from a request, because
// anonymous visitors can choose the Host header.
func (s *Server) portalName(r *Realm) string {
	from := s.mailing.Server.From
	return cmp.Or(r.pages.Brand.Name, r.pages.Issuer, from.Name, from.Address[strings.LastIndexByte(from.Address, '@')+1:])
}

// setup returns the mail server and the renderer for the mail queue; nil without a mail server.
func (e *Engine) setup() *mail.Setup {
	if s := e.current(); s != nil {
		return s.mailing
	}
	return nil
}

// mails returns the mails that notify users of events; none without a mail server. The audit
// log calls it for each batch of events.
func (e *Engine) mails(ctx context.Context, events []store.Event) ([]store.Mail, error) {
	s := e.current()
	if s == nil {
		return nil, ErrNoSite // the events stay pending
	}
	if s.mailing == nil {
		return nil, nil
	}
	return notice.Mails(events, func(key store.UserKey) (store.User, error) { return e.store.User(ctx, key) })
}
