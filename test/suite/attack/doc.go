// Package attack holds attacks on the whole of Secondgate that went through once, each
// as a test of the root at which it was stopped.
package attack
