#!/bin/sh
# Installs PIL: Pillow-SIMD built here, or the Pillow wheel where that cannot be built. PIL converts and resizes; it never
# decodes a posted image (gateway/imaging.py). So Pillow-SIMD is built without any decoder but zlib's, which the plots
# of the trainer need: its JPEG decoder lacks the fixes of Pillow 12.2 and later and must not be there at all.
set -eu
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pip() { # quiet, unless it fails
    subcommand=$1; shift
    "$PYTHON" -m pip "$subcommand" --disable-pip-version-check "$@" >"$work/log" 2>&1
}
build() {
    # The archive is fetched by its hash first: pip hands build options to an archive, not to a line of a lock.
    pip download --require-hashes --no-deps --no-build-isolation --no-binary pillow-simd \
        --dest "$work" -r "$here/pillow-simd.txt" || return 1
    options=""
    for feature in jpeg tiff freetype lcms webp jpeg2000 imagequant raqm xcb avif; do
        options="$options -C $feature=disable"
    done
    # shellcheck disable=SC2086 # the options are words
    pip install --no-deps --no-index --no-cache-dir --no-build-isolation $options "$work"/pillow_simd-*.tar.gz || return 1
    "$PYTHON" -c 'from PIL import features; assert features.check("zlib") and not features.check("jpg")' >"$work/log" 2>&1
}
pip uninstall --quiet --yes pillow pillow-simd || true
if build; then
    echo "PIL is Pillow-SIMD, built on this machine."
else
    tail -n 3 "$work/log"
    echo "Pillow-SIMD could not be built (it needs a C compiler, Python's headers and zlib's); using the Pillow wheel."
    echo "Resizing is slower with it, and up to 0.3 % of the resized values differ by one grey level."
    pip uninstall --quiet --yes pillow-simd || true
    pip install --require-hashes --no-deps -r "$here/pillow.txt" || { cat "$work/log"; exit 1; }
fi
