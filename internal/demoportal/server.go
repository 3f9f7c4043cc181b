package demoportal

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// ErrNotLoopback is returned by Start for an address that others could reach: the
// sample passwords are public.
var ErrNotLoopback = errors.New("the demo portal listens on loopback addresses only")

// Server is a running demo portal.
type Server struct {
	// URL is its address, without a slash at the end.
	URL    string
	Portal *Portal

	done chan error
}

// Start serves a new portal at addr ("127.0.0.1:8081"; port 0 takes a free one)
// until the context ends.
func Start(ctx context.Context, addr string) (*Server, error) {
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("demo portal's address: %w", err)
	}
	if !tcp.IP.IsLoopback() {
		return nil, fmt.Errorf("%s: %w", addr, ErrNotLoopback)
	}
	listener, err := net.ListenTCP("tcp", tcp)
	if err != nil {
		return nil, fmt.Errorf("starting the demo portal: %w", err)
	}
	s := &Server{URL: "http://" + listener.Addr().String(), Portal: New(), done: make(chan error, 1)}
	// Requests end with the context too, or the endless clocks would hold up the end.
	server := &http.Server{
		Handler: s.Portal, ReadHeaderTimeout: 10 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	go func() { s.done <- server.Serve(listener) }()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	return s, nil
}

// Wait returns when the server has ended; nil when the context ended it.
func (s *Server) Wait() error {
	err := <-s.done
	s.done <- err
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serving the demo portal: %w", err)
}
