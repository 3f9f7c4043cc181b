package graphql

import "testing"

func TestMutations(t *testing.T) {
	for doc, want := range map[string]int{
		"": 0, "{ a b c }": 0, "query { a b }": 0, "query mutation { a b }": 2 /* refused in doubt */, "subscription S { a b }": 0, "no document": 0,
		`mutation { login(user: "a") { token user { id name } } }`:                               1,
		"mutation Login($in: Input = {a: 1, b: [2]}) @d(x: {y: 1}) { login(in: $in) { token } }": 1,
		`mutation { x: login(user: "a") { token } }`:                                             1,
		`mutation { x : login }`:                                     1,
		"mutation { login @include(if: true) { token } __typename }": 1,
		"mutation query { a b }":                                     2,
		`mutation{x: login(user:"alice") login(user:"bob")}`:         2,
		`mutation{login(user:"} b") logout}`:                         2,
		"mutation{login(user:\"\"\"} \\\"\"\" ) \"\"\") logout}":     2,
		"mutation{login(user:\"\\\"\") logout}":                      2,
		"mutation{login # }\n logout}":                               2,
		"mutation{login # }\r logout}":                               2,
		"\ufeffmutation,{,login,logout,}":                            2,
		"mutation { ...F } fragment F on Mutation { a b }":           3,
		"fragment F on Mutation { a b } mutation { ...F }":           3,
		"mutation { ... on Mutation { a b } }":                       4,
		"mutation A { a } mutation B { b }":                          2,
		`"sign in" mutation { a b }`:                                 2,
		`"""sign in""" mutation { a b }`:                             2,
		"scalar X mutation { a b }":                                  2,
		"query Q { q } mutation B { a b }":                           2,
	} {
		if got := Mutations(doc); got != want {
			t.Errorf("%s: %d, want %d", doc, got, want)
		}
	}
}

func FuzzMutations(f *testing.F) {
	f.Add("mutation{a(b:\"c\"){d} ...E}")
	f.Add("\"\"\"\\\"\"\"")
	f.Fuzz(func(t *testing.T, doc string) { Mutations(doc) })
}
