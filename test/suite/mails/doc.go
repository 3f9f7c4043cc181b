// Package mails tests notices and codes by e-mail through a whole gateway and a real
// mail server.
package mails
