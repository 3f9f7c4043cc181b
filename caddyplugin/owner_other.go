//go:build !unix

package caddyplugin

func ownedByUs(string) error { return nil }
