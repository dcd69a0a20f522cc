#!/bin/sh
# Resolves the peers' locks from requirements/*.in, one for each peer. Versions are kept unless UPGRADE=--upgrade.
set -eu
cd "$(dirname "$0")/../.."
for direct in loadtests/peers/requirements/*.in; do
    # shellcheck disable=SC2086 # UPGRADE is an option or nothing
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
        --no-emit-index-url --custom-compile-command "sh loadtests/peers/lock.sh" ${UPGRADE:-} "$direct" \
        --output-file "${direct%.in}.txt"
done
