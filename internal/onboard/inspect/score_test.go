package inspect

import "testing"

// TestScores: values that are and are not taken for a user's id.
func TestScores(t *testing.T) {
	s := scoring{account: alice, saved: map[string]bool{"alice": true}}
	for name, c := range map[string]struct {
		candidate
		good bool
	}{
		"an id":              {candidate{value: "17", traits: traits{key: words("userId"), path: words("data user id"), json: true}}, true},
		"a ticket's agent":   {candidate{value: "17", traits: traits{key: words("user id"), path: words("ticket agent user id"), json: true}}, false},
		"an order":           {candidate{value: "4711", traits: traits{key: words("order ids"), path: words("order ids"), json: true}}, false},
		"ids":                {candidate{value: "4711", traits: traits{key: words("ids value"), path: words("result people ids value"), json: true}}, true},
		"how many messages":  {candidate{value: "3", traits: traits{key: words("user"), text: true}}, false},
		"a number of mine":   {candidate{value: "4711", traits: traits{key: words("me"), text: true}}, true},
		"a badge":            {candidate{value: "4711", traits: traits{key: words("user"), text: true, class: true}}, false},
		"a balance":          {candidate{value: "4711", traits: traits{key: words("user-balance"), text: true}}, false},
		"a token":            {candidate{value: "alice", traits: traits{key: words("user_token"), hidden: true}}, false},
		"a read-only name":   {candidate{value: "alice", traits: traits{key: words("login"), readonly: true}}, true},
		"a name that is set": {candidate{value: "alice", traits: traits{key: words("login"), editable: true}}, false},
		"a display name":     {candidate{value: "alice", traits: traits{key: words("display_name"), readonly: true}}, false},
		"a name like it":     {candidate{value: "alice", traits: traits{key: words("username"), text: true}}, false},
	} {
		if got := len(rank([]*candidate{&c.candidate}, s)) > 0; got != c.good {
			t.Errorf("%s: %v, score %d", name, got, c.candidate.score)
		}
	}
}
