package caddyplugin

import "github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

// parseMail reads a block of the global option:
//
//	mail {
//		smtp     HOST:PORT
//		tls      starttls|tls|none
//		user     NAME
//		password {file.PATH}
//		from     "NAME <ADDRESS>"
//		ca       FILE
//	}
//
// The password is {file.PATH} or {env.NAME} and stays as it is written.
func (a *App) parseMail(d *caddyfile.Dispenser) error {
	if a.Mail != nil {
		return d.Errf("mail is given again; want it once")
	}
	if d.NextArg() {
		return d.Errf("mail takes no argument; %q belongs into its block", d.Val())
	}
	m := &Mail{}
	fields := m.fields()
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		name := d.Val()
		field, known := fields[name]
		if !known {
			return d.Errf("unknown option %q of mail; known here: ca, from, password, smtp, tls, user", name)
		}
		if *field != "" {
			return d.Errf("mail: %s is given again; want it once", name)
		}
		if !d.AllArgs(field) || *field == "" {
			return d.Errf("mail: %s takes one value; want for example: %s", name, examples[name])
		}
		if err := checks[name](*field); err != nil {
			return d.Errf("mail: %s: %v", name, err)
		}
	}
	if err := m.check(); err != nil {
		return d.Errf("mail: %v", err)
	}
	a.Mail = m
	return nil
}

var examples = map[string]string{
	"smtp": "smtp mail.example.com:587", "tls": "tls starttls", "user": "user portal", "password": "password {file./etc/secondgate/smtp}",
	"from": `from "Example <noreply@example.com>"`, "ca": "ca /etc/secondgate/mail-ca.pem",
}
