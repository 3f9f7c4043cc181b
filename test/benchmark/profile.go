package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// profileTime is how long CPU profiles are taken.
const profileTime = 20 * time.Second

// profile loads gate and bare together, and writes the CPU profiles of both and how many
// requests each answered.
func (b *bench) profile(page string) error {
	if b.profiles == "" {
		return nil
	}
	taken := make(chan error, 2)
	for name, s := range map[string]*server{"gate": b.gate, "bare": b.bare} {
		go func() { taken <- s.writeProfile(filepath.Join(b.profiles, name+".pprof")) }()
	}
	counts, err := load([]*server{b.gate, b.bare}, page, b.connections, profileTime+time.Second)
	if err != nil {
		return err
	}
	for range 2 {
		if err := <-taken; err != nil {
			return err
		}
	}
	fmt.Printf("profiles in %s, of gate under %d requests, bare under %d\n", b.profiles, counts[b.gate], counts[b.bare])
	return nil
}

// writeProfile takes a CPU profile by the server's admin socket.
func (s *server) writeProfile(file string) error {
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", s.admin)
	}}}
	res, err := client.Get(fmt.Sprintf("http://127.0.0.1/debug/pprof/profile?seconds=%d", int(profileTime.Seconds())))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("taking a profile: %s", res.Status)
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()
	_, err = io.Copy(out, res.Body)
	return err
}
