package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/url"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"

	"kvs/internal/bench"
)

const (
	// etcdConnections are shared by all clients: each carries many requests at a time.
	etcdConnections = 8
	// etcdBatch is how many keys go in one transaction, as many as etcd takes.
	etcdBatch = 128
	// etcdQuota is room for all versions of a run, in bytes.
	etcdQuota = 8 << 30
)

// serveEtcd runs one member with etcd's own settings, but a larger quota.
func serveEtcd(stop context.Context, s served) error {
	cfg := embed.NewConfig()
	cfg.Name, cfg.Dir, cfg.LogLevel, cfg.QuotaBackendBytes = s.member, s.dir, "fatal", etcdQuota
	at := func(addr string) []url.URL { return []url.URL{{Scheme: "http", Host: addr}} }
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = at(s.addr), at(s.addr)
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = at(s.peer), at(s.peer)
	cfg.InitialCluster = s.cluster
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		return err
	}
	defer e.Close()
	select {
	case <-stop.Done():
		return nil
	case err := <-e.Err():
		return err
	}
}

// etcdSession asks etcd over gRPC.
type etcdSession struct {
	keys    bench.Keys
	size    int
	clients []*clientv3.Client
}

func dialEtcd(addr string, keys bench.Keys, size int) (session, error) {
	s := &etcdSession{keys: keys, size: size}
	for range etcdConnections {
		c, err := clientv3.New(clientv3.Config{
			Endpoints: []string{addr}, DialTimeout: 30 * time.Second, Logger: zap.NewNop(),
		})
		if err != nil {
			s.close()
			return nil, err
		}
		s.clients = append(s.clients, c)
	}
	return s, nil
}

func (s *etcdSession) close() {
	for _, c := range s.clients {
		_ = c.Close()
	}
}

func (s *etcdSession) fill() error {
	r := rand.New(rand.NewPCG(1, 1))
	for i := 0; i < s.keys.Count; i += etcdBatch {
		var ops []clientv3.Op
		for j := i; j < min(i+etcdBatch, s.keys.Count); j++ {
			ops = append(ops, clientv3.OpPut(s.keys.Key(j), string(bench.Value(s.size, r))))
		}
		if _, err := s.clients[0].Txn(context.Background()).Then(ops...).Commit(); err != nil {
			return err
		}
	}
	return nil
}

func (s *etcdSession) open(kind string, client int) bench.Request {
	r := rand.New(rand.NewPCG(rand.Uint64(), uint64(client)))
	c, choose, value := s.clients[client%len(s.clients)], s.keys.Choice(r), string(bench.Value(s.size, r))
	if kind == "put" {
		return func() (string, error) {
			_, err := c.Put(context.Background(), s.keys.Key(choose()), value)
			return "put", err
		}
	}
	return func() (string, error) {
		got, err := c.Get(context.Background(), s.keys.Key(choose()))
		if err == nil && len(got.Kvs) != 1 {
			err = fmt.Errorf("%d values of a key", len(got.Kvs))
		}
		return "get", err
	}
}

// etcdHTTPSession asks etcd over its gateway.
type etcdHTTPSession struct {
	keys bench.Keys
	size int
	node *bench.Node
}

func dialEtcdHTTP(addr string, keys bench.Keys, size int) (session, error) {
	return &etcdHTTPSession{keys, size, bench.Dial("http://"+addr, "", nil)}, nil
}

func (s *etcdHTTPSession) close()      { s.node.Close() }
func (s *etcdHTTPSession) fill() error { return nil } // it is the store of the other

func (s *etcdHTTPSession) open(kind string, client int) bench.Request {
	r := rand.New(rand.NewPCG(rand.Uint64(), uint64(client)))
	choose, value := s.keys.Choice(r), base64.StdEncoding.EncodeToString(bench.Value(s.size, r))
	key := func() string { return base64.StdEncoding.EncodeToString([]byte(s.keys.Key(choose()))) }
	if kind == "put" {
		return func() (string, error) {
			return "put", s.node.Post("/v3/kv/put", []byte(`{"key":"`+key()+`","value":"`+value+`"}`))
		}
	}
	return func() (string, error) {
		return "get", s.node.Post("/v3/kv/range", []byte(`{"key":"`+key()+`"}`))
	}
}
