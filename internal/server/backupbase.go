package server

import (
	"errors"
	"fmt"

	"kvs/internal/backup"
)

// base is what an incremental backup may build on: the newest sound one, if all that it
// builds on is there and less than so many of that are incremental. It is nil for a full
// backup, which is what is made if in doubt.
func (b *backups) base(p *plan, incrementals int) *backup.Header {
	if incrementals == 0 {
		return nil
	}
	chain, err := b.newestChain(p)
	switch {
	case err != nil:
		b.log.Error("a full backup instead of an incremental one", "backup_path", p.dir, "error", err)
		return nil
	case len(chain) == 0 || len(chain) > incrementals:
		return nil
	}
	return &chain[0]
}

// newestChain is the newest sound backup with all that it builds on; none before the first.
func (b *backups) newestChain(p *plan) (chain []backup.Header, err error) {
	all, err := b.List()
	if err != nil {
		return nil, err
	}
	next := ""
	for i := range all {
		if all[i].State == "done" {
			next = all[i].ID
		}
	}
	for next != "" && len(chain) < backup.LinksMax {
		h, _, err := backup.ReadHeader(p.path(next))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.path(next), err)
		}
		chain, next = append(chain, h), ""
		if h.Base != nil {
			next = h.Base.ID
		}
	}
	return chain, nil
}

// provesItself reads an incremental backup with all that it builds on. The node cannot
// where one of them is encrypted.
func (b *backups) provesItself(p *plan, id string) error {
	chain, err := backup.Follow(backup.FileLink(p.path(id)), backup.Beside(p.dir), nil)
	if err == nil {
		err = chain.Each(func(backup.Frame) error { return b.ctx.Err() })
	}
	if errors.Is(err, backup.ErrEncrypted) {
		return nil
	}
	return err
}
