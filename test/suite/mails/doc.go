// Package mails tests notices and codes by email through a whole gateway and a real mail server.
// It shows which mails are sent, once each, and that wrong settings lose none. It needs exim4 and
// root.
package mails
