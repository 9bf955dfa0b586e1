#!/usr/bin/env bash
# scripts/fetch.sh NAME PACKAGE OTHERWISE: fetches a Debian package that only tests need, if we are root and apt-get is
# there; else says what happens without it. LMM4LMM_NO_APT=1 forbids it. Never fails: the tests decide.
set -uo pipefail
name=$1 package=$2 otherwise=$3

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null || [ "${LMM4LMM_NO_APT:-}" = 1 ]; then
    echo "$name: no $package here; $otherwise" >&2
    exit 0
fi
echo "$name: installing $package with apt-get (tests only) ..." >&2
log=$(mktemp)
if { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$package"; } \
    >"$log" 2>&1; then
    rm -f "$log"
else
    tail -n 3 "$log" >&2
    echo "$name: apt-get failed (all it said: $log); $otherwise" >&2
fi
exit 0
