#!/bin/sh
# One command for a GPU machine without a network: all stages of docs/gpu.md, results in $OUT (or ./gpu-results).
# scripts/gpu/run.sh --help says how to choose stages; --dry-run runs them all on a CPU, tiny.
cd "$(dirname "$0")/../.." || exit 1
exec "${PYTHON:-python3}" -m scripts.gpu.run "$@"
