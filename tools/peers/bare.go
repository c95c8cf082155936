package main

import (
	"context"
	"errors"
	"math/rand/v2"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/valyala/fasthttp"

	"kvs/internal/bench"
)

// groupMax bounds the writes of one transaction.
const groupMax = 1024

// serveFixed answers with the same value, whatever is asked.
func serveFixed(stop context.Context, s served) error {
	body := bench.Value(s.size, rand.New(rand.NewPCG(1, 1)))
	return listen(stop, s.addr, func(ctx *fasthttp.RequestCtx) {
		ctx.SetContentType("application/json")
		ctx.SetBody(body)
	})
}

func listen(stop context.Context, addr string, handle fasthttp.RequestHandler) error {
	server := &fasthttp.Server{Handler: handle, NoDefaultServerHeader: true}
	context.AfterFunc(stop, func() { _ = server.Shutdown() })
	return server.ListenAndServe(addr)
}

// bare is a handler over Badger and nothing else.
type bare struct {
	db     *badger.DB
	writes chan write // nil: every request commits by itself
}

type write struct {
	key, value []byte
	done       chan error
}

// serveBadger has Badger's own sizes, but no compression and no block cache: both cost reads.
func serveBadger(stop context.Context, s served) error {
	opt := badger.DefaultOptions(s.dir).WithSyncWrites(true).WithCompression(options.None).
		WithBlockCacheSize(0).WithDetectConflicts(false).WithLoggingLevel(badger.ERROR)
	db, err := badger.Open(opt)
	if err != nil {
		return err
	}
	if err := preload(db, s); err != nil {
		return err
	}
	b := &bare{db: db}
	if s.name == "grouped" {
		b.writes = make(chan write, 4*groupMax)
		go b.group()
	}
	return errors.Join(listen(stop, s.addr, b.handle), db.Close())
}

// preload writes every key once, the quick way.
func preload(db *badger.DB, s served) error {
	batch := db.NewWriteBatch()
	defer batch.Cancel()
	r := rand.New(rand.NewPCG(1, 1))
	for i := range s.keys {
		if err := batch.Set([]byte(keysOf(s.keys).Key(i)), bench.Value(s.size, r)); err != nil {
			return err
		}
	}
	return batch.Flush()
}

func (b *bare) handle(ctx *fasthttp.RequestCtx) {
	key := ctx.Path()[len("/kv/"):]
	var err error
	if ctx.IsPut() {
		err = b.put(append([]byte(nil), key...), append([]byte(nil), ctx.PostBody()...))
	} else {
		err = b.db.View(func(tx *badger.Txn) error {
			item, err := tx.Get(key)
			if err != nil {
				return err
			}
			return item.Value(func(v []byte) error {
				ctx.SetBody(v)
				return nil
			})
		})
	}
	if err != nil {
		ctx.Error(err.Error(), fasthttp.StatusInternalServerError)
	}
}

func (b *bare) put(key, value []byte) error {
	if b.writes == nil {
		return b.db.Update(func(tx *badger.Txn) error { return tx.Set(key, value) })
	}
	w := write{key, value, make(chan error, 1)}
	b.writes <- w
	return <-w.done
}

// group commits whatever waits in one transaction.
func (b *bare) group() {
	for first := range b.writes {
		batch := []write{first}
		for more := true; more && len(batch) < groupMax; {
			select {
			case w := <-b.writes:
				batch = append(batch, w)
			default:
				more = false
			}
		}
		err := b.db.Update(func(tx *badger.Txn) error {
			for _, w := range batch {
				if err := tx.Set(w.key, w.value); err != nil {
					return err
				}
			}
			return nil
		})
		for _, w := range batch {
			w.done <- err
		}
	}
}
