// Command h2flood opens many HTTP/2 streams with bodies that are held back, from many addresses.
package main

import (
	"bytes"
	"crypto/tls"
	"flag"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

var (
	conns, streams, size int
	secs                 time.Duration
	path, method         string
	reset                bool
	opened, failed       atomic.Int64
)

func main() {
	flag.IntVar(&conns, "conns", 100, "")
	flag.IntVar(&streams, "streams", 240, "")
	flag.IntVar(&size, "size", 4000, "bytes of each body that are sent")
	flag.DurationVar(&secs, "for", 20*time.Second, "")
	flag.StringVar(&path, "path", "/note", "")
	flag.StringVar(&method, "method", "POST", "")
	flag.BoolVar(&reset, "reset", false, "reset each stream and open another")
	flag.Parse()
	var wg sync.WaitGroup
	for i := range conns {
		wg.Add(1)
		go func() { defer wg.Done(); one(i) }()
	}
	wg.Wait()
	fmt.Println("opened", opened.Load(), "failed", failed.Load())
}

func one(i int) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, byte(20+i/200), byte(1+i%200))}}
	c, err := tls.DialWithDialer(&d, "tcp", "127.0.0.1:18992", &tls.Config{InsecureSkipVerify: true, ServerName: "localhost", NextProtos: []string{"h2"}})
	if err != nil {
		failed.Add(1)
		return
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(secs))
	c.Write([]byte(http2.ClientPreface))
	f := http2.NewFramer(c, c)
	f.WriteSettings()
	go func() {
		for {
			fr, err := f.ReadFrame()
			if err != nil {
				return
			}
			if s, ok := fr.(*http2.SettingsFrame); ok && !s.IsAck() {
				f.WriteSettingsAck()
			}
		}
	}()
	end := time.Now().Add(secs)
	body := bytes.Repeat([]byte("a=b&"), size/4)
	for n := 0; time.Now().Before(end) && (reset || n < streams); n++ {
		var b bytes.Buffer
		e := hpack.NewEncoder(&b)
		for _, h := range [][2]string{{":method", method}, {":scheme", "https"}, {":authority", "localhost:18992"}, {":path", path}, {"content-type", "application/x-www-form-urlencoded"}} {
			e.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]})
		}
		id := uint32(2*n + 1)
		if f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: b.Bytes(), EndHeaders: true, EndStream: method == "GET"}) != nil {
			failed.Add(1)
			return
		}
		if method != "GET" {
			f.WriteData(id, false, body)
		}
		opened.Add(1)
		if reset {
			f.WriteRSTStream(id, http2.ErrCodeCancel)
			if n%100 == 99 {
				time.Sleep(20 * time.Millisecond)
			}
		}
	}
	time.Sleep(time.Until(end))
}
