// Command lab is a small portal with cookie sessions, for attacks on the gateway from outside.
package main

import (
	"bufio"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"html"
	"io"
	"log"
	"net/http"
	"strings"
	"sync"
	"time"
)

type session struct {
	user  string
	csrf  string
	notes []string
}

type portal struct {
	mu       sync.Mutex
	sessions map[string]*session
	remember map[string]string
	rotate   bool
	rolling  bool
	late     time.Duration
	samesite http.SameSite
	domain   string
	mark     []string
}

var passwords = map[string]string{"victim": "pw-victim", "mallory": "pw-mallory", "plain": "pw-plain"}

func id() string {
	b := make([]byte, 18)
	rand.Read(b)
	return hex.EncodeToString(b)
}

func (p *portal) get(w http.ResponseWriter, r *http.Request, make bool) (*session, string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c, err := r.Cookie("sid"); err == nil {
		if s := p.sessions[c.Value]; s != nil {
			if p.rolling {
				p.cookie(w, c.Value)
			}
			return s, c.Value
		}
	}
	s := &session{csrf: id()}
	if c, err := r.Cookie("keep"); err == nil {
		if u := p.remember[c.Value]; u != "" {
			s.user = u
			make = true
		}
	}
	k := id()
	if make {
		p.sessions[k] = s
		p.cookie(w, k)
	}
	return s, k
}

func (p *portal) cookie(w http.ResponseWriter, k string) {
	http.SetCookie(w, &http.Cookie{Name: "sid", Value: k, Path: "/", HttpOnly: true, SameSite: p.samesite, Secure: p.samesite == http.SameSiteNoneMode, Domain: p.domain})
}

func (p *portal) signIn(w http.ResponseWriter, s *session, k, u string, keep bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rotate {
		delete(p.sessions, k)
		k = id()
		n := *s
		s = &n
		s.csrf = id()
		p.sessions[k] = s
		p.cookie(w, k)
	}
	if keep {
		t := id()
		p.remember[t] = u
		http.SetCookie(w, &http.Cookie{Name: "keep", Value: t, Path: "/", HttpOnly: true, MaxAge: 30 * 86400})
	}
	if p.late > 0 {
		go func() {
			time.Sleep(p.late)
			p.mu.Lock()
			s.user = u
			p.mu.Unlock()
		}()
		return
	}
	s.user = u
}

