package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/caddyserver/caddy/v2"
)

// serviceSocket is where the shipped systemd unit has the server's admin endpoint.
const serviceSocket = "/run/secondgate/admin.sock"

var errAdminOff = errors.New("the configuration says `admin off`, so no command reaches the server: give it a socket (`admin unix//run/secondgate/admin.sock|0600`)")

// adminAddress is the address of the running server's admin endpoint: as given, as a
// configuration says, or the default one.
//
// Caddy's DetermineAdminAPIAddress does the same, but logs two lines about the file
// that it reads, which stand before a command's answer.
func adminAddress(address, file, adapter string) (string, error) {
	if address != "" {
		return address, nil
	}
	if file == "" {
		return defaultAdmin(serviceSocket), nil
	}
	config, err := readConfig(file, adapter)
	if err != nil {
		return "", err
	}
	admin := member(config, "admin")
	if off, _ := admin["disabled"].(bool); off {
		return "", errAdminOff
	}
	listen, _ := admin["listen"].(string)
	listen, err = caddy.NewReplacer().ReplaceOrErr(listen, true, true)
	if err != nil {
		return "", fmt.Errorf("the address of the admin endpoint in %s: %w", file, err)
	}
	return cmp.Or(listen, defaultAdmin(serviceSocket)), nil
}

// UseServiceSocket makes commands of Caddy that ask the running server find it where the
// commands of this package do.
func UseServiceSocket() { caddy.DefaultAdminListen = defaultAdmin(serviceSocket) }

// defaultAdmin is the socket of the service if it is there and CADDY_ADMIN names no
// other endpoint, else Caddy's default.
func defaultAdmin(socket string) string {
	if os.Getenv("CADDY_ADMIN") != "" {
		return caddy.DefaultAdminListen
	}
	info, err := os.Stat(socket)
	// Where it may not be looked for, the service is there, and this is another user.
	if err == nil && info.Mode().Type() == os.ModeSocket || errors.Is(err, fs.ErrPermission) {
		return "unix/" + socket
	}
	return caddy.DefaultAdminListen
}
