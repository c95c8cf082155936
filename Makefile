# Every target sets itself up: Go and a network for its modules are enough.

SEEDS ?= 2000
ROUNDS ?= 5
RECORDS ?= 1000000
COVERED ?= 95

.PHONY: all build deb demo test race lint swarm mutants threats bench e2e console rig fuzz coverage ci clean

all: build test

build: ## the binary, static, in this directory
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o kvs ./cmd/kvs

deb: build ## a package for Debian, in dist: the binary, a service, a manual page, completions
	contrib/deb/build.sh ./kvs dist

demo: ## three nodes in one process, with sample data
	go run ./cmd/kvs demo

test: ## everything that is quick: vet, house rules, units, properties
	go vet ./...
	go test -shuffle=on -short $$(go list ./... | grep -v /e2e$$)

race: ## the packages with goroutines, under the race detector
	go test -race -shuffle=on -short -skip 'Suite|Compress|Verif|Compact' ./storage ./transport ./httpapi ./client \
	  ./internal/server ./internal/audit ./internal/auth ./internal/lab ./internal/metrics
	go test -race -short -run 'Swarm' ./sim # worlds side by side; each is of one goroutine

lint: ## the house rules alone
	gofmt -l . | (! grep .)
	go vet ./... && go vet -tags mutants ./... && go test ./internal/lint

swarm: ## many simulated clusters, each with other faults
	go run ./cmd/sim swarm --seeds $(SEEDS)
	go run ./cmd/sim swarm --seeds $$(($(SEEDS) / 5)) --scenario guarded

mutants: ## the swarm must notice every rule that is broken on purpose
	go run -tags mutants ./cmd/sim mutants --seeds 500
	go test -tags mutants -count=1 -short -run 'Mutant|WithoutRelays|Scenarios|Ambient' ./sim ./statemachine ./internal/flight

threats: ## docs/security.md row by row, 100,000 mutated inputs of each kind, 2,000 slow clients
	go test -count=1 -run 'TestS[0-9]+|TestB14|TestEveryThreat' ./...
	go test -count=1 -v -run 'TestRigSlowClients' ./e2e -rig

e2e: ## real processes: kill -9, stopped nodes, bad input
	go test -count=1 ./e2e

console: ## the web console in Chromium, against three nodes that part and meet; keeps pictures
	rm -rf console-shots && mkdir console-shots
	go test -C tools -count=1 -v ./console -artifacts -outputdir $(CURDIR)/console-shots

rig: ## long measurements: joining with a million records, kills in the middle; bytes of repairs
	go test -count=1 -v -timeout 60m -run 'Rig' ./e2e -rig
	go test -count=1 -v -timeout 60m -run 'Rig' ./internal/server -rig

bench: build ## beside bare handlers, etcd and NATS, in one run, against targets; Linux
	go test -C tools/peers
	go build -C tools/peers -o peers.out .
	tools/peers/peers.out -kvs ./kvs -rounds $(ROUNDS) -records $(RECORDS); status=$$?; \
	  rm -f tools/peers/peers.out; exit $$status

fuzz: ## every fuzz target for a minute
	@set -e; for p in $$(go list ./...); do \
	  for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
	    echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime 60s $$p; done; done

coverage: ## the core's statements that simulated worlds never execute; fails if too many
	rm -rf coverage && mkdir -p coverage/counts
	go build -cover -coverpkg=./statemachine/...,./cmd/sim -o coverage/sim ./cmd/sim
	export GOCOVERDIR=coverage/counts; set -e; \
	coverage/sim swarm --seeds $(SEEDS); \
	for world in guarded tuned worn forgetful; do \
	  coverage/sim swarm --seeds $$(($(SEEDS) / 10)) --scenario $$world; done; \
	coverage/sim run --scenario lossy --nodes 20 --duration 20s; \
	coverage/sim run --scenario worn --trace coverage/trace; \
	coverage/sim replay sim/testdata/scripts/*.sim sim/testdata/differential/*.sim
	go tool covdata textfmt -i=coverage/counts -o coverage/profile
	@awk -v least=$(COVERED) '/\/statemachine\// { all += $$2; if ($$3 > 0) hit += $$2; \
	  else if ($$2 > 0) { split($$1, at, ","); print at[1] } } \
	  END { printf "%.1f %% of %d statements\n", 100 * hit / all, all; exit 100 * hit < least * all }' coverage/profile

ci: ## what must pass before a change lands
	$(MAKE) test
	$(MAKE) race
	$(MAKE) lint
	$(MAKE) swarm SEEDS=2000
	$(MAKE) mutants
	$(MAKE) e2e

clean:
	rm -rf dist coverage; rm -f kvs tools/peers/peers.out
