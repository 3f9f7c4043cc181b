package inspect

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/secondgate/secondgate/internal/onboard/browse"
)

// comeBack signs in again: with a wrong password, once; as before; under other
// spellings of the name; and as the second customer. After a sign-in that failed
// there is one that works, so that no lock for wrong passwords comes near.
func (in *inspection) comeBack(ctx context.Context) (err error) {
	a := in.Customers[0]
	if err := in.wrongPassword(ctx, a); err != nil {
		return err
	}
	in.say("signing in again, and under other spellings")
	if in.again, _, err = in.signIn(ctx, a); err != nil {
		return fmt.Errorf("the first sign-in worked and this second one did not: %w", err)
	}
	in.ev.users = append(in.ev.users, in.observe(ctx, in.again))
	for _, as := range in.spellings(a.User) {
		if err := in.spell(ctx, as, a); err != nil {
			return err
		}
	}
	if len(in.Customers) < 2 {
		in.missing("With one test customer only it is not proven that the user's id differs between customers, nor what happens when another signs in inside a session. Run inspect again with two.")
		return nil
	}
	in.say("signing in as %s", in.Customers[1].User)
	if in.other, _, err = in.signIn(ctx, in.Customers[1]); err != nil {
		return fmt.Errorf("signing in as the second test customer: %w", err)
	}
	seen := in.observe(ctx, in.other)
	in.ev.other = &seen
	return nil
}

// wrongPassword notes what one looks like.
func (in *inspection) wrongPassword(ctx context.Context, a browse.Account) error {
	in.say("trying one wrong password")
	_, e, err := in.signIn(ctx, browse.Account{User: a.User, Password: "wrong-" + rand.Text()})
	switch {
	case errors.Is(err, browse.ErrStillForm):
		in.note("sign_in.0", "A wrong password is answered with status %d and the form again.", e.Page.Status)
	case errors.Is(err, browse.ErrRefused):
		in.note("sign_in.0", "A wrong password is answered with status %d.", e.Page.Status)
	case err == nil:
		in.note("sign_in.0", "A wrong password is answered with status %d and a page without the form.", e.Page.Status)
	case ctx.Err() != nil:
		return ctx.Err()
	default:
		in.missing("What a wrong password looks like: %v.", err)
	}
	return nil
}

// spellings are other ways to write a name that portals take for the same.
func (in *inspection) spellings(name string) []string {
	list := []string{strings.ToUpper(name), " " + name + " "}
	if list[0] == name {
		list[0] = strings.ToLower(name)
	}
	if mail := in.mail(); mail != "" && !strings.EqualFold(mail, name) {
		list = append(list, mail)
	}
	return list
}

// mail is the customer's e-mail address, where a page shows exactly one in a field
// that says so.
func (in *inspection) mail() string {
	for _, v := range in.views {
		list, _ := candidatesOf(v)
		for _, c := range list {
			if hasAny(c.key, []string{"email", "mail"}) && strings.Count(c.value, "@") == 1 && !strings.ContainsAny(c.value, " \t<>") {
				return c.value
			}
		}
	}
	return ""
}

// spell tries one spelling; a portal that refuses it is no error.
func (in *inspection) spell(ctx context.Context, as string, a browse.Account) error {
	b, _, err := in.signIn(ctx, browse.Account{User: as, Password: a.Password})
	if err == nil {
		in.spelled = append(in.spelled, as)
		in.ev.users = append(in.ev.users, in.observe(ctx, b))
		return nil
	}
	in.note("sign_in.0", "The portal does not take %q for %q.", as, a.User)
	if _, _, err := in.signIn(ctx, a); err != nil {
		return fmt.Errorf("after the portal refused another spelling of the name: %w", err)
	}
	return nil
}
