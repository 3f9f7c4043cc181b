package caddyplugin

import (
	"fmt"
	"strconv"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/secondgate/secondgate/config"
)

// parseAudit reads the option audit:
//
//	audit {
//		keep DURATION
//	}
func (a *App) parseAudit(d *caddyfile.Dispenser) error {
	if a.Audit != nil {
		return d.Errf("audit is given again; want it once")
	}
	a.Audit = new(Audit)
	if d.NextArg() {
		return d.Errf("audit takes no argument; %q belongs into a block, as keep 400d", d.Val())
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if option := d.Val(); option != "keep" {
			return d.Errf("unknown option %q of audit; known here: keep", option)
		}
		if a.Audit.Keep != 0 {
			return d.Errf("keep is given again; want it once")
		}
		var text string
		if !d.AllArgs(&text) {
			return d.Errf("wrong arguments near %q; want for example keep 400d", d.Val())
		}
		keep, err := config.ParseDuration(text)
		if err != nil {
			return d.Errf("keep: %v", err)
		}
		if keep == 0 {
			return d.Errf("keep 0: want from 1d to 3650d, for example keep 400d")
		}
		a.Audit.Keep = keep
	}
	if a.Audit.Keep == 0 {
		return d.Errf("audit says nothing; want for example keep 400d in its block")
	}
	if err := a.Audit.validate(); err != nil {
		return d.WrapErr(err)
	}
	return nil
}

// parseRetired reads the option retired_realms NAME...
func (a *App) parseRetired(d *caddyfile.Dispenser) error {
	if a.RetiredRealms != nil {
		return d.Errf("retired_realms is given again; want it once (a list takes all its values on one line)")
	}
	if a.RetiredRealms = d.RemainingArgs(); len(a.RetiredRealms) == 0 {
		return d.Errf("retired_realms names no realm; want for example: retired_realms shop")
	}
	a.RetiredSource = d.File() + ":" + strconv.Itoa(d.Line())
	return nil
}

// parseSameIDs reads the option same_ids WORD...
func (a *App) parseSameIDs(d *caddyfile.Dispenser) error {
	if a.SameIDs != nil {
		return d.Errf("same_ids is given again; want it once (a list takes all its values on one line)")
	}
	if a.SameIDs = d.RemainingArgs(); len(a.SameIDs) == 0 {
		return d.Errf("same_ids has no value; want the one that the refusal names, at line %s", strconv.Itoa(d.Line()))
	}
	return nil
}

// parseAdminAPI reads `admin_api tcp|socket`.
func (a *App) parseAdminAPI(d *caddyfile.Dispenser) error {
	if a.AdminAPI != "" {
		return d.Errf("admin_api is given again; want it once")
	}
	if !d.AllArgs(&a.AdminAPI) || checkAdminAPI(a.AdminAPI) != nil {
		return d.Errf("wrong arguments near %q; want: admin_api tcp, or admin_api socket (the default)", d.Val())
	}
	return nil
}

func checkAdminAPI(value string) error {
	if value == "" || value == adminOnSocket || value == adminOverTCP {
		return nil
	}
	return fmt.Errorf("admin_api %q: want socket or tcp", value)
}
