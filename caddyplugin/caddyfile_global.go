package caddyplugin

import (
	"encoding/json"
	"fmt"

	caddytokens "github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/secondgate/secondgate/caddyplugin/caddyfile"
	"github.com/secondgate/secondgate/caddyplugin/secret"
	"github.com/secondgate/secondgate/caddyplugin/storage"
	d "github.com/secondgate/secondgate/internal/directive"
	"github.com/secondgate/secondgate/internal/timesource"
)

// globalRows are the subdirectives of the global option two_factor; its settings apply to all
// sites.
var globalRows = d.Rows{
	storage.Row,
	{Field: "Key", Usage: "key VALUE", Want: "key {file./path/to/key} or key {env.NAME}", Secret: true, Otherwise: "a file beside the store", Check: d.Valid(secret.CheckKey),
		Doc: "The master keys, newest first."},
	{Field: "NTP", Usage: "ntp HOST[:PORT]", Want: "ntp HOST or ntp HOST:PORT", Otherwise: "none", Check: d.Valid(checkNTP),
		Doc: "A time source that the server's clock is compared with."},
	{Field: "AdminAPI", Usage: "admin_api socket|tcp", Want: "admin_api tcp, or admin_api socket (the default)", Otherwise: "`socket`",
		Doc: "Whether the admin API changes users and exports secrets over a Unix socket only, or over TCP as well."},
	{Field: "RetiredRealms", Usage: "retired_realms NAME...", Want: "retired_realms NAME..., for example retired_realms shop", Otherwise: "none",
		Doc: "Realms of the store that no site has any more."},
	{Field: "SameIDs", Usage: "same_ids WORD...", Otherwise: "none", Want: "same_ids WORD..., with the words that the error names",
		Doc: "Confirms that users keep their ids although a realm's ids come from another source than before."},
	{Field: "Mail", Usage: "mail", Want: "mail { … } with smtp HOST:PORT and from ADDRESS in the block", Otherwise: "none are sent", Block: mailRows, Check: d.Valid(Mail.validate),
		Doc: "The mail server for notices and codes."},
	{Field: "Audit", Usage: "audit", Want: "audit { … }, for example with keep 400d in the block", Block: auditRows,
		Doc: "The audit log."},
}

var mailRows = d.Rows{
	{Field: "SMTP", Usage: "smtp HOST:PORT", Check: d.Valid(checkSMTP),
		Doc: "The mail server. Required."},
	{Field: "TLS", Usage: "tls starttls|tls|none", Default: "starttls",
		Doc: "How the connection to the mail server is encrypted."},
	{Field: "User", Usage: "user NAME", Otherwise: "none", Check: d.Unless(oneLine, "%q holds a line end; want the name that the mail server knows"),
		Doc: "User name at the mail server."},
	{Field: "Password", Usage: "password {file.PATH}", Secret: true, Otherwise: "none", Check: d.Valid(checkPassword),
		Doc: "The place of the password: `{file.PATH}` or `{env.NAME}`."},
	{Field: "From", Usage: `from "NAME <ADDRESS>"`, Check: d.Valid(checkFrom),
		Doc: "Sender of all mails. Required."},
	{Field: "CA", Usage: "ca FILE", Otherwise: "the system's roots",
		Doc: "Root certificates for the mail server's certificate, in PEM."},
}

var auditRows = d.Rows{
	{Field: "Keep", Usage: "keep DURATION", Default: "400d", Least: "1d", Most: "3650d",
		Doc: "How long security events are kept."},
}

// parseGlobal parses the global option two_factor into the JSON of the app. prev is not nil
// if the Caddyfile has the option twice.
func parseGlobal(tokens *caddytokens.Dispenser, prev any) (any, error) {
	var app App
	r := caddyfile.OfGlobal(tokens, "two_factor")
	if prev != nil {
		r.Next()
		return nil, r.Errf("the global option two_factor is given again; want one for all sites")
	}
	r.Custom = map[string]func() error{"storage": func() (err error) {
		app.StorageRaw, err = storage.Parse(tokens)
		return err
	}}
	if err := r.Read(globalRows, &app); err != nil {
		return nil, err
	}
	err := globalRows.Check(&app)
	if err == nil && app.Audit != nil && *app.Audit == (Audit{}) {
		err = &d.Error{Where: "audit", Problem: "it is empty; want for example keep 400d in its block"}
	}
	if err != nil {
		return nil, r.Locate(err)
	}
	app.RetiredSource = r.Given("retired_realms")
	raw, err := json.Marshal(app)
	if err != nil {
		return nil, r.WrapErr(err)
	}
	return httpcaddyfile.App{Name: "two_factor", Value: raw}, nil
}

func checkNTP(source string) error {
	if _, err := timesource.Address(source); err != nil {
		return fmt.Errorf("%q: %w", source, err)
	}
	return nil
}
