package adversary

import "testing"

// regressions are programs that found something once, as the adversary printed them. All
// must hold now.
var regressions = []struct {
	name    string
	world   World
	program Program
}{}

func TestRegressions(t *testing.T) {
	k, err := newKit()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range regressions {
		t.Run(r.name, func(t *testing.T) {
			if found, log := k.play(t, r.world, r.program); found != nil {
				report(t, found, log)
			}
		})
	}
}
