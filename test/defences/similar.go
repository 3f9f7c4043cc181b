package defences

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// root is the project's root, from this directory, where tests run.
const root = "../.."

// lines lists the lines in which the parts begin.
func (s *source) lines(parts []span) (list string) {
	for _, p := range parts {
		from := strings.LastIndex(s.text[:p.from], "\n") + 1
		line, _, _ := strings.Cut(s.text[from:], "\n")
		list += fmt.Sprintf("\n  line %d: %s", strings.Count(s.text[:from], "\n")+1, strings.TrimSpace(line))
	}
	return list
}

// similar lists the three lines of the part that have most of the snippet's pieces.
func (s *source) similar(in span, snippet string) string {
	var lines []span
	common := make(map[span]int)
	for _, p := range s.pieces {
		if in.contains(p) && slices.Contains(piece.FindAllString(snippet, -1), s.text[p.from:p.to]) {
			from := strings.LastIndex(s.text[:p.from], "\n") + 1
			line := span{from, from}
			if common[line]++; common[line] == 1 {
				lines = append(lines, line)
			}
		}
	}
	slices.SortStableFunc(lines, func(a, b span) int { return common[b] - common[a] })
	return s.lines(lines[:min(3, len(lines))])
}

// declaring returns the project's files that declare a function or method.
func declaring(name string) (found []string) {
	name = name[strings.LastIndex(name, ".")+1:]
	declared := regexp.MustCompile(`(?m)^func (\([^)]*\) )?` + name + `[(\[]`)
	filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") {
			return nil
		}
		if raw, err := os.ReadFile(path); err == nil && declared.Match(raw) {
			found = append(found, strings.TrimPrefix(path, root+"/"))
		}
		return nil
	})
	return found
}