func (p *portal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	log.Printf("%s %s proto=%s sfs=%q cookie=%q", r.Method, r.RequestURI, r.Proto, r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Cookie"))
	switch path := r.URL.Path; {
	case path == "/login" && r.Method != "POST":
		s, _ := p.get(w, r, true)
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<html><body class=anon><form method=post action=/login><input name=csrf value=%s><input name=user><input name=pw type=password><input name=keep type=checkbox><input type=hidden name=next value="%s"></form> user=%s`, s.csrf, html.EscapeString(r.FormValue("next")), p.who(s))
	case path == "/login":
		s, k := p.get(w, r, true)
		if r.FormValue("csrf") != s.csrf {
			http.Error(w, "csrf mismatch", 419)
			return
		}
		u := r.FormValue("user")
		if passwords[u] == "" || passwords[u] != r.FormValue("pw") {
			w.WriteHeader(200)
			io.WriteString(w, "wrong password")
			return
		}
		p.signIn(w, s, k, u, r.FormValue("keep") != "")
		n := r.FormValue("next")
		if n == "" {
			n = "/account"
		}
		w.Header().Set("Location", n)
		w.WriteHeader(303)
		fmt.Fprintf(w, "SECRET-%s", u)
	case path == "/api/login":
		s, k := p.get(w, r, true)
		var q struct{ User, Pw string }
		json.NewDecoder(r.Body).Decode(&q)
		if passwords[q.User] == "" || passwords[q.User] != q.Pw {
			w.WriteHeader(422)
			return
		}
		p.signIn(w, s, k, q.User, false)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"ok":true,"hello":"SECRET-%s"}`, q.User)
	case path == "/saml/acs": // a sign-in that another site's page posts
		s, k := p.get(w, r, false)
		if passwords[r.FormValue("user")] != r.FormValue("pw") || r.FormValue("user") == "" {
			w.WriteHeader(403)
			return
		}
		if st := r.FormValue("state"); st != "" && st != s.csrf {
			http.Error(w, "state mismatch", 419)
			return
		}
		p.signInNew(w, s, k, r.FormValue("user"))
		w.Header().Set("Location", "/account")
		w.WriteHeader(303)
	case path == "/magic":
		s, k := p.get(w, r, true)
		u := r.FormValue("u")
		if passwords[u] != "" && passwords[u] == r.FormValue("p") {
			p.signIn(w, s, k, u, false)
			if r.FormValue("to") != "" {
				w.Header().Set("Location", r.FormValue("to"))
				w.WriteHeader(302)
			}
			fmt.Fprintf(w, "SECRET-%s", u)
			return
		}
		w.WriteHeader(403)
	case path == "/logout":
		_, k := p.get(w, r, false)
		p.mu.Lock()
		delete(p.sessions, k)
		p.mu.Unlock()
		http.SetCookie(w, &http.Cookie{Name: "sid", Path: "/", MaxAge: -1})
		http.SetCookie(w, &http.Cookie{Name: "keep", Path: "/", MaxAge: -1})
		http.Redirect(w, r, "/", 303)
	case path == "/account":
		s, _ := p.get(w, r, false)
		if p.who(s) == "" {
			http.Redirect(w, r, "/login?next="+r.URL.RequestURI(), 302)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<html><body><input id=account-id value="%s"> SECRET-%s notes=%v <form action=/note method=post><input name=csrf value=%s><textarea name=note></textarea></form>`, p.who(s), p.who(s), s.notes, s.csrf)
	case path == "/note":
		s, _ := p.get(w, r, false)
		if p.who(s) == "" {
			http.Redirect(w, r, "/login?next=/account", 302)
			return
		}
		if err := r.ParseMultipartForm(1 << 20); err != nil && err != http.ErrNotMultipart {
			http.Error(w, err.Error(), 400)
			return
		}
		if r.FormValue("csrf") != s.csrf {
			http.Error(w, "csrf mismatch", 419)
			return
		}
		p.mu.Lock()
		s.notes = append(s.notes, r.FormValue("note"))
		p.mark = append(p.mark, s.user+":"+r.FormValue("note"))
		p.mu.Unlock()
		http.Redirect(w, r, "/account?saved=1", 303)
	case path == "/do": // acts by GET, as many portals do
		s, _ := p.get(w, r, false)
		p.mu.Lock()
		p.mark = append(p.mark, s.user+":"+r.FormValue("x"))
		p.mu.Unlock()
		fmt.Fprintf(w, "SECRET-%s", p.who(s))
	case path == "/marks":
		p.mu.Lock()
		json.NewEncoder(w).Encode(p.mark)
		p.mu.Unlock()
	case path == "/slow":
		s, _ := p.get(w, r, false)
		d, _ := time.ParseDuration(r.FormValue("d"))
		time.Sleep(d)
		fmt.Fprintf(w, "slow SECRET-%s", p.who(s))
	case path == "/events":
		s, _ := p.get(w, r, false)
		w.Header().Set("Content-Type", "text/event-stream")
		for i := 0; i < 600; i++ {
			fmt.Fprintf(w, "data: %d SECRET-%s\n\n", i, p.who(s))
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-time.After(200 * time.Millisecond):
			}
		}
	case path == "/ws":
		s, _ := p.get(w, r, false)
		h := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		c, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", base64.StdEncoding.EncodeToString(h[:]))
		rw.Flush()
		for i := 0; i < 300; i++ {
			m := fmt.Sprintf("%d SECRET-%s", i, p.who(s))
			rw.Write([]byte{0x81, byte(len(m))})
			rw.WriteString(m)
			if rw.Flush() != nil {
				return
			}
			time.Sleep(200 * time.Millisecond)
		}
	case path == "/download":
		s, _ := p.get(w, r, false)
		http.ServeContent(w, r, "x.bin", time.Unix(1e9, 0), strings.NewReader(strings.Repeat("SECRET-"+p.who(s)+"\n", 100000)))
	case strings.HasSuffix(path, ".js"), strings.HasSuffix(path, ".css"):
		w.Header().Set("Content-Type", "text/javascript")
		w.Header().Set("Cache-Control", "public, max-age=600")
		io.WriteString(w, "/* public */")
	case path == "/avatar.png":
		s, _ := p.get(w, r, false)
		if p.who(s) == "" {
			w.WriteHeader(403)
			return
		}
		w.Header().Set("Content-Type", "image/png")
		fmt.Fprintf(w, "SECRET-%s", p.who(s))
	default:
		s, _ := p.get(w, r, false)
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("ETag", `"`+p.who(s)+`"`)
		if r.Header.Get("If-None-Match") == `"`+p.who(s)+`"` {
			w.WriteHeader(304)
			return
		}
		fmt.Fprintf(w, "<html><head><title>x</title></head><body>home SECRET-%s", p.who(s))
	}
}

func (p *portal) signInNew(w http.ResponseWriter, s *session, k, u string) {
	p.mu.Lock()
	p.sessions[k] = s
	p.cookie(w, k)
	p.mu.Unlock()
	p.signIn(w, s, k, u, false)
}

func (p *portal) who(s *session) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return s.user
}

func main() {
	addr := flag.String("addr", "127.0.0.1:18990", "")
	p := &portal{sessions: map[string]*session{}, remember: map[string]string{}, samesite: http.SameSiteLaxMode}
	flag.BoolVar(&p.rotate, "rotate", false, "")
	flag.BoolVar(&p.rolling, "rolling", false, "")
	flag.DurationVar(&p.late, "late", 0, "")
	flag.StringVar(&p.domain, "domain", "", "")
	none := flag.Bool("none", false, "SameSite=None")
	life := flag.Duration("life", time.Hour, "")
	flag.Parse()
	if *none {
		p.samesite = http.SameSiteNoneMode
	}
	time.AfterFunc(*life, func() { log.Fatal("end of life") })
	_ = bufio.NewReader
	log.Fatal(http.ListenAndServe(*addr, p))
}
