//go:build !unix

package cli

// ownedByUs is an error if a directory belongs to another user; that is not known here.
func ownedByUs(string) error { return nil }
