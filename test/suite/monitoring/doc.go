// Package monitoring tests what an operator's monitoring sees: the metrics as they are scraped
// over HTTP, health, and the clock's comparison with a real NTP server. It also checks that the
// dashboard and the alert rules name existing metrics. The tests with an NTP server need chronyd
// and faketime.
package monitoring
