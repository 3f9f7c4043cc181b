// Package attack holds attacks on the whole of Secondgate that succeeded against an earlier
// version. Each is a regression test of its cause. Tests of PHP's session handling need php.
package attack
