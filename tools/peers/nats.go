package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"kvs/internal/bench"
)

const (
	// bucket is the key-value bucket of a run.
	bucket = "bench"
	// natsConnections are shared by all clients.
	natsConnections = 8
	// natsPending is how many keys are on their way while the bucket is filled.
	natsPending = 1000
)

// serveNATS runs JetStream, synced before each acknowledgement once it is loaded.
func serveNATS(stop context.Context, s served) error {
	host, port, err := net.SplitHostPort(s.addr)
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	n, err := server.NewServer(&server.Options{
		Host: host, Port: number, JetStream: true, StoreDir: s.dir, SyncAlways: !s.loading, NoSigs: true, NoLog: true,
	})
	if err != nil {
		return err
	}
	n.Start()
	if !n.ReadyForConnections(startsWithin) {
		return errors.New("nats does not get ready")
	}
	<-stop.Done()
	n.Shutdown()
	n.WaitForShutdown()
	return nil
}

// natsSession asks NATS.
type natsSession struct {
	keys    bench.Keys
	size    int
	conns   []*nats.Conn
	buckets []jetstream.KeyValue
	stream  jetstream.JetStream
}

func dialNATS(addr string, keys bench.Keys, size int) (session, error) {
	s := &natsSession{keys: keys, size: size}
	for range natsConnections {
		if err := s.connect(addr); err != nil {
			s.close()
			return nil, err
		}
	}
	return s, nil
}

func (s *natsSession) connect(addr string) error {
	conn, err := nats.Connect("nats://"+addr, nats.Timeout(10*time.Second))
	if err != nil {
		return err
	}
	s.conns = append(s.conns, conn)
	if s.stream, err = jetstream.New(conn, jetstream.WithPublishAsyncMaxPending(natsPending)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	kv, err := s.stream.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: bucket, Storage: jetstream.FileStorage, History: 1})
	s.buckets = append(s.buckets, kv)
	return err
}

func (s *natsSession) close() {
	for _, c := range s.conns {
		c.Close()
	}
}

func (s *natsSession) fill() error {
	r := rand.New(rand.NewPCG(1, 1))
	for i := range s.keys.Count {
		if _, err := s.stream.PublishAsync("$KV."+bucket+"."+s.keys.Key(i), bench.Value(s.size, r), jetstream.WithStallWait(time.Minute)); err != nil {
			return err
		}
	}
	<-s.stream.PublishAsyncComplete()
	return nil
}

func (s *natsSession) open(kind string, client int) bench.Request {
	r := rand.New(rand.NewPCG(rand.Uint64(), uint64(client)))
	kv, choose, value := s.buckets[client%len(s.buckets)], s.keys.Choice(r), bench.Value(s.size, r)
	if kind == "put" {
		return func() (string, error) {
			_, err := kv.Put(context.Background(), s.keys.Key(choose()), value)
			return "put", err
		}
	}
	return func() (string, error) {
		_, err := kv.Get(context.Background(), s.keys.Key(choose()))
		return "get", err
	}
}
