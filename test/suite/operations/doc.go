// Package operations tests the instructions in docs/operations.md with the real program and the
// real tools. It shows that each command on the page has the documented result. It needs systemd's
// tools on Linux.
package operations
