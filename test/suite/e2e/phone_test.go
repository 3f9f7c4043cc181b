//go:build browser && portals

package e2e

import (
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
)

// phone is a customer's authenticator app. It never returns a code twice but waits for the next
// step, as a customer does who is asked again.
type phone struct {
	t    *testing.T
	key  *otp.Key
	last int64
	// shown are all codes so far; none may be found in a log.
	shown []string
}

// scan takes the otpauth link that the set-up page carries.
func scan(t *testing.T, link string) *phone {
	t.Helper()
	key, err := otp.NewKeyFromURL(link)
	if err != nil {
		t.Fatalf("link %q: %v", link, err)
	}
	// One step back is still accepted: starting there leaves room for three codes in a row.
	return &phone{t: t, key: key, last: step(time.Now()) - 2}
}

// typing is how long it may take from the look at a code until the gateway has it: a code that
// would not be accepted any more by then is not taken.
const typing = 12 * time.Second

func step(at time.Time) int64 { return at.Unix() / 30 }

// code is the next code that was not shown before. It waits only where the gateway
// would not accept it yet, which is one step ahead of time.
func (p *phone) code() string {
	p.t.Helper()
	p.last = max(p.last+1, step(time.Now().Add(typing))-1)
	for step(time.Now()) < p.last-1 {
		time.Sleep(100 * time.Millisecond)
	}
	code := p.at(p.last)
	p.shown = append(p.shown, code)
	return code
}

func (p *phone) at(step int64) string {
	p.t.Helper()
	code, err := totp.GenerateCode(p.key.Secret(), time.Unix(step*30, 0))
	if err != nil {
		p.t.Fatal(err)
	}
	return code
}

// wrong is a code that the app shows at none of the steps that count.
func (p *phone) wrong() string {
	p.t.Helper()
	for _, code := range []string{"000000", "111111", "222222", "333333", "444444", "555555", "666666"} {
		taken := false
		for s := step(time.Now()) - 3; s <= step(time.Now())+3; s++ {
			taken = taken || p.at(s) == code
		}
		if !taken {
			return code
		}
	}
	p.t.Fatal("seven steps show seven codes of one digit each")
	return ""
}
