#!/usr/bin/env bash
# Everything `make test` does: prepare, build, run every test, close with the runner's own summary.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh test
scripts/models.sh
export PLANNER_MODELS="${PLANNER_MODELS:-$PWD/models}"
printf '== building the tests (the first time takes several minutes)\n'
if cargo nextest --version >/dev/null 2>&1; then
  cargo nextest run --workspace --locked --no-fail-fast
else
  cargo test --workspace --locked --no-fail-fast
fi
