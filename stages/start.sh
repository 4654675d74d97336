# Start a stage: `sh stages/start.sh generate`, the command of each stage in dvc.yaml.
# It uses the Python of the active environment, else of .venv, so that `.venv/bin/dvc repro` needs no activation.
PATH="${VIRTUAL_ENV:-.venv}/bin:$PATH" exec python -m stages "$@"
