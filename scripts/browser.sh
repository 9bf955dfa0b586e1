#!/usr/bin/env bash
# The browser tests need Chromium. Fetched only if it is missing, we are root and apt-get is there;
# otherwise those tests skip and say why. LMM4LMM_NO_APT=1 forbids it.
set -uo pipefail

for name in chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" >/dev/null && exit 0
done
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null || [ "${LMM4LMM_NO_APT:-}" = 1 ]; then
    echo "browser: no Chromium here; the browser tests will skip" >&2
    exit 0
fi
echo "browser: installing chromium with apt-get (browser tests only) ..." >&2
log=$(mktemp)
if { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium; } \
    >"$log" 2>&1; then
    rm -f "$log"
else
    tail -n 3 "$log" >&2
    echo "browser: apt-get failed (all it said: $log); the browser tests will skip" >&2
fi
exit 0
