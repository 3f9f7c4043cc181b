package directive

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Synopsis returns the syntax of the subdirective with its block, for the documentation.
func (r Row) Synopsis() string {
	if len(r.Block) == 0 {
		return r.Usage + "\n"
	}
	return r.Usage + " {\n" + r.Block.Synopsis("\t") + "}\n"
}

// Synopsis returns one line for each row, with the arguments aligned. The contents of blocks
// are not included.
func (rows Rows) Synopsis(indent string) string {
	width := 0
	for _, r := range rows {
		if strings.Contains(r.Usage, " ") {
			width = max(width, len(r.Name()))
		}
	}
	var b strings.Builder
	for _, r := range rows {
		name, args, _ := strings.Cut(r.Usage, " ")
		if len(r.Block) > 0 && !r.Block[0].Word {
			args = strings.TrimSpace(args + " { … }")
		}
		fmt.Fprintln(&b, indent+strings.TrimSpace(fmt.Sprintf("%-*s %s", width, name, args)))
	}
	return b.String()
}

// Table returns a Markdown table with a line for each row. Empty columns are left out.
func (rows Rows) Table() string {
	columns := []struct {
		head string
		cell func(Row) string
	}{
		{"subdirective", func(r Row) string { return code(r.Usage) }},
		{"what it does", func(r Row) string { return r.Doc }},
		{"default", func(r Row) string { return cmp.Or(code(r.Default), r.Otherwise) }},
		{"bounds", Row.bounds},
		{"beside a preset", func(r Row) string { return string(r.Preset) }},
	}
	lines := make([]string, len(rows)+2)
	for _, c := range columns {
		if !slices.ContainsFunc(rows, func(r Row) bool { return c.cell(r) != "" }) {
			continue
		}
		lines[0] += "| " + c.head + " "
		lines[1] += "| --- "
		for i, r := range rows {
			lines[i+2] += "| " + c.cell(r) + " "
		}
	}
	return strings.Join(lines, "|\n") + "|\n"
}

func (r Row) bounds() string {
	var parts []string
	if r.Most != "" {
		parts = append(parts, code(r.Least)+" to "+code(r.Most))
	}
	if r.Zero != "" {
		parts = append(parts, code("0")+" "+r.Zero)
	}
	return strings.Join(parts, "; ")
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + strings.ReplaceAll(text, "|", `\|`) + "`"
}
