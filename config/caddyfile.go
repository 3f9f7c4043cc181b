package config

import "github.com/secondgate/secondgate/internal/directive"

// Notes are comments for [Site.Caddyfile], by the path of the setting that they stand above.
type Notes = directive.Notes

// Caddyfile writes the settings as a two_factor directive, for a site of a
// Caddyfile: indented by one tab, behind the named matchers that it needs, with
// the notes as comments. It is the inverse of the reader in caddyplugin/caddyfile: reading
// it gives these settings again, with the realm "default" where none is named.
//
// It writes what is set, nothing of a preset or a default. The settings are ones that
// Resolved accepts. Few of those cannot be said in a Caddyfile, and are errors: text in
// which Caddy would put something else in place of {$NAME} or a shorthand such as
// {host}, and matchers that Secondgate does not know how to write.
func (s Site) Caddyfile(notes Notes) (string, error) {
	return directive.Write("two_factor", SiteRows, &s, notes)
}
