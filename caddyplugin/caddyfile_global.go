package caddyplugin

import (
	"encoding/json"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/secondgate/secondgate/caddyplugin/secret"
	"github.com/secondgate/secondgate/internal/timesource"
)

// parseGlobal reads the global option, which all sites share:
//
//	two_factor {
//		storage badger [DIR]
//		key     VALUE
//		audit   { … }    see parseAudit
//		mail    { … }    see parseMail
//		ntp     HOST[:PORT]
//		admin_api tcp|socket
//		retired_realms NAME...
//		same_ids WORD...
//	}
//
// VALUE is {file.PATH} or {env.NAME}, newest key first; it stays as it is written.
func parseGlobal(d *caddyfile.Dispenser, prev any) (any, error) {
	d.Next()
	if prev != nil {
		return nil, d.Errf("the global option two_factor is given again; want one for all sites")
	}
	if d.NextArg() {
		return nil, d.Errf("the global option two_factor takes no argument; %q belongs into a block", d.Val())
	}
	var app App
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if err := app.parseOption(d); err != nil {
			return nil, err
		}
	}
	raw, err := json.Marshal(app)
	if err != nil {
		return nil, d.WrapErr(err)
	}
	return httpcaddyfile.App{Name: "two_factor", Value: raw}, nil
}

func (a *App) parseOption(d *caddyfile.Dispenser) error {
	switch option := d.Val(); option {
	case "storage":
		if a.StorageRaw != nil {
			return d.Errf("storage is given again; want it once")
		}
		return a.parseStorage(d)
	case "key":
		if a.Key != "" {
			return d.Errf("key is given again; want it once, the file may hold several keys")
		}
		// What stands there may be a key: no error shows it.
		if !d.AllArgs(&a.Key) || a.Key == "" {
			return d.Errf("key wants one value: key {file./path/to/key} or key {env.NAME}")
		}
		if err := secret.Check(a.Key, secret.KeyExample); err != nil {
			return d.Errf("key: %v", err)
		}
		return nil
	case "ntp":
		return a.parseNTP(d)
	case "admin_api":
		return a.parseAdminAPI(d)
	case "retired_realms":
		return a.parseRetired(d)
	case "same_ids":
		return a.parseSameIDs(d)
	case "audit":
		return a.parseAudit(d)
	case "mail":
		return a.parseMail(d)
	default:
		return d.Errf("unknown option %q of two_factor; known here: admin_api, audit, key, mail, ntp, retired_realms, same_ids, storage", option)
	}
}

// parseStorage lets the engine read its own arguments.
func (a *App) parseStorage(d *caddyfile.Dispenser) error {
	if !d.NextArg() {
		return d.Errf("storage names no engine; want: storage badger [DIR]")
	}
	engine := d.Val()
	id := "two_factor.storage." + engine
	if _, err := caddy.GetModule(id); err != nil {
		return d.Errf("%q is not a storage engine of this build; want: storage badger [DIR]", engine)
	}
	unmarshaled, err := caddyfile.UnmarshalModule(d, id)
	if err != nil {
		return err
	}
	a.StorageRaw = caddyconfig.JSONModuleObject(unmarshaled, "engine", engine, nil)
	return nil
}

// parseNTP reads the source that the clock is compared with.
func (a *App) parseNTP(d *caddyfile.Dispenser) error {
	if a.NTP != "" {
		return d.Errf("ntp is given again; want one source")
	}
	if !d.AllArgs(&a.NTP) || a.NTP == "" {
		return d.Errf("wrong arguments near %q; want: ntp HOST or ntp HOST:PORT", d.Val())
	}
	if _, err := timesource.Address(a.NTP); err != nil {
		return d.Errf("ntp %q: %v", a.NTP, err)
	}
	return nil
}
