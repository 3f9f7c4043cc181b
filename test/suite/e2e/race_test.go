//go:build race && browser && portals

package e2e

// The program is built with the race detector where the tests are.
func init() { buildFlags = append(buildFlags, "-race") }
