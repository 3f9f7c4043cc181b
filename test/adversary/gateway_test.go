package adversary

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/route"
	"github.com/secondgate/secondgate/internal/portal/whoami"
	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/throttle"
	"github.com/secondgate/secondgate/internal/userpages"
	"github.com/secondgate/secondgate/templates"
)

// Only this file constructs and calls the gateway.

// idle is how long a clearance outlives its last request.
const idle = 30 * time.Minute

// ownPath is where the gateway serves its own pages.
const ownPath = "/two-factor"

// gate is the gateway under test and its store.
type gate struct {
	kit   *kit
	world World
	// g is the present gateway, of the present process.
	g       *gateway.Gateway
	process *process
	// watched is g, for watch, which runs beside the program.
	watched atomic.Pointer[gateway.Gateway]
	next    gateway.Next
	db      *memory
	// abandoned is how long a request may still stop that no proxy waits for.
	abandoned time.Duration
}

// serve sends one request through the gateway.
func (g *gate) serve(by *gateway.Gateway, w http.ResponseWriter, r *http.Request, address string) error {
	asked := *r.URL
	return by.ServeHTTP(w, r, gateway.Client{Address: address, Secure: true, URL: &asked}, g.next)
}

// kit is what gateways share because it is slow to make: keys, templates, and records of
// users with a second factor.
type kit struct {
	ring  *keys.Ring
	state *userpages.State
	pages *userpages.Pages
	// users and secrets are those of victim and enrolled.
	users   []store.User
	secrets map[string][]byte
	// db and factors are those of the run; the pages are made only once.
	db      *swapStore
	factors *swapFactors
}

type swapStore struct{ store.Store }
type swapFactors struct{ userpages.Factors }

var throttling = throttle.Policy{Free: 5, Wait: 30 * time.Second, Max: 15 * time.Minute, Stop: 100, AddressCount: 1000, AddressPer: 10 * time.Minute}

func newKit() (*kit, error) {
	ring, err := keys.Parse(keys.Generate())
	if err != nil {
		return nil, err
	}
	k := &kit{ring: ring, secrets: make(map[string][]byte), db: &swapStore{}, factors: &swapFactors{}}
	if k.state, err = userpages.NewState(theRealm, ring.Derive("web mac", 32), ring.Derive("web cookie", 32), time.Now); err != nil {
		return nil, err
	}
	k.pages, err = userpages.New(userpages.Options{
		Path: ownPath, Realm: theRealm, Brand: templates.Brand{Name: "Portal"}, FreeTries: throttling.Free,
		Factors: k.factors, Store: k.db, State: k.state, Clock: time.Now,
	})
	if err != nil {
		return nil, err
	}
	return k, k.enrol(victim, enrolled)
}

// enrol makes the records of users with an authenticator.
func (k *kit) enrol(users ...string) error {
	db := newMemory()
	service := k.service(db)
	for i, user := range users {
		k.secrets[user] = bytes.Repeat([]byte{byte(i + 1)}, 20)
		in := &factor.Import{User: user, Secret: k.secrets[user], Algorithm: factor.SHA1, Digits: 6, Period: 30}
		if _, err := service.Import(context.Background(), in, false, store.Event{}); err != nil {
			return err
		}
		u, err := db.User(context.Background(), store.UserKey{Realm: theRealm, ID: user})
		if err != nil {
			return err
		}
		u.TOTP.Floor = 0 // runs begin in the year 2000
		k.users = append(k.users, u)
	}
	return nil
}

func (k *kit) service(db store.Store) *factor.Service {
	return factor.New(db, k.ring, theRealm, factor.Settings{
		Digits: 6, Period: 30 * time.Second, Algorithm: factor.SHA1, Skew: 1, BackupCodes: 1, Throttle: throttling,
	}, throttle.NewAddresses(throttling, time.Now))
}

// gate makes the gateway of a world. It must be called within the run's bubble.
func (k *kit) gate(w World, next gateway.Next) (*gate, error) {
	users := k.users
	if w.Unenrolled {
		users = users[1:]
	}
	out := &gate{kit: k, world: w, next: next, db: newMemory(users...), abandoned: abandoned}
	if w.Persists {
		out.abandoned = persistent
	}
	return out, out.start()
}

