#!/usr/bin/env bash
# Everything `make test` does: prepare, start PostgreSQL and Redis on private ports, build, run every test, close with
# the runner's own summary. Whatever way it ends, it ends what it started.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh test
scripts/models.sh
export PLANNER_MODELS="${PLANNER_MODELS:-$PWD/models}"
# The program our evals are compared with; where it cannot be fetched, one may be named.
if [ -z "${PLANNER_PROMPTFOO:-}" ]; then
  promptfoo=$(scripts/promptfoo.sh)
  eval "$promptfoo"
fi

services=$(mktemp -d "${TMPDIR:-/tmp}/planner-services.XXXXXX")
trap 'PLANNER_SERVICES_QUIET=1 scripts/services.sh stop "$services"' EXIT # the runner's summary stays last
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
exports=$(PLANNER_SERVICES_OWNER=$$ scripts/services.sh start "$services")
eval "$exports"

printf '== building the tests (the first time takes several minutes)\n'
if cargo nextest --version >/dev/null 2>&1; then
  cargo nextest run --workspace --locked --no-fail-fast
else
  cargo test --workspace --locked --no-fail-fast
fi
