// Package operations tests what the pages in docs/ promise to operators. The name of a file says
// which part it is about:
//
//   - audit: which events the audit log records and Caddy's log gets, what the admin API and the
//     commands show of them, and that the log can be verified.
//   - desk: two_factor_admin from outside, with browsers of staff and customers. No customer
//     becomes staff.
//   - mails: notices and codes by email through a real mail server, once each; wrong settings
//     lose none.
//   - metrics: metrics as they are scraped, health, and the comparison with a real NTP server. The
//     dashboard and the alert rules name existing metrics.
//   - observe: `mode observe` changes no byte between portal and browser, and the report lists what
//     enforcing would change.
//   - the others: the commands and the unit in docs/operations.md with the real program and
//     systemd's tools.
package operations
