# Two commands matter: make demo, make check. The README says what they need.

GO      ?= go
BIN     := bin/espalier
LISTEN  ?= 127.0.0.1:8080
DEMO    := demo
FUZZTIME ?= 20s

.PHONY: build demo check lint generate fuzz torture bench audit clean

build: $(BIN)

.PHONY: $(BIN)
$(BIN):
	@mkdir -p bin
	$(GO) build -trimpath -o $(BIN) ./cmd/espalier

# Fills a fresh database with a sample MSP and serves it.
demo: $(BIN)
	scripts/demo.sh $(BIN) $(DEMO) $(LISTEN)

# Every test there is, on SQLite and on PostgreSQL; what CI runs.
check: lint
	scripts/postgres.sh run $(GO) test -timeout 15m ./...
	$(GO) test -race -short -timeout 15m $(RACE)

# With the race detector on SQLite: what runs things side by side.
RACE := ./access/... ./api/... ./audit/... ./openid/... ./signin/... ./store/... ./token/...

lint:
	@test -z "$$(gofmt -l . | tee /dev/stderr)" || (echo "gofmt: the files above are not formatted"; exit 1)
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

generate:
	$(GO) generate ./...

fuzz:
	scripts/fuzz.sh $(FUZZTIME)

# Kills the server at random, many times; see torture/.
torture: $(BIN)
	scripts/postgres.sh run $(GO) test -count=1 -timeout 60m -v ./torture -args -binary=$(CURDIR)/$(BIN) -rounds=200 -postgres-rounds=50 -ready=1s

# Ratios to floors taken in the same run, written to bench/README.md.
bench: $(BIN)
	scripts/postgres.sh run $(GO) run ./bench -out bench/README.md

# Known vulnerabilities; needs the internet.
audit:
	$(GO) run golang.org/x/vuln/cmd/govulncheck@latest ./...

clean:
	rm -rf bin $(DEMO)
