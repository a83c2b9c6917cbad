#!/bin/sh
# Trains on a machine with Python, PyTorch and NumPy, and without a network: sh train.sh MINUTES PLAN [OUTPUT].
# PLAN is a file; `-` is the plan that was packed. What is learnt lies in the folder OUTPUT (default: $OUT)
# from the first minute on. MSSN_WAY, in the words of an earlier log of the same machine ("cuda, captured"),
# spares the trial of all ways. What follows the last line is an archive, made by release/pack.py.
set -eu
usage="usage: sh train.sh MINUTES PLAN [OUTPUT]"
[ $# -ge 2 ] || { echo "$usage" >&2; exit 2; }
output=${3:-${OUT:-}}
[ -n "$output" ] || { echo "$usage: name a folder for the results, or set OUT" >&2; exit 2; }
MSSN_STARTED=$(date +%s)
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
LC_ALL=C sed '1,/^# archive$/d' "$0" | tar -x -C "$room"
python=${PYTHON:-python3}
for wheel in "$room"/wheels/*.whl; do
    "$python" -m zipfile -e "$wheel" "$room/site"
done
export MSSN_STARTED PYTHONPATH="$room:$room/src:$room/site" PYTHONUNBUFFERED=1
exec "$python" -m remote.drive "$room" "$1" "$2" "$output"
# archive
