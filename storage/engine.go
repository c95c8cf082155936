package storage

import (
	"fmt"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"kvs/statemachine/keyspace"
)

// engine is Badger behind keyspace.Tx: transactions, envelopes and values of
// two parts. It knows nothing of the core.
type engine struct {
	db *badger.DB
	// splits holds the keys whose values have a second part, and those that
	// once had one in this run: a delete of nothing does no harm. Only update
	// touches it. It costs a key for each value within a few bytes of 1 MiB.
	splits map[string]struct{}
	// small makes values smaller, for update alone. nil: it does not.
	small *compressor
	// report hears of damaged records.
	report func(key []byte)
}

func openEngineWith(o badger.Options, small *compressor, report func(key []byte)) (*engine, error) {
	db, err := badger.Open(o)
	if err != nil {
		return nil, err
	}
	e := &engine{db: db, splits: make(map[string]struct{}), small: small, report: report}
	if err := e.loadSplits(); err != nil {
		db.Close()
		return nil, err
	}
	return e, nil
}

// badgerOptions says how Badger runs. Compression costs a third of the reads
// and needs a cache; values are compressed one by one where it pays, if at all.
func badgerOptions(dir string, log badger.Logger) badger.Options {
	o := badger.DefaultOptions(dir)
	o.SyncWrites = true
	o.DetectConflicts = false // one writer
	o.NumVersionsToKeep = 1
	o.MemTableSize = memTableBytes
	o.NumMemtables = memTablesMax
	o.ValueThreshold = valueThreshold
	o.ValueLogFileSize = valueLogBytes
	o.NumCompactors = compactorsMin
	o.NumLevelZeroTables, o.NumLevelZeroTablesStall = levelZeroTables, levelZeroStall
	o.BaseTableSize, o.BaseLevelSize = baseTableBytes, baseLevelBytes
	o.NumGoroutines = 1
	o.Compression = options.None
	o.BlockCacheSize = 0
	o.MetricsEnabled = false // they are global to the process
	o.ExternalMagicVersion = magic<<8 | format
	o.Logger = log
	return o
}

func (e *engine) loadSplits() error {
	txn := e.db.NewTransaction(false)
	defer txn.Discard()
	prefix := secondKey(nil)
	it := txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		e.splits[string(it.Item().Key()[len(prefix):])] = struct{}{}
	}
	return nil
}

// update is the keyspace.Update of this store: it returns once the transaction
// is durable. A failure leaves it as a fault. It must not run twice at a time.
func (e *engine) update(fn func(keyspace.Tx)) {
	txn := e.db.NewTransaction(true)
	defer txn.Discard()
	t := &tx{reader: reader{txn: txn, report: e.report}, splits: e.splits, small: e.small}
	fn(t)
	if err := txn.Commit(); err != nil {
		panic(fault{fmt.Errorf("commit a batch: %w", err)})
	}
}

// view runs fn on a snapshot of what is committed.
func (e *engine) view(fn func(keyspace.Reader)) {
	txn := e.db.NewTransaction(false)
	defer txn.Discard()
	fn(&reader{txn: txn, report: e.report})
}
