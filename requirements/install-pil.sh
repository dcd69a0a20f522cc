#!/bin/sh
# Installs PIL: Pillow-SIMD built here, or the Pillow wheel where that cannot be built. PIL converts and resizes; it never
# decodes a posted image (gateway/imaging.py). So Pillow-SIMD is built without any decoder but zlib's, which the plots
# of the trainer need: its JPEG decoder lacks the fixes of Pillow 12.2 and later and must not be there at all.
set -eu
here=$(dirname "$0")
log=$(mktemp)
trap 'rm -f "$log"' EXIT
pip="$PYTHON -m pip install --disable-pip-version-check --require-hashes --no-deps --force-reinstall"
off=""
for feature in jpeg tiff freetype lcms webp jpeg2000 imagequant raqm xcb avif; do
    off="$off -C $feature=disable"
done
$PYTHON -m pip uninstall --disable-pip-version-check --quiet --yes pillow pillow-simd >/dev/null 2>&1 || true
# shellcheck disable=SC2086 # the options are words
if $pip --no-cache-dir --no-build-isolation --no-binary pillow-simd $off -r "$here/pillow-simd.txt" >"$log" 2>&1; then
    echo "PIL is Pillow-SIMD, built on this machine."
else
    tail -n 3 "$log"
    echo "Pillow-SIMD could not be built (it needs a C compiler, Python's headers and zlib's); using the Pillow wheel."
    echo "Resizing is slower with it; the pixels are the same."
    $pip --quiet -r "$here/pillow.txt"
fi
