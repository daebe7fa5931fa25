#!/usr/bin/env bash
# Installs what a build (and, with "test", the tests) needs and is missing. Safe to run again.
set -euo pipefail
say() { printf '== %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

command -v cargo >/dev/null || die "Rust is missing: install Rust 1.95 or newer with rustup (https://rustup.rs), then run this again"

packages=()
need() { command -v "$1" >/dev/null || packages+=("${@:2}"); }
need cmake cmake
need clang clang
need g++ g++
need make make
need python3 python3 python3-pip
compgen -G '/usr/lib/llvm-*/lib/libclang.so*' >/dev/null || packages+=(libclang-dev)
if [ "${1:-}" = test ]; then
  need chromium chromium
  need chromedriver chromium-driver
  need npm npm
fi
[ ${#packages[@]} -eq 0 ] && exit 0

command -v apt-get >/dev/null || die "please install with your package manager: ${packages[*]}"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || die "these packages are missing and neither root nor sudo is at hand: ${packages[*]}"
  as_root=(sudo)
fi
say "installing ${packages[*]}"
"${as_root[@]}" apt-get update -qq || die "apt-get update failed; is the network there?"
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null ||
  die "apt-get could not install ${packages[*]}"
