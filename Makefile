# `make run` starts the planner on a bare machine; `make test` runs everything.
.PHONY: run test check build models services services-stop quality fmt

run: build models ## install what is missing, fetch the embedded models, build, start, print the URL
	@echo "== starting"
	@./target/release/planner serve

test: ## everything, on private ports, with the runner's summary at the end
	@scripts/test.sh

build: ## the optimised program
	@scripts/setup.sh
	@echo "== building (the first time takes several minutes)"
	@cargo build --release --locked -p planner

models: ## the embedded models, into models/
	@scripts/setup.sh
	@scripts/models.sh

services: ## PostgreSQL, Redis and a mail server to work with, kept running: eval "$$(make -s services)"
	@scripts/services.sh start .services

services-stop: ## ends them and removes their data
	@scripts/services.sh stop .services

check: ## formatting, lints, documentation, licences
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
	@if command -v cargo-deny >/dev/null; then cargo deny check; else echo "cargo-deny is not installed: skipped (cargo install cargo-deny)"; fi

quality: models ## what the embedded draft model writes for fifty ideas, counted
	cargo bench --locked -p planner --bench draft_quality

fmt:
	cargo fmt --all
