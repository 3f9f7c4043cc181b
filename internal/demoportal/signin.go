package demoportal

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// maxForm bounds the bodies of forms and JSON calls, in bytes.
const maxForm = 64 << 10

func redirectToLogin(w http.ResponseWriter, r *http.Request) {
	next := "/account"
	if r.Method == http.MethodGet {
		next = r.URL.RequestURI()
	}
	redirect(w, "/login?next="+url.QueryEscape(next))
}

// redirect answers 302 with the target as it is; http.Redirect would resolve it.
func redirect(w http.ResponseWriter, target string) {
	w.Header().Set("Location", target)
	w.WriteHeader(http.StatusFound)
}

type loginView struct {
	Login, Next, Token, Error string
	Remember                  bool
}

func (p *Portal) loginForm(w http.ResponseWriter, r *http.Request) {
	p.render(w, r, "login", "Sign in", loginView{Next: localPath(r.FormValue("next")), Token: sessionOf(r).token})
}

// login takes the form's fields login, password, remember, next and token. The
// token may be missing; a wrong one is refused.
func (p *Portal) login(w http.ResponseWriter, r *http.Request) {
	if !p.readForm(w, r) {
		return
	}
	view := loginView{
		Login: r.PostFormValue("login"), Remember: r.PostFormValue("remember") != "",
		Next: localPath(r.PostFormValue("next")), Token: sessionOf(r).token,
	}
	customer, ok := authenticate(view.Login, r.PostFormValue("password"))
	if !ok {
		view.Error = "That user name and password don't belong together. Please try again."
		p.render(w, r, "login", "Sign in", view)
		return
	}
	p.signIn(w, r, customer, view.Remember)
	redirect(w, view.Next)
}

func (p *Portal) logout(w http.ResponseWriter, r *http.Request) {
	p.signOut(w, r)
	redirect(w, "/")
}

// apiLogin is the sign-in of the provider's own app: JSON in, JSON out.
func (p *Portal) apiLogin(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Login    string `json:"login"`
		Password string `json:"password"`
		Remember bool   `json:"remember"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxForm)).Decode(&in); err != nil {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": "not JSON"})
		return
	}
	customer, ok := authenticate(in.Login, in.Password)
	if !ok {
		writeJSON(w, http.StatusUnauthorized, map[string]string{"error": "wrong user name or password"})
		return
	}
	p.signIn(w, r, customer, in.Remember)
	p.apiMe(w, r, customer)
}

func (p *Portal) apiMe(w http.ResponseWriter, r *http.Request, c Customer) {
	writeJSON(w, http.StatusOK, map[string]any{
		"id": c.ID, "username": c.Name, "email": c.Email, "name": p.profileOf(c).DisplayName,
	})
}

// readForm parses a form and checks its token, if it has one. False means that an
// answer was sent.
func (p *Portal) readForm(w http.ResponseWriter, r *http.Request) bool {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "The form could not be read.", http.StatusBadRequest)
		return false
	}
	if token := r.PostFormValue("token"); token != "" && token != sessionOf(r).token {
		http.Error(w, "The form has expired. Please go back and reload it.", http.StatusForbidden)
		return false
	}
	return true
}

// localPath returns the path if it stays on this portal, and /account otherwise.
func localPath(next string) string {
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\t\r\n") {
		return "/account"
	}
	return next
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
