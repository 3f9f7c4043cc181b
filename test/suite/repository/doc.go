// Package repository tests the repository as a whole: which package may import which, and that
// the documentation names tests, log messages and files that exist.
package repository
