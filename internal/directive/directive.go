// Package directive reads, writes, fills in, checks and documents the settings of one
// Caddyfile block, from a table with one [Row] for each subdirective.
//
// A table is a variable next to the struct that it fills, such as config.SiteRows and
// config.Site. The Go types of the fields determine how arguments are read; types that take
// more than one word implement [Formed] or [Arguments]. The package does not import Caddy:
// caddyplugin/caddyfile passes the arguments of each line to it and adds file and line to its
// errors; package config writes directives with [Write].
//
// Fields are looked up by reflection. A row with the name of a missing field panics when its
// table is first used; the tests use all tables.
package directive

import (
	"encoding/json"
	"reflect"
	"strings"
)

// Rows are the subdirectives of one block, in the order in which they are written.
type Rows []Row

// Row is one subdirective.
type Row struct {
	// Field is the field of the block's struct that the subdirective sets.
	Field string
	// Usage is the syntax: the name, which is also the JSON name, and the arguments. If it is
	// a choice, such as "watch all|unsafe", other values are refused.
	Usage string
	// Want replaces Usage in errors, if these need more explanation.
	Want string
	// Doc says in a sentence what the subdirective does.
	Doc string

	// Default is the value that [Rows.Fill] sets, as it is written in a Caddyfile.
	Default string
	// Otherwise describes, in the documentation, the default if Default is empty.
	Otherwise string
	// Least and Most are the bounds of a number or a duration, as they are written. Zero tells
	// what 0 is for, if 0 is allowed in addition: "to ask with every request".
	Least, Most, Zero string
	// Check returns an error for an invalid value. For a list it is called with each element.
	// See [Valid].
	Check func(value any) error
	// Preset tells how the preset's value and the operator's are combined.
	Preset Preset

	// Block are the rows of the subdirective's own block. They set fields of the row's field if
	// that is a struct, and otherwise of the struct that has the field.
	Block Rows
	// Args names the field that takes the arguments before the block, in the struct of the
	// row's field.
	Args string
	// Word makes the subdirective's name the first word of the value, as for "trim" in a list of
	// words. Several rows may set the same field.
	Word bool
	// Secret keeps the arguments out of errors.
	Secret bool
}

// Preset tells how a preset's value and the operator's are combined.
type Preset string

// NotPreset rows are in no preset. For Replaced rows the operator's value replaces the
// preset's. For Added rows the two lists are joined. Whole rows say by what the user is
// identified; the preset's value is used only if the operator sets none of them.
const (
	NotPreset Preset = ""
	Replaced  Preset = "replaces the preset's"
	Added     Preset = "added to the preset's"
	Whole     Preset = "replaces the preset's `whoami` or `user`"
)

// Name returns the first word of the usage.
func (r Row) Name() string {
	name, _, _ := strings.Cut(r.Usage, " ")
	return name
}

// Wanted returns the usage for errors: Want if there is one.
func (r Row) Wanted() string {
	switch {
	case r.Want != "":
		return r.Want
	case len(r.Block) > 0:
		return r.Usage + " { … }"
	}
	return r.Usage
}

// Find returns the row with a name, and whether there is one.
func (rows Rows) Find(name string) (Row, bool) {
	for _, r := range rows {
		if r.Name() == name {
			return r, true
		}
	}
	return Row{}, false
}

// field returns the row's field in a block's struct.
func (r Row) field(block reflect.Value) reflect.Value {
	v := block.FieldByName(r.Field)
	if !v.IsValid() {
		panic("no field " + r.Field + " in " + block.Type().String())
	}
	return v
}

// Many reports whether the subdirective may be given again: a list of structs or a map
// takes one element from each line.
func (r Row) Many(block reflect.Value) bool {
	v := r.field(block)
	return ofStructs(v) || v.Kind() == reflect.Map
}

func ofStructs(v reflect.Value) bool {
	return v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct
}

// choices returns the words that a usage such as "watch all|unsafe" allows; nil if the usage is
// no choice.
func (r Row) choices() []string {
	_, args, _ := strings.Cut(r.Usage, " ")
	if !strings.Contains(args, "|") || strings.ContainsAny(args, " []@{") {
		return nil
	}
	return strings.Split(args, "|")
}

// Line is the line of a subdirective, without its name.
type Line struct {
	Args []string
	// Block is true if a block follows.
	Block bool
	// Zero is true if 0 is allowed. It is refused for fields in which 0 means "not set".
	Zero bool
	// Matcher returns the matcher set of a path or of a named matcher (@name). ok is false if
	// the word is neither.
	Matcher func(word string) (set map[string]json.RawMessage, ok bool, err error)
}

// Reading is implemented by settings that read their words themselves, because their syntax
// can't be described by [Formed].
type Reading interface {
	// ReadArguments sets the value. Its errors are [ErrArguments] or a [Problem].
	ReadArguments(Line) error
}

// Arguments is implemented by settings that read and write their words themselves.
type Arguments interface {
	Reading
	// WriteArguments returns words from which ReadArguments reads the same value. If there are
	// none, it calls [Writer.Fail].
	WriteArguments(*Writer) []string
}

// Join appends a name to the path of a setting.
func Join(path, name string) string { return strings.TrimPrefix(path+"."+name, ".") }
