package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

func (w *writer) portal(s Site) {
	if len(s.Without) == 0 {
		w.text("portal", s.Portal)
		return
	}
	w.comment("portal")
	w.block("portal", []string{s.Portal}, func() {
		for _, name := range slices.Sorted(maps.Keys(s.Without)) {
			w.line("without."+name, "without", append([]string{name}, s.Without[name]...)...)
		}
	})
}

func (w *writer) signIn(s Site) {
	for i, in := range s.SignIn {
		path := "sign_in." + strconv.Itoa(i)
		w.comment(path)
		if in.Page == "" && in.Username == "" && in.Password == "" && in.Token == nil && len(in.Failed) == 0 {
			w.head("sign_in", in.Paths)
			w.out.WriteByte('\n')
			continue
		}
		w.block("sign_in", in.Paths, func() {
			w.text(path+".page", in.Page)
			w.text(path+".username", in.Username)
			w.text(path+".password", in.Password)
			if in.Token != nil {
				w.line(path+".token", "token", "json", in.Token.JSON)
			}
			for j, sign := range in.Failed {
				w.line(path+".failed."+strconv.Itoa(j), "failed", sign.args(w, "failed")...)
			}
		})
	}
	w.list("sign_out", s.SignOut)
	if s.Rotates != nil && *s.Rotates {
		w.line("rotates", "rotates")
	}
	w.text("watch", s.Watch)
}

func (w *writer) credentials(list []Credential) {
	for i, c := range list {
		path := "credential." + strconv.Itoa(i)
		if c.Header != "" {
			w.line(path, "credential", "header", c.Header)
			continue
		}
		w.line(path, "credential", "query", c.Query)
	}
}

func (w *writer) exceptions(s Site) {
	w.matcherList("public", s.Public)
	w.matcherList("deny", s.Deny)
	w.matcherList("guest", s.Guest)
	w.matcherList("trust", s.Trust)
}

func (w *writer) limits(s Site) {
	w.text("require", s.Require)
	w.text("enrol_mail", s.EnrolMail)
	if s.Session != nil {
		w.session(*s.Session)
	}
	if s.Recheck != nil {
		w.text("recheck", s.Recheck.String())
	}
	if s.Settle != nil {
		w.text("settle", s.Settle.String())
	}
	if t := s.TOTP; t != nil {
		w.comment("totp")
		w.block("totp", nil, func() {
			w.number("totp.digits", t.Digits)
			w.duration("totp.period", t.Period)
			w.text("totp.algorithm", t.Algorithm)
			w.optional("totp.skew", t.Skew)
		})
	}
	w.number("backup_codes", s.BackupCodes)
	if s.Throttle != nil {
		w.throttle(*s.Throttle)
	}
}

// session says the default of a life that JSON left out, because idle stands behind it.
func (w *writer) session(s Session) {
	setDefault(&s.Life, hours(12))
	args := []string{s.Life.String()}
	if s.Idle != 0 {
		args = append(args, "idle", s.Idle.String())
	}
	w.line("session", "session", args...)
}

func (w *writer) throttle(t Throttle) {
	w.comment("throttle")
	w.block("throttle", nil, func() {
		w.optional("throttle.free", t.Free)
		w.duration("throttle.wait", t.Wait)
		w.duration("throttle.max", t.Max)
		w.number("throttle.stop", t.Stop)
		if t.Address != nil {
			w.text("throttle.address", fmt.Sprintf("%d/%s", t.Address.Count, t.Address.Per))
		}
	})
}

func (w *writer) insertions(s Site) {
	if s.Assist {
		w.line("assist", "assist")
	}
	for i, l := range s.Link {
		args := []string{l.Selector, l.Text}
		if l.Position != "" {
			args = []string{l.Selector, l.Position, l.Text}
		}
		w.line("link."+strconv.Itoa(i), "link", args...)
	}
}

func (w *writer) looks(s Site) {
	if b := s.Brand; b != nil {
		w.comment("brand")
		w.block("brand", nil, func() {
			w.text("brand.name", b.Name)
			w.text("brand.logo", b.Logo)
			w.text("brand.accent", strings.TrimPrefix(b.Accent, "#"))
			w.text("brand.css", b.CSS)
		})
	}
	w.text("support", s.Support)
}
