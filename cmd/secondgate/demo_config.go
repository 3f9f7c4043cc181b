package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/secondgate/secondgate"
)

// config returns Caddyfile.example and the support desk's site as JSON, with the demo's
// addresses, and with all files in its directory. The admin endpoint is off, so that another
// Caddy on this machine can keep its own.
func (d demo) config() ([]byte, error) {
	text := strings.Replace(secondgate.Example, gatewayAddress, d.gateway, 1)
	text = strings.Replace(text, portalAddress, d.portal, -1)
	desk, err := d.deskSite()
	if err != nil {
		return nil, err
	}
	text += desk
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": "Caddyfile.example"})
	if err != nil {
		return nil, fmt.Errorf("adapting Caddyfile.example: %w", err)
	}
	var config map[string]any
	if err := json.Unmarshal(adapted, &config); err != nil {
		return nil, fmt.Errorf("reading the adapted Caddyfile.example: %w", err)
	}
	config["admin"] = map[string]any{"disabled": true, "config": map[string]any{"persist": false}}
	config["storage"] = map[string]any{"module": "file_system", "root": filepath.Join(d.dir, "caddy")}
	config["logging"] = map[string]any{"logs": map[string]any{"default": map[string]any{
		"level": "WARN", "writer": map[string]any{"output": demoLogName},
	}}}
	apps := config["apps"].(map[string]any)
	apps["two_factor"] = map[string]any{
		"storage": map[string]any{"engine": "badger", "directory": filepath.Join(d.dir, "two_factor")},
	}
	return json.Marshal(config)
}