// gateway makes a gateway of a world over a store, in a process with this memory of visits.
func (k *kit) gateway(w World, db store.Store, visits *gateway.Visits) (*gateway.Gateway, error) {
	question, err := whoami.Compile(config.Whoami{
		URI: w.Whoami, Anonymous: []config.Sign{{Status: []int{http.StatusUnauthorized}}}, User: &config.Extractor{JSON: "user"},
	})
	if err != nil {
		return nil, err
	}
	headers, leave := portal.NewHeaders(nil), portal.NewCookiePolicy(nil)
	return gateway.New(gateway.Options{
		Realm: theRealm, Path: ownPath, Rules: rules(w),
		Sealer: portal.NewSealer(k.ring, theRealm), CookiePolicy: leave, Headers: headers,
		Asker: &portal.Asker{Questions: []*whoami.Question{question}, CookiePolicy: leave, Clock: time.Now, Headers: headers},
		Fetch: fetch, SetUser: func(gateway.Next, string) {},
		Rotates: w.Rotates, WatchUnsafe: w.WatchUnsafe, Required: w.Required, Recheck: recheck(w),
		Session: session.Policy{Life: 12 * time.Hour, Idle: idle},
		Store:   db, Visits: visits, Pages: k.pages, State: k.state, Logger: zap.NewNop(), Clock: time.Now,
	}), nil
}

func recheck(w World) time.Duration {
	if w.Always {
		return 0
	}
	return time.Minute
}

// watch does the background work of the table of visits until end: it repeats the questions about
// open tunnels. Its ticks never coincide with a step of a request.
func (g *gate) watch(end <-chan struct{}) {
	time.Sleep(13 * time.Millisecond)
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-end:
			return
		case <-tick.C:
			tunnels := &g.watched.Load().Visits.Tunnels
			tunnels.CloseExpired(time.Now())
			tunnels.AskDue(time.Now())
		}
	}
}

// rules are the lists of a world's site.
func rules(w World) gateway.Rules {
	out := gateway.Rules{Public: paths{"/pub/*"}}
	if !w.Undeclared {
		signIn := paths{"/login*", "/app/login*", "/app/inner/login*"}
		switch w.SignIn {
		case "link":
			out.LinkSignIn = paths{"/magic*", "/app/magic*", "/app/inner/magic*"}
			signIn = append(signIn, "/magic*", "/app/magic*", "/app/inner/magic*")
		case "graphql":
			signIn = append(signIn, "/graphql*", "/app/graphql*", "/app/inner/graphql*")
		case "switch":
			out.LinkSignIn = paths{"/switch*", "/app/switch*", "/app/inner/switch*"}
			signIn = append(signIn, "/switch*", "/app/switch*", "/app/inner/switch*")
		}
		out.SignIn, out.SignOut = signIn, paths{"/logout*", "/app/logout*"}
		out.Fields = []string{"user", "pass"}
		out.Forms, out.SignInPage = []string{w.Base + "/"}, w.Base+"/"
	}
	if w.Guest {
		out.Guest = paths{"/", "/app/", "/login*", "/app/login*", "/magic*", "/app/magic*", "/logout*", "/app/logout*"}
		out.SignInPage = w.Base + "/"
	}
	return out
}

// paths is a gateway.Rule.
type paths route.Patterns

func (p paths) Any(_ *http.Request, readings []string) bool { return route.Patterns(p).Any(readings) }
func (p paths) All(_ *http.Request, readings []string) bool { return route.Patterns(p).All(readings) }

// fetch sends one question to the portal.
func fetch(ctx context.Context, next gateway.Next, base *http.Request, uri string, header http.Header) (res whoami.Response, err error) {
	u, err := url.ParseRequestURI(uri)
	if err != nil {
		return res, err
	}
	r := (&http.Request{
		Method: http.MethodGet, URL: u, RequestURI: uri, Host: base.Host, Header: header, Body: http.NoBody,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, RemoteAddr: base.RemoteAddr,
	}).WithContext(context.WithoutCancel(context.WithValue(context.WithValue(ctx, askedForKey{}, ctx.Value(flightKey{})), flightKey{}, (*flight)(nil))))
	bound, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	w := &recorder{header: make(http.Header)}
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("the portal's answer was cut off")
		}
	}()
	if err = next.ServeHTTP(w, r.WithContext(bound)); err != nil {
		return res, err
	}
	return whoami.Response{Status: w.status, Header: w.sent, Body: w.body.Bytes()}, ctx.Err()
}

// recorder keeps the response to a question.
type recorder struct {
	header, sent http.Header
	status       int
	body         bytes.Buffer
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status, w.sent = status, w.header.Clone()
	}
}

func (w *recorder) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}
