// Command benchmark measures what the gate costs a cleared request, beside the same
// Caddy without it, both loaded at the same moment. It prints ratios: absolute
// numbers of a shared machine say nothing.
//
// Three servers run from one binary: gate (two_factor with a filled store), bare
// (without), and a second bare as control. In each round two of them are loaded
// together, and the CPU time that each process took per request is compared. The
// result is the median of the rounds' ratios with its 95 % interval.
//
// The store is filled before the gate starts. For a while after its start the gate asks the
// portal after each response to these visits; see visits.Table.Resume. That price is printed
// by itself. The comparison begins when that time is over.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

type options struct {
	binary            string
	rounds            int
	length            time.Duration
	users, clearances int
	visits            int
	connections       int
	profiles          string
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "portal" {
		servePortal(os.Args[2])
		return
	}
	var o options
	flag.StringVar(&o.binary, "binary", "", "the secondgate binary")
	flag.IntVar(&o.rounds, "rounds", 24, "rounds of each comparison, 18 at least for an interval worth its name")
	flag.DurationVar(&o.length, "length", 1500*time.Millisecond, "length of a round")
	flag.IntVar(&o.users, "users", 100_000, "users stored")
	flag.IntVar(&o.clearances, "clearances", 10_000, "live clearances")
	flag.IntVar(&o.visits, "visits", 64, "active visits")
	flag.IntVar(&o.connections, "connections", 8, "connections to each server")
	flag.StringVar(&o.profiles, "profiles", "", "a directory for CPU profiles of gate and bare, for `go tool pprof -diff_base`")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "benchmark:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	b, err := start(o)
	if err != nil {
		return err
	}
	defer b.stop()
	if err := b.afterStart("/page/2"); err != nil {
		return err
	}
	for _, page := range []string{"/page/2", "/page/50"} {
		if err := b.compare(page); err != nil {
			return err
		}
	}
	if err := b.profile("/page/2"); err != nil {
		return err
	}
	b.memory()
	return b.startTimes()
}

// checkedTime is for how long after its start the gate checks the responses to visits from before.
const checkedTime = 30 * time.Second

// afterStart compares gate and bare while the gate checks the responses to visits from before
// its start, and returns when that time is over.
func (b *bench) afterStart(page string) error {
	var ratios []float64
	end := b.gate.began.Add(checkedTime)
	for i := 0; time.Now().Add(2 * b.length).Before(end); i++ {
		ratio, err := b.round(b.gate, b.bare, page, i%2 == 0)
		if err != nil {
			return err
		}
		if i > 0 { // the first warms up
			ratios = append(ratios, ratio)
		}
	}
	if len(ratios) > 0 {
		fmt.Printf("%s KiB page: in the first %v after a start, visits from before it, gate / bare Caddy  %s\n",
			page[len("/page/"):], checkedTime, summary(ratios))
	}
	time.Sleep(time.Until(end))
	return nil
}

// compare alternates rounds of gate against bare with rounds of the control, and alternates the
// start order of the two.
func (b *bench) compare(page string) error {
	var gate, control []float64
	for i := range b.rounds {
		g, err := b.round(b.gate, b.bare, page, i%2 == 0)
		if err != nil {
			return err
		}
		c, err := b.round(b.control, b.bare, page, i%2 == 0)
		if err != nil {
			return err
		}
		if i == 0 {
			continue // the first warms up
		}
		gate, control = append(gate, g), append(control, c)
	}
	fmt.Printf("%s KiB page: CPU per cleared request, gate / bare Caddy  %s   control, bare / bare  %s\n",
		page[len("/page/"):], summary(gate), summary(control))
	return nil
}

// round loads two servers at once and returns the ratio of their CPU times per request.
func (b *bench) round(one, other *server, page string, oneFirst bool) (float64, error) {
	servers := []*server{one, other}
	if !oneFirst {
		servers = []*server{other, one}
	}
	before := []time.Duration{cpuTime(one.pid()), cpuTime(other.pid())}
	counts, err := load(servers, page, b.connections, b.length)
	if err != nil {
		return 0, err
	}
	used := []time.Duration{cpuTime(one.pid()) - before[0], cpuTime(other.pid()) - before[1]}
	perOne := float64(used[0]) / float64(counts[one])
	perOther := float64(used[1]) / float64(counts[other])
	return perOne / perOther, nil
}
