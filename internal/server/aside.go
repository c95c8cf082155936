package server

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"kvs/internal/backup"
	"kvs/internal/config"
	"kvs/storage"
)

// openOrRebuild opens the store of a node. One that is damaged beyond opening is renamed
// and kept, if there are other nodes to take the data from: the node begins anew, as a
// new replica. What only the damaged store had is still in it.
func openOrRebuild(cfg config.Config, log *slog.Logger, o storage.Options) (*storage.Store, error) {
	s, err := storage.Open(o)
	if !errors.Is(err, storage.ErrCorrupt) {
		return s, err
	}
	if !cfg.ClusteringEnabled || len(cfg.SeedNodes) == 0 {
		return nil, fmt.Errorf("%w. Nobody else is known to have its data: kvs restore BACKUP --into a new directory, "+
			"or name other nodes in seed_nodes to begin anew with theirs", err)
	}
	aside := strings.TrimRight(o.Dir, string(os.PathSeparator)) + ".damaged-" + time.Now().UTC().Format(backup.IDTime)
	if renamed := os.Rename(o.Dir, aside); renamed != nil {
		return nil, fmt.Errorf("%w. It cannot be set aside: %w. Try: move it away, and start again", err, renamed)
	}
	log.Warn("a damaged store was set aside; this node takes a copy of the others' data", "aside", aside, "cause", err,
		"lost", "writes that reached no other node are in the directory aside alone")
	return storage.Open(o)
}
