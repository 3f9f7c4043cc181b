// Package directive reads, writes, fills in, checks and documents the settings of one
// Caddyfile block, from a table with one [Row] for each subdirective.
//
// A table is a variable beside the struct that it fills, as config.SiteRows beside
// config.Site. The fields' Go types decide how arguments are read; types that need more
// than one word implement [Formed] or [Arguments]. The package knows nothing of Caddy: package
// caddyplugin/caddyfile gives it the arguments of each line and adds file and line to
// its errors; package config writes directives with [Write].
//
// Every name in a table is looked up by reflection, so a row without its field panics
// when the table is first used; the tests use all of them.
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
	// Usage is how it is written: its name, which is also the JSON name, and its
	// arguments. A string with a choice as argument, as in "watch all|unsafe", can have
	// no other value.
	Usage string
	// Want replaces Usage in errors, where more has to be said.
	Want string
	// Doc says in a sentence what the subdirective does.
	Doc string

	// Default is the value that [Rows.Fill] sets, as it is written in a Caddyfile.
	Default string
	// Otherwise tells readers what holds where nothing is set and Default is empty.
	Otherwise string
	// Least and Most bound a number or a duration; Zero says what 0 is for.
	Least, Most, Zero string
	// Check returns what is wrong with a value, or with each element of a list. See [Valid].
	Check func(value any) error
	// Preset says what becomes of the preset's value where the operator gives one.
	Preset Preset

	// Block are the rows of the subdirective's own block. They fill the field if that is a
	// struct, and otherwise the struct that the field belongs to.
	Block Rows
	// Args is the field of the field's struct that takes the arguments before the block.
	Args string
	// Word makes the name itself the first word of the value. Several rows may set one field.
	Word bool
	// Secret keeps errors from showing what stands there.
	Secret bool
}

// Preset is what becomes of a preset's value.
type Preset string

// No preset sets NotPreset. Replaced values are the operator's where there is one, Added
// lists are joined. Of Whole rows the preset's count only where the operator gives none.
const (
	NotPreset Preset = ""
	Replaced  Preset = "replaces the preset's"
	Added     Preset = "added to the preset's"
	Whole     Preset = "replaces the preset's `whoami` or `user`"
)

// Name is the first word of the usage.
func (r Row) Name() string {
	name, _, _ := strings.Cut(r.Usage, " ")
	return name
}

// Wanted is the usage for errors.
func (r Row) Wanted() string {
	switch {
	case r.Want != "":
		return r.Want
	case len(r.Block) > 0:
		return r.Usage + " { … }"
	}
	return r.Usage
}

// Find returns the row of a name.
func (rows Rows) Find(name string) (Row, bool) {
	for _, r := range rows {
		if r.Name() == name {
			return r, true
		}
	}
	return Row{}, false
}

// field is the row's field in a block's struct.
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

// choices are the words that a usage such as "watch all|unsafe" allows, or none.
func (r Row) choices() []string {
	_, args, _ := strings.Cut(r.Usage, " ")
	if !strings.Contains(args, "|") || strings.ContainsAny(args, " []@{") {
		return nil
	}
	return strings.Split(args, "|")
}

// Line is what the line of a subdirective says.
type Line struct {
	Args []string
	// Block says that a block follows.
	Block bool
	// Zero says that 0 has a meaning of its own, so that it can be written.
	Zero bool
	// Matcher returns the matcher set that a path or @name stands for, and whether the
	// word is one of these.
	Matcher func(word string) (set map[string]json.RawMessage, ok bool, err error)
}

// Reading is implemented by settings that read their words themselves, because [Formed]
// can't say them.
type Reading interface {
	// ReadArguments sets the value. Its errors are [ErrArguments] or a [Problem].
	ReadArguments(Line) error
}

// Arguments is implemented by settings that also write their words themselves.
type Arguments interface {
	Reading
	// WriteArguments returns words from which ReadArguments gets the same value, or
	// calls [Writer.Fail].
	WriteArguments(*Writer) []string
}

// Join appends a name to the path of a setting.
func Join(path, name string) string { return strings.TrimPrefix(path+"."+name, ".") }
