package demoportal

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// profile is what customers may change about themselves. The display name is their
// own choice, so it doesn't identify a customer.
type profile struct {
	DisplayName string
	Newsletter  bool
}

// transfer is a domain that a customer handed over to another.
type transfer struct {
	From   int
	Domain string
	To     string
	At     time.Time
}

// invoice is a sample invoice. All customers have the same ones.
type invoice struct {
	Number, Date, For, Sum string
}

var sampleInvoices = []invoice{
	{"2026-001", "2 January 2026", "Web hosting S, 12 months", "71.88 €"},
	{"2026-002", "14 March 2026", "Domain example.test, 1 year", "14.90 €"},
	{"2026-003", "1 June 2026", "Extra mailbox, 6 months", "9.00 €"},
}

func (p *Portal) profileOf(c Customer) profile {
	p.mu.Lock()
	defer p.mu.Unlock()
	if saved, ok := p.profiles[c.ID]; ok {
		return saved
	}
	return profile{DisplayName: c.FullName}
}

func (p *Portal) account(w http.ResponseWriter, r *http.Request, c Customer) {
	p.render(w, r, "account", "My account", struct {
		Customer
		Profile profile
	}{c, p.profileOf(c)})
}

func (p *Portal) invoices(w http.ResponseWriter, r *http.Request, _ Customer) {
	p.render(w, r, "invoices", "Invoices", sampleInvoices)
}

type settingsView struct {
	Profile      profile
	Token, Error string
	Saved        bool
}

func (p *Portal) settingsForm(w http.ResponseWriter, r *http.Request, c Customer) {
	p.showSettings(w, r, settingsView{Profile: p.profileOf(c), Saved: r.URL.Query().Has("saved")})
}

func (p *Portal) showSettings(w http.ResponseWriter, r *http.Request, v settingsView) {
	v.Token = sessionOf(r).token
	p.render(w, r, "settings", "Settings", v)
}

// saveSettings takes the fields display_name, newsletter and token.
func (p *Portal) saveSettings(w http.ResponseWriter, r *http.Request, c Customer) {
	if !p.readForm(w, r) {
		return
	}
	wanted := profile{
		DisplayName: strings.TrimSpace(r.PostFormValue("display_name")),
		Newsletter:  r.PostFormValue("newsletter") != "",
	}
	if n := len([]rune(wanted.DisplayName)); n == 0 || n > 60 {
		p.showSettings(w, r, settingsView{Profile: wanted, Error: "Please give a name of 1 to 60 characters."})
		return
	}
	p.mu.Lock()
	p.profiles[c.ID] = wanted
	p.mu.Unlock()
	redirect(w, "/account/settings?saved")
}

type transferView struct {
	Domain, To, Token, Error string
	Done                     []transfer
}

func (p *Portal) transferForm(w http.ResponseWriter, r *http.Request, c Customer) {
	p.showTransfer(w, r, c, transferView{Domain: c.Name + ".example"})
}

func (p *Portal) showTransfer(w http.ResponseWriter, r *http.Request, c Customer, v transferView) {
	v.Token, v.Done = sessionOf(r).token, p.transfersOf(c)
	p.render(w, r, "transfer", "Transfer a domain", v)
}

// saveTransfer takes the fields domain, to and token.
func (p *Portal) saveTransfer(w http.ResponseWriter, r *http.Request, c Customer) {
	if !p.readForm(w, r) {
		return
	}
	domain, to := strings.TrimSpace(r.PostFormValue("domain")), strings.TrimSpace(r.PostFormValue("to"))
	if domain == "" || to == "" || len(domain)+len(to) > 400 {
		p.showTransfer(w, r, c, transferView{Domain: domain, To: to, Error: "Please name a domain and who shall have it."})
		return
	}
	p.mu.Lock()
	p.transfers = append(p.transfers, transfer{c.ID, domain, to, p.Clock()})
	p.transfers = p.transfers[max(0, len(p.transfers)-1000):]
	p.mu.Unlock()
	redirect(w, "/account/transfer")
}

func (p *Portal) transfersOf(c Customer) []transfer {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(p.transfers), func(t transfer) bool { return t.From != c.ID })
}
