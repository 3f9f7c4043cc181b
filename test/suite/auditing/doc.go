// Package auditing tests the audit log of the whole server: which events are recorded, which of
// them Caddy's log and its remote outputs get, what the admin API and the commands show, and that
// the log can be verified. Some tests need python3 and fail2ban.
package auditing
