package demoportal

import (
	"crypto/sha256"
	"crypto/subtle"
	"slices"
	"strings"
)

// Customer is a person who may sign in. ID is what never changes; Name is the
// user name, which the pages show.
type Customer struct {
	ID       int
	Name     string
	Email    string
	Password string
	FullName string
}

// sampleCustomers are no secret, because the demo prints them. The third password has the
// characters that portals and gateways often encode wrongly.
var sampleCustomers = []Customer{
	{ID: 1001, Name: "alice", Email: "alice@example.test", Password: "Correct-Horse-1", FullName: "Alice Virtanen"},
	{ID: 1002, Name: "bob", Email: "bob@example.test", Password: "Battery-Staple-2", FullName: "Bob Lindqvist"},
	{ID: 1003, Name: "asa", Email: "asa@example.test", Password: "Å Ä Ö å ä ö ¤ ½ § £ € ¨ ; < > & @", FullName: "Åsa Öberg"},
}

// Customers returns the sample customers, passwords included.
func Customers() []Customer { return slices.Clone(sampleCustomers) }

// customerByLogin finds the customer by user name or e-mail address, in any case
// and with blanks around it.
func customerByLogin(login string) (Customer, bool) {
	login = strings.TrimSpace(login)
	return customer(func(c Customer) bool { return strings.EqualFold(login, c.Name) || strings.EqualFold(login, c.Email) })
}

// customerByID finds the customer with the id; ok is false if there is none.
func customerByID(id int) (Customer, bool) {
	return customer(func(c Customer) bool { return c.ID == id })
}

// customer finds the first customer who is wanted.
func customer(wanted func(Customer) bool) (Customer, bool) {
	if i := slices.IndexFunc(sampleCustomers, wanted); i >= 0 {
		return sampleCustomers[i], true
	}
	return Customer{}, false
}

// authenticate returns the customer with this login and password. It compares the passwords in
// constant time.
func authenticate(login, password string) (Customer, bool) {
	c, ok := customerByLogin(login)
	given, right := sha256.Sum256([]byte(password)), sha256.Sum256([]byte(c.Password))
	return c, subtle.ConstantTimeCompare(given[:], right[:]) == 1 && ok
}
