package storage

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// failure remembers the first failure of the disk, which is final.
type failure struct {
	first  atomic.Pointer[error]
	once   sync.Once
	dir    string
	report func(error)
}

// trip makes err the failure, unless there is one.
func (f *failure) trip(err error) {
	f.once.Do(func() {
		err = fmt.Errorf("data_dir %q failed: %w", f.dir, err)
		f.first.Store(&err)
		if f.report != nil {
			f.report(err)
		}
	})
}

// err is nil as long as nothing has failed.
func (f *failure) err() error {
	if e := f.first.Load(); e != nil {
		return *e
	}
	return nil
}
