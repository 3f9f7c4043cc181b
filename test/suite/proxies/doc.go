// Package proxies runs the recipes of docs/proxies.md: real nginx and HAProxy in front of
// the gateway, as the page has them.
package proxies
