package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// measurement is one server under one load, for one round.
type measurement struct {
	rate     float64 // requests a second
	p50, p99 time.Duration
}

// cell is what a row of the table is about.
type cell struct {
	op      string
	clients int
	server  string
}

func freePort() (addr string, port int, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", 0, err
	}
	defer l.Close()
	return l.Addr().String(), l.Addr().(*net.TCPAddr).Port, nil
}

// awaitServer polls until a server answers anything.
func awaitServer(t *target) error {
	deadline := time.Now().Add(2 * time.Minute)
	for time.Now().Before(deadline) {
		if conn, err := net.Dial("tcp", t.addr); err == nil {
			return conn.Close()
		}
		time.Sleep(20 * time.Millisecond)
	}
	return errors.New("it did not listen within 2 minutes")
}

func (t *target) client(conns int) *fasthttp.HostClient {
	return &fasthttp.HostClient{Addr: t.addr, MaxConns: conns, ReadTimeout: 30 * time.Second}
}

func key(i int) string { return "bench/" + strconv.Itoa(i) }

// value is a JSON text of about n bytes that does not compress to nothing.
func value(n int, r *rand.Rand) []byte {
	b := []byte(`{"v":"`)
	for len(b) < n-2 {
		b = append(b, "0123456789abcdefghijklmnopqrstuvwxyz"[r.IntN(36)])
	}
	return append(b, `"}`...)
}

// fill writes every key once.
func fill(t *target, s settings) error {
	const clients = 256
	c := t.client(clients)
	var wait sync.WaitGroup
	errs := make([]error, clients)
	for w := range clients {
		wait.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(w)))
			for i := w; i < s.keys && errs[w] == nil; i += clients {
				errs[w] = put(c, i, value(s.value, r))
			}
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

func put(c *fasthttp.HostClient, i int, body []byte) error {
	req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(resp)
	req.Header.SetMethod(fasthttp.MethodPut)
	req.SetRequestURI("http://bench/kv/" + key(i))
	req.Header.SetContentType("application/json")
	req.SetBodyRaw(body)
	return do(c, req, resp)
}

func get(c *fasthttp.HostClient, i int) error {
	req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(resp)
	req.SetRequestURI("http://bench/kv/" + key(i))
	return do(c, req, resp)
}

func do(c *fasthttp.HostClient, req *fasthttp.Request, resp *fasthttp.Response) error {
	if err := c.Do(req, resp); err != nil {
		return err
	}
	if code := resp.StatusCode(); code >= 300 {
		return fmt.Errorf("status %d: %s", code, resp.Body())
	}
	return nil
}

// measureAll plays the rounds; within one, every server gets every load in turn.
func measureAll(servers []*target, s settings) map[cell][]measurement {
	out := map[cell][]measurement{}
	for round := range s.rounds {
		for _, op := range []string{"PUT", "GET"} {
			for _, clients := range s.connect {
				for i := range servers {
					t := servers[(i+round)%len(servers)]
					k := cell{op, clients, t.name}
					out[k] = append(out[k], measure(t, op, clients, s))
				}
			}
		}
	}
	return out
}

// measure drives one server in a closed loop.
func measure(t *target, op string, clients int, s settings) measurement {
	c := t.client(clients)
	var (
		wait  sync.WaitGroup
		began = time.Now()
		took  = make([][]time.Duration, clients)
	)
	for w := range clients {
		wait.Go(func() {
			r := rand.New(rand.NewPCG(uint64(began.UnixNano()), uint64(w)))
			body := value(s.value, r)
			for {
				from := time.Now()
				if from.Sub(began) > s.length {
					return
				}
				var err error
				if op == "PUT" {
					err = put(c, r.IntN(s.keys), body)
				} else {
					err = get(c, r.IntN(s.keys))
				}
				if err != nil {
					panic(fmt.Sprintf("%s %s: %v", t.name, op, err))
				}
				took[w] = append(took[w], time.Since(from))
			}
		})
	}
	wait.Wait()
	all := slices.Concat(took...)
	slices.Sort(all)
	return measurement{
		rate: float64(len(all)) / time.Since(began).Seconds(),
		p50:  all[len(all)/2], p99: all[len(all)*99/100],
	}
}
