package server

import (
	"errors"

	"kvs/httpapi"
	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// Reading through. While the older records of the cluster are still on their way
// to this node, it serves clients; what its store has no record of, it asks for
// where it copies from.

// Partial says that older records are still on their way here. It costs one
// atomic load.
func (a *api) Partial() bool {
	t := &a.driver.status.Load().Transfer
	return t.Phase >= keyspace.PhaseRest && !t.Reconcile
}

// viewAtSource shows the record of a key that this node has none of. It says
// ErrNotFound only if the source has none either.
func (a *api) viewAtSource(key string, visit func(httpapi.Record)) error {
	result, err := a.driver.command(func(r statemachine.RequestID) statemachine.Input {
		return statemachine.Lookup{Request: r, Key: key}
	})
	switch {
	case errors.Is(err, httpapi.ErrSyncing):
		return httpapi.ErrIncomplete
	case err != nil:
		return err
	case result.Complete:
		_, err = a.viewHere(key, visit) // it has come by now, if it exists
		return err
	}
	e := result.Found
	if e == nil {
		return httpapi.ErrNotFound
	}
	rec := keyspace.Record{Header: e.Header, Value: e.Value}
	if err := absence(rec, a.wall()); err != nil {
		return err
	}
	visit(record(key, rec))
	return nil
}
