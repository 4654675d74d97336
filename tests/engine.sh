#!/usr/bin/env bash
# tests/engine.sh FOLDER        installs the engine of tests/test_engine.py: transformers and torch, 1.2 GB without CUDA.
# It is in no lock. Where the index offers torch with CUDA alone, that is what comes.
set -euo pipefail
folder=${1:?"usage: tests/engine.sh FOLDER"}
root=$(dirname "$0")/..
"$root/.venv/bin/python" -m venv "$folder"
"$folder/bin/python" "$root/install.py" torch==2.13.0 'transformers[serving]==5.23.0'
echo "export SEEDLING_TEST_ENGINE=$(realpath "$folder")/bin/python"
