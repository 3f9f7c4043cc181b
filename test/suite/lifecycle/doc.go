// Package lifecycle tests what outlives a request: reloads that work and reloads that fail, master
// keys, several sites over one store, and servers that are killed. It shows that a result that a
// customer was told stays true after each of them.
//
// It needs free loopback ports; the tests of full and failing disks need Linux and root.
package lifecycle
