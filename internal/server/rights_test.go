package server

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"kvs/internal/auth"
)

// Goal: the table agrees with a map through changes of all kinds and growth. Method:
// random changes of few enough paths that each is set, replaced and dropped many times.
func TestRightsAgainstMap(t *testing.T) {
	r, model := newRights(), map[string]auth.ACL{}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 60_000 {
		path := fmt.Sprint(random.IntN(6 * rightsBucketsMin))
		if random.IntN(4) == 0 {
			r.drop(path)
			delete(model, path)
		} else {
			model[path] = auth.ACL{Mode: auth.Mode(i % 0x1000)}
			r.set(path, model[path])
		}
	}
	if len(*r.table.Load()) == rightsBucketsMin {
		t.Error("the table did not grow")
	}
	if r.count != len(model) {
		t.Errorf("%d paths are counted, there are %d", r.count, len(model))
	}
	for n := range 6 * rightsBucketsMin {
		path := fmt.Sprint(n)
		want, there := model[path]
		if got, ok := r.at(path); ok != there || got != want {
			t.Errorf("%s: %v %v, want %v %v", path, got, ok, want, there)
		}
	}
}

// Goal: whoever reads while others change finds what was set before, growth or not. Run
// with -race.
func TestRightsAreReadWhileTheyGrow(t *testing.T) {
	r := newRights()
	stays := auth.ACL{Mode: auth.DefaultMode}
	r.set("stays", stays)
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if got, ok := r.at("stays"); !ok || got != stays {
					t.Errorf("%v %v", got, ok)
					return
				}
			}
		})
	}
	for n := range 8 * rightsBucketsMin {
		r.set(fmt.Sprint(n), auth.ACL{})
		if n%2 == 0 {
			r.drop(fmt.Sprint(n / 2))
		}
	}
	close(stop)
	readers.Wait()
}

// BenchmarkRightsAt looks at random paths of many.
func BenchmarkRightsAt(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r, paths := newRights(), make([]string, n)
			for i := range paths {
				paths[i] = fmt.Sprintf("some/directory/%d", i)
				r.set(paths[i], auth.ACL{Mode: auth.DefaultMode})
			}
			for i := 0; b.Loop(); i++ {
				r.at(paths[i*7919%n])
			}
		})
	}
}
