package server

import (
	"maps"
	"slices"
	"testing"
)

// TestMoved: only a realm that another one took the place of has moved.
func TestMoved(t *testing.T) {
	for name, tt := range map[string]struct {
		before, now sites
		realms      []string
	}{
		"first start":                           {nil, sites{"a": {"one"}}, nil},
		"nothing changed":                       {sites{"a": {"one"}, "b": {"two"}}, sites{"a": {"one"}, "b": {"two"}}, nil},
		"interchanged":                          {sites{"a": {"one"}, "b": {"two"}}, sites{"a": {"two"}, "b": {"one"}}, []string{"a", "b"}},
		"taken by another, which was elsewhere": {sites{"a": {"one"}}, sites{"a": {"two"}, "b": {"one"}}, []string{"a"}},
		"moved to a new address":                {sites{"a": {"one"}}, sites{"a": {"two"}}, nil},
		"one address more":                      {sites{"a": {"one"}}, sites{"a": {"one", "two"}, "b": {"three"}}, nil},
		"two realms in one site":                {sites{"a": {"one"}}, sites{"a": {"one"}, "b": {"one"}}, nil},
		"no site has it any more":               {sites{"a": {"one"}}, sites{"b": {"one"}}, []string{"a"}},
		"one of two addresses":                  {sites{"a": {"one", "two"}}, sites{"a": {"one"}, "b": {"two"}}, []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, m := range moved(tt.before, tt.now, nil) {
				got = append(got, m.realm)
			}
			if !slices.Equal(got, tt.realms) {
				t.Errorf("moved are %q, want %q", got, tt.realms)
			}
		})
	}
}

// TestMerged: the place of a realm is kept while no site has it, unless another realm takes the
// place.
func TestMerged(t *testing.T) {
	before := sites{"a": {"one", "three"}, "b": {"two"}, "c": {"one"}}
	got := merged(before, sites{"b": {"one"}})
	if want := (sites{"a": {"three"}, "b": {"one"}}); !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("%v, want %v", got, want)
	}
	if len(before["a"]) != 2 {
		t.Error("what was before is changed")
	}
}
