package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/caddyserver/caddy/v2"
)

// serviceSocket is the socket of the admin endpoint in the shipped systemd unit.
const serviceSocket = "/run/secondgate/admin.sock"

var errAdminOff = errors.New("the configuration says `admin off`, so no command reaches the server: give it a socket (`admin unix//run/secondgate/admin.sock|0600`)")

// adminAddress returns the address of the running server's admin endpoint: address if it is
// given, else the one in the configuration file, else the default one.
//
// Caddy's DetermineAdminAPIAddress does the same, but logs two lines about the file that it
// reads. They would be printed before the command's output.
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

// UseServiceSocket makes Caddy's own commands, such as reload, use the same default address
// of the admin endpoint as the commands of this package.
func UseServiceSocket() { caddy.DefaultAdminListen = defaultAdmin(serviceSocket) }

// defaultAdmin returns the address of the service's socket if that exists and CADDY_ADMIN is
// not set, else Caddy's default address.
func defaultAdmin(socket string) string {
	if os.Getenv("CADDY_ADMIN") != "" {
		return caddy.DefaultAdminListen
	}
	info, err := os.Stat(socket)
	// Without permission for the directory the service exists, and this process runs as
	// another user. The socket is the right address then, too.
	if err == nil && info.Mode().Type() == os.ModeSocket || errors.Is(err, fs.ErrPermission) {
		return "unix/" + socket
	}
	return caddy.DefaultAdminListen
}
