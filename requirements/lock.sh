#!/bin/sh
# Resolves the locks: dev.txt holds everything, the others are cut out of it. Versions are kept unless UPGRADE=--upgrade.
set -eu
cd "$(dirname "$0")/.."
compile() { # output file, then what to resolve
    out=$1; shift
    # shellcheck disable=SC2086 # UPGRADE is an option or nothing
    "$BIN/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
        --no-emit-index-url --custom-compile-command "make lock" ${UPGRADE:-} "$@" --output-file "requirements/$out"
}
compile dev.txt pyproject.toml --all-extras --group dev --override requirements/overrides.txt
for extra in gateway serving trainer dashboard loadtests client; do
    compile $extra.txt pyproject.toml --extra $extra --override requirements/overrides.txt --constraint requirements/dev.txt
done
compile build.txt --group build --constraint requirements/dev.txt
compile pillow-simd.txt requirements/pillow-simd.in
compile pillow.txt requirements/pillow.in
