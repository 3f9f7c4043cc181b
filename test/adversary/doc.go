// Package adversary tests the gateway with generated attacks. It has no code outside
// of its tests.
//
// Each test case is a world and a program, both drawn from a seed by rapid. The world
// fixes how a portal handles sessions and how the gateway in front of it is set up. The
// program is a list of actions of an attacker, who knows the victim's password and has
// own accounts, mixed with the steps of the honest owner of the victim's account.
//
// The run is exact: requests stop at named points of the portal's handler, the program
// says when each request continues, and testing/synctest runs all of it in virtual time.
// After the run the oracle checks that no byte rendered for the victim reached the
// attacker, that no form was executed as the victim for the attacker, that the owner was
// never locked out, and that no code was accepted twice.
//
// README.md explains how to run it, how to repeat a seed and how to add a regression.
package adversary
