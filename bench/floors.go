package main

import (
	"context"
	"errors"
	"net"
	"net/http"
)

// bareServer is net/http alone: it answers every GET with the same 200 bytes.
type bareServer struct {
	base string
	http http.Server
	done chan error
}

func startBare() (*bareServer, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	answer := make([]byte, 200)
	s := &bareServer{base: "http://" + listener.Addr().String(), done: make(chan error, 1)}
	s.http.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream") // or net/http looks for one
		_, _ = w.Write(answer)
	})
	go func() { s.done <- s.http.Serve(listener) }()
	return s, nil
}

func (s *bareServer) close() error {
	err := s.http.Close()
	if served := <-s.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// floorH is the median of a GET of 200 bytes on one connection.
func (l *lab) floorH() floor {
	c := newCaller(l.bare.base, "", 1)
	l.later(c.close)
	return floor{"H", func(ctx context.Context) (float64, error) {
		return p50(10*l.sizes.samples, func(int) error { return c.get(ctx, "/") })
	}}
}

// connections is how many clients ask at once where many do.
const connections = 16

// floorH16 is the throughput of GETs of 200 bytes on 16 connections.
func (l *lab) floorH16() floor {
	c := newCaller(l.bare.base, "", connections)
	l.later(c.close)
	return floor{"H16", func(ctx context.Context) (float64, error) {
		return throughput(ctx, connections, l.sizes.busy, func(ctx context.Context) error { return c.get(ctx, "/") })
	}}
}
