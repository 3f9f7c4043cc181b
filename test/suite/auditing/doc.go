// Package auditing holds the tests of the audit log over the whole server: what is
// recorded, what is told to Caddy's log and what that sends elsewhere, what the admin
// API and the commands show, and that it can be verified.
package auditing
