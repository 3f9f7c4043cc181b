// Command questions counts the questions (whoami) that reach a portal while people look at
// its pages, with one secondgate binary or with two side by side.
//
// For each portal a stranger and a customer who passed a second factor look at 20 pages,
// each with its styles, scripts and images: without sending a form, and sending five; as
// fast as the portal answers, and a page every five seconds. Questions are told from page
// views by their address, and from each other by the browser's name, which they carry.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

type options struct {
	binary, before string
	pace           time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.binary, "binary", "", "the secondgate binary")
	flag.StringVar(&o.before, "before", "", "another one to compare it with, may be empty")
	flag.DurationVar(&o.pace, "pace", 5*time.Second, "time from page to page of a person; 0 leaves the slow runs out")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "usage: ./test/bench questions [flags] [portal[=URL]]...\n\n"+
			"Portals: %s. Without a URL the demo portal is started here, WordPress and DokuWiki\n"+
			"by test/kit/portals (as root); others have to run already. Default: demo.\n\n", names())
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(o, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "questions:", err)
		os.Exit(1)
	}
}

func run(o options, args []string) error {
	if len(args) == 0 {
		args = []string{"demo"}
	}
	binaries := []string{o.binary}
	if o.before != "" {
		binaries = append(binaries, o.before)
	}
	var setups []*setup
	defer func() {
		for _, h := range setups {
			h.close()
		}
	}()
	for _, arg := range args {
		name, url, _ := strings.Cut(arg, "=")
		p, stop, err := find(name, url)
		if err != nil {
			return err
		}
		defer stop()
		for _, binary := range binaries {
			h, err := open(binary, p)
			if err != nil {
				return fmt.Errorf("%s with %s: %w", name, binary, err)
			}
			setups = append(setups, h)
		}
	}
	err := walkAll(setups, o.pace)
	table(setups, len(binaries))
	return err
}

// walkAll sends everybody at full speed, one after the other, and then all at once at a
// person's pace. A failed run does not end the others: its count is missing.
func walkAll(setups []*setup, pace time.Duration) error {
	var group sync.WaitGroup
	errs := make(chan error, len(setups)*8)
	for _, h := range setups {
		for _, v := range h.visitors {
			errs <- v.walk(h, 0, &v.fast)
			time.Sleep(settled)
		}
	}
	for _, h := range setups {
		for _, v := range h.visitors {
			if pace > 0 {
				group.Go(func() { errs <- v.walk(h, pace, &v.slow) })
			}
		}
	}
	group.Wait()
	close(errs)
	var all error
	for err := range errs {
		all = errors.Join(all, err)
	}
	return all
}

// table prints the questions of 20 pages; with two binaries those of the second first.
func table(setups []*setup, binaries int) {
	fmt.Println("| portal | who | requests | full speed, 20 pages | a page | a person's pace, 20 pages | a page |")
	fmt.Println("| --- | --- | --- | --- | --- | --- | --- |")
	for i := 0; i < len(setups); i += binaries {
		for j, v := range setups[i].visitors {
			var before *visitor
			if binaries == 2 {
				before = setups[i+1].visitors[j]
			}
			fmt.Printf("| %s | %s | %d |", setups[i].portal.name, v, v.requests)
			fmt.Println(cells(before, v, func(v *visitor) count { return v.fast }) + cells(before, v, func(v *visitor) count { return v.slow }))
		}
	}
}

func cells(before, now *visitor, of func(*visitor) count) string {
	all, page := of(now).String(), of(now).page()
	if before != nil {
		all, page = of(before).String()+" → "+all, of(before).page()+" → "+page
	}
	return fmt.Sprintf(" %s | %s |", all, page)
}

// count is the number of questions of a run, or none if the run failed.
type count struct {
	n    int
	done bool
}

func (c count) String() string {
	if !c.done {
		return "–"
	}
	return fmt.Sprint(c.n)
}

func (c count) page() string {
	if !c.done {
		return "–"
	}
	return fmt.Sprintf("%.2f", float64(c.n)/views)
}
