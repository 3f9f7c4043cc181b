package adversary

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestReach searches without any restriction for as long as ADVERSARY_REACH says. It does not
// shrink, and prints the parts of world and program that each finding needs. It shows that one
// kind of hole does not hide the others.
func TestReach(t *testing.T) {
	limit := setting("ADVERSARY_REACH", 0, time.ParseDuration)
	if limit == 0 {
		t.Skip("ADVERSARY_REACH is not set")
	}
	k, err := newKit()
	if err != nil {
		t.Fatal(err)
	}
	first, _ := firstSeed(t)
	began, programs := time.Now(), 0
	kinds := make(map[string]int)
	for seed := int(first); time.Since(began) < limit; seed++ {
		c := cases.Example(seed)
		programs++
		found, _ := k.play(t, c.World, c.Program)
		if found == nil || !wanted(found.Rule) {
			continue
		}
		kind := needs(t, k, c, found.Rule)
		if kinds[kind]++; kinds[kind] == 1 || os.Getenv("ADVERSARY_ALL") != "" {
			t.Logf("%s, %d programs, SEED %d: %s: %s", time.Since(began).Round(time.Millisecond), programs, seed, found.Rule, kind)
		}
	}
	t.Logf("%d programs in %s", programs, time.Since(began).Round(time.Millisecond))
	for kind, n := range kinds {
		t.Logf("%6d × %s", n, kind)
	}
}

// needs names the fields of the world and the kinds of action without which a case finds
// nothing.
func needs(t *testing.T, k *kit, c Case, rule string) string {
	finds := func(c Case) bool {
		for range 2 {
			if found, _ := k.play(t, c.World, c.Program); found != nil && found.Rule == rule {
				return true
			}
		}
		return false
	}
	c = shrink(c, finds)
	var needed []string
	for i := range reflect.TypeFor[World]().NumField() {
		if !reflect.ValueOf(c.World).Field(i).IsZero() {
			needed = append(needed, reflect.TypeFor[World]().Field(i).Name)
		}
	}
	var steps []string
	for _, a := range c.Program {
		step := strings.TrimSpace(a.Do + " " + a.As + " " + a.Page)
		if a.Hold != "" {
			step += " until " + a.Hold
		}
		steps = append(steps, step)
	}
	return strings.Join(needed, "+") + " | " + strings.Join(steps, ", ")
}
