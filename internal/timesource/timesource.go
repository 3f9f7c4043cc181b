// Package timesource compares the server's clock with an NTP server's (RFC 5905), since
// codes of authenticator apps depend on the clock. caddyplugin calls [Compare] in the
// background.
//
// It never sets a clock. An answer that cannot be used is an error, never a reading.
package timesource

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"time"

	"github.com/beevik/ntp"
)

const (
	// samples is the number of queries in one comparison. The one with the shortest round
	// trip is used, because its offset has the smallest error.
	samples = 3
	// answerTime is the time-out of one answer.
	answerTime = 1500 * time.Millisecond
	// maxRoundTrip is the longest round trip that is accepted. Half of it bounds the error
	// of the offset, and must be far below the offset of which caddyplugin warns.
	maxRoundTrip = time.Second
	// defaultPort is NTP's.
	defaultPort = "123"
)

// Reading is one comparison.
type Reading struct {
	// Offset is how far the server's clock is ahead of the source's; negative: behind.
	Offset time.Duration
	// Error bounds the error of Offset: half the round trip.
	Error time.Duration
}

// errTooFar says that the round trip of an answer was too long.
var errTooFar = fmt.Errorf("its answers take longer than %v", maxRoundTrip)

// Compare asks the NTP server at HOST:PORT. It returns after a few seconds at most, or when
// ctx ends.
func Compare(ctx context.Context, address string) (best Reading, err error) {
	for n := range samples {
		r, err := ask(ctx, address)
		switch {
		case err != nil && n == 0: // a source that does not answer at once is not asked again
			return best, fmt.Errorf("comparing the clock with %s: %w", address, err)
		case err == nil && (n == 0 || r.Error < best.Error):
			best = r
		}
	}
	return best, nil
}

func ask(ctx context.Context, address string) (Reading, error) {
	if err := ctx.Err(); err != nil {
		return Reading{}, err
	}
	response, err := ntp.QueryWithOptions(address, ntp.QueryOptions{Timeout: answerTime, Dialer: dialer(ctx)})
	if err != nil {
		return Reading{}, err
	}
	if err := response.Validate(); err != nil {
		return Reading{}, err
	}
	if response.RTT > maxRoundTrip {
		return Reading{}, errTooFar
	}
	return Reading{Offset: -response.ClockOffset, Error: response.RTT / 2}, nil
}

// dialer returns a dial function that ends with ctx, also during the look-up of the name.
func dialer(ctx context.Context) func(local, remote string) (net.Conn, error) {
	return func(_, remote string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, answerTime)
		defer cancel()
		return new(net.Dialer).DialContext(ctx, "udp", remote)
	}
}

// Address returns HOST:PORT for a configured HOST or HOST:PORT, where HOST is a name, an
// IPv4 address or an IPv6 one (in brackets if a port follows).
func Address(text string) (string, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		host, port = text, defaultPort
		if n := len(text); n > 1 && text[0] == '[' && text[n-1] == ']' {
			host = text[1 : n-1]
		} else if net.ParseIP(text) == nil && !isName(text) {
			return "", errors.New("want HOST or HOST:PORT, as ntp.example.com or [2001:db8::1]:123")
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("port %q: want a number from 1 to 65535", port)
	}
	if net.ParseIP(host) == nil && !isName(host) {
		return "", fmt.Errorf("host %q: want a name or an IP address", host)
	}
	return net.JoinHostPort(host, port), nil
}

// isName reports whether host has the form of a host's name.
var isName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,253}$`).MatchString
