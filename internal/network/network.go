// Package network says which client addresses are counted as one. Packages throttle, spool
// and visits use it for what they bound per address.
package network

import "net/netip"

// Network is what is counted as one address, in 16 bytes.
type Network [16]byte

// Of is what an address is counted as: itself for IPv4 (mapped into IPv6 or
// not), the /64 for IPv6, as one customer has at least that much. What is no
// address, as a Unix socket's name, is counted as "::".
func Of(addr string) Network {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return Network{}
	}
	n := Network(ip.As16()) // without the zone; IPv4 as ::ffff:0:0/96
	if ip = ip.Unmap(); ip.Is6() {
		clear(n[8:])
	}
	return n
}
