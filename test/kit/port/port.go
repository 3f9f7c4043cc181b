// Package port finds free TCP ports for servers that tests start.
package port

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// The ports lie below those that Linux gives to clients and to listeners at port 0 (32768 and up):
// another process takes such a port between the search and the start of the server.
const first, last = 12000, 32000

// Free returns the address of a port on 127.0.0.1 at which no program listens. It is drawn at random,
// so that packages which are tested in parallel don't meet.
func Free() (address string, err error) {
	for range 100 {
		address = net.JoinHostPort("127.0.0.1", strconv.Itoa(first+rand.IntN(last-first)))
		l, failed := net.Listen("tcp", address)
		if err = failed; err == nil {
			return address, l.Close()
		}
	}
	return "", errors.Join(errors.New("no free port was found"), err)
}

// Number returns the number of a port that Free finds, and fails the test if there is none.
func Number(t testing.TB) string {
	t.Helper()
	address, err := Free()
	if err != nil {
		t.Fatal(err)
	}
	_, number, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return number
}
