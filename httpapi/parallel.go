package httpapi

import "sync"

// inParallel runs fn for each item, and returns when all are done. What fn waits for is
// the disk, which syncs once for all that come together. A panic of fn becomes one of
// the caller.
func (s *Server) inParallel(items []*batchItem, fn func(*batchItem)) {
	if s.guard == nil {
		for _, it := range items {
			fn(it) // without rights there is nothing to wait for
		}
		return
	}
	var wait sync.WaitGroup
	places := make(chan struct{}, batchParallelMax)
	var bug any
	var once sync.Once
	for _, it := range items {
		places <- struct{}{}
		wait.Go(func() {
			defer func() {
				if r := recover(); r != nil {
					once.Do(func() { bug = r })
				}
				<-places
			}()
			fn(it)
		})
	}
	wait.Wait()
	if bug != nil {
		panic(bug)
	}
}
