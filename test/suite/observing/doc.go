// Package observing tests `mode observe`. It shows that portal and browser exchange the same bytes
// as without a gateway, that the report lists what enforcing would change, and that both ways of
// switching work.
package observing
