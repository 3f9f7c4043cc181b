// Package monitoring checks what whoever watches a server sees: the metrics as they are
// scraped over HTTP, health, the clock's comparison with a real NTP server, and that
// dashboard and alert rules speak of metrics that exist.
package monitoring
