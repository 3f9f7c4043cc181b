package caddyworld

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// shrink removes every part of a failing world and of its steps that the failure does not need.
// Rapid shrinks the drawn bits, and can't tell which of them belong together.
func shrink(w world, steps []Step, fails func(world, []Step) bool) (world, []Step) {
	for size := ""; size != fmt.Sprint(w, steps); {
		size = fmt.Sprint(w, steps)
		steps = walk(steps, smallerSteps, func(s []Step) bool { return fails(w, s) })
		w = walk(w, smallerWorlds, func(w world) bool { return fails(w, steps) })
	}
	return w, steps
}

// walk tries each smaller candidate once, and continues from each that still fails.
func walk[T any](from T, smaller func(T) []T, fails func(T) bool) T {
	for i := 0; ; {
		all := smaller(from)
		if i >= len(all) {
			return from
		}
		if !reflect.DeepEqual(all[i], from) && fails(all[i]) {
			from = all[i]
			continue
		}
		i++
	}
}

// lastProgram returns the program of the step that showed the failure, up to that step.
func lastProgram(steps []Step, shown int) []Step {
	steps = steps[:shown+1]
	for i := shown; i >= 0; i-- {
		if steps[i].Do == "restart" {
			return steps[i+1:]
		}
	}
	return steps
}

// smallerSteps are simpler programs, the simplest first.
func smallerSteps(steps []Step) (all [][]Step) {
	for i, s := range steps {
		if s.Do == "restart" {
			all = append(all, steps[:i], steps[i+1:])
		}
	}
	for i := range steps {
		all = append(all, slices.Delete(slices.Clone(steps), i, i+1))
	}
	for i := range steps {
		for _, smaller := range smallerStep(steps[i]) {
			changed := slices.Clone(steps)
			changed[i] = smaller
			all = append(all, changed)
		}
	}
	return all
}

func smallerStep(s Step) (all []Step) {
	if s.Do != "" {
		return nil
	}
	with := func(change func(*Step)) {
		smaller := s
		change(&smaller)
		all = append(all, smaller)
	}
	with(func(s *Step) { s.Header = nil })
	for i := range s.Header {
		with(func(s *Step) { s.Header = slices.Delete(slices.Clone(s.Header), i, i+1) })
	}
	with(func(s *Step) { s.Body = "" })
	with(func(s *Step) { s.Without = nil })
	with(func(s *Step) { s.From = "" })
	with(func(s *Step) { s.As = "" })
	with(func(s *Step) { s.HTTP2 = false })
	with(func(s *Step) { s.Site = 0 })
	with(func(s *Step) { s.Method = "" })
	with(func(s *Step) { s.By = "a" })
	if path, query, has := strings.Cut(s.Target, "?"); has {
		with(func(s *Step) { s.Target = path })
		pairs := strings.Split(query, "&")
		for i := range pairs {
			if len(pairs) > 1 {
				with(func(s *Step) { s.Target = path + "?" + strings.Join(slices.Delete(slices.Clone(pairs), i, i+1), "&") })
			}
		}
	} else if path != "/data" {
		with(func(s *Step) { s.Target = "/data" })
	}
	return all
}

// smallerWorlds are simpler worlds, the simplest first.
func smallerWorlds(w world) (all []world) {
	if len(w.sites) > 1 {
		all = append(all, world{w.portals[:1], w.sites[:1]})
	}
	for i := range w.portals {
		for f := range reflect.TypeFor[Portal]().NumField() {
			smaller := w.clone()
			if field := reflect.ValueOf(&smaller.portals[i]).Elem().Field(f); f > 0 && !field.IsZero() {
				field.SetZero()
				all = append(all, smaller)
			}
		}
	}
	for i := range w.sites {
		for _, change := range simplify(w.sites[i]) {
			smaller := w.clone()
			change(&smaller.sites[i])
			all = append(all, smaller)
		}
	}
	return all
}

func (w world) clone() world {
	return world{slices.Clone(w.portals), slices.Clone(w.sites)}
}

// simplify are the ways to make a site simpler.
func simplify(g gated) []func(*gated) {
	all := []func(*gated){
		func(g *gated) { g.rules = nil },
		func(g *gated) { g.errors, g.trigger = "", "" },
		func(g *gated) { g.extras = nil },
		func(g *gated) { g.site.First, g.via, g.sink, g.signIn = "", "", "", "" },
		func(g *gated) { g.signIn = g.needed() },
		func(g *gated) { g.via = "" },
		func(g *gated) {
			if g.sink == "request_header" {
				g.sink = "header_up"
			}
		},
		func(g *gated) { g.shape, g.prefix = "", "" },
		func(g *gated) { g.always = false },
		func(g *gated) { g.recheck = "" },
		func(g *gated) { g.tls = false },
	}
	for i, r := range g.rules {
		all = append(all, func(g *gated) { g.rules = slices.Delete(slices.Clone(g.rules), i, i+1) })
		for _, body := range plainer(r) {
			all = append(all, func(g *gated) {
				g.rules = slices.Clone(g.rules)
				g.rules[i].body = body
			})
		}
	}
	return all
}

// plainer are simpler matchers with the same meaning.
func plainer(r rule) (all []string) {
	if r.body == "" {
		return nil
	}
	lines, plain := strings.Split(r.body, "\n"), []string{"path " + r.place.path}
	switch {
	case r.place.path == "/hooks/pay":
		plain[0] = "path /hooks/*"
	case r.place.route != "":
		plain = append(plain, "query route="+r.place.route)
	case r.place.kind != "":
		plain = append(plain, "header X-Kind "+r.place.kind)
	}
	all = append(all, strings.Join(lines[:len(plain)], "\n"))
	for i := range plain {
		changed := slices.Clone(lines)
		changed[i] = plain[i]
		all = append(all, strings.Join(changed, "\n"))
	}
	return all
}
