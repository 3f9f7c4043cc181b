// Package proxies runs the recipes of docs/proxies.md with real nginx and HAProxy in front of the
// gateway. It shows that the documented configurations work as written. It needs nginx and
// haproxy.
package proxies
