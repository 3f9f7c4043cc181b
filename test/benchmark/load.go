package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// load sends requests to all servers at once, over so many connections each, and
// returns how many each answered.
func load(servers []*server, page string, connections int, length time.Duration) (map[*server]int64, error) {
	counts := make([]atomic.Int64, len(servers))
	var group errgroup.Group
	for _, s := range servers {
		s.prepare(page)
	}
	deadline := time.Now().Add(length)
	for c := range connections {
		for i, s := range servers {
			group.Go(func() error { return s.client(page, c, deadline, &counts[i]) })
		}
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	out := make(map[*server]int64)
	for i, s := range servers {
		out[s] = counts[i].Load()
	}
	return out, nil
}

// client repeats requests of one visit after another on one connection.
func (s *server) client(page string, first int, deadline time.Time, count *atomic.Int64) error {
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(deadline.Add(10 * time.Second)); err != nil {
		return err
	}
	in := bufio.NewReaderSize(conn, 64<<10)
	for i := first; time.Now().Before(deadline); i++ {
		if _, err := conn.Write(s.requests[i%len(s.requests)]); err != nil {
			return err
		}
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			return err
		}
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("%s%s answered %s (%s)", s.address, page, res.Status, res.Header.Get("Location"))
		}
		count.Add(1)
	}
	return nil
}

// site is the Host of all requests, without the port of the server that gets them:
// cookies are sealed before that is known, and for one site.
const site = "127.0.0.1"

// prepare makes what a browser sends for the page in each of the visits.
func (s *server) prepare(page string) {
	s.requests = nil
	for _, cookie := range s.cookies {
		s.requests = append(s.requests, fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n"+
			"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0\r\n"+
			"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-GB,en;q=0.5\r\n"+
			"Accept-Encoding: gzip, deflate, br, zstd\r\nReferer: http://%s/\r\nCookie: %s\r\nUpgrade-Insecure-Requests: 1\r\n"+
			"Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-User: ?1\r\nPriority: u=0, i\r\n\r\n",
			page, site, site, cookie))
	}
}

func median(xs []float64) float64 {
	s := slices.Sorted(slices.Values(xs))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}

// summary is the median and its 95 % interval, from the order statistics that a
// binomial distribution leaves outside with at most 2.5 % on either side.
func summary(xs []float64) string {
	s := slices.Sorted(slices.Values(xs))
	k, below, term := 0, 0.0, 1.0
	for range s {
		term /= 2
	}
	for i := 0; i < len(s)/2; i++ {
		below += term
		if below > 0.025 {
			break
		}
		k = i + 1
		term = term * float64(len(s)-i) / float64(i+1)
	}
	lo, hi := max(k-1, 0), min(len(s)-k, len(s)-1)
	return fmt.Sprintf("%.3f [%.3f–%.3f], %d rounds", median(xs), s[lo], s[hi], len(s))
}
