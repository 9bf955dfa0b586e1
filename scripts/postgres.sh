#!/usr/bin/env bash
# The tests of studies start a PostgreSQL of their own. Its programs are fetched only if they are missing, we are root
# and apt-get is there; otherwise those tests skip and say why (and fail where CI is set). LMM4LMM_NO_APT=1 forbids it.
set -uo pipefail

command -v initdb >/dev/null && exit 0
for program in /usr/lib/postgresql/*/bin/initdb; do
    [ -x "$program" ] && exit 0
done
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null || [ "${LMM4LMM_NO_APT:-}" = 1 ]; then
    echo "postgres: no PostgreSQL here; its tests will skip (in CI: fail)" >&2
    exit 0
fi
echo "postgres: installing postgresql with apt-get (tests only) ..." >&2
log=$(mktemp)
# Debian would start a cluster of its own at once; the tests bring theirs.
mkdir -p /etc/postgresql-common
[ -e /etc/postgresql-common/createcluster.conf ] ||
    echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
if { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql; } \
    >"$log" 2>&1; then
    rm -f "$log"
else
    tail -n 3 "$log" >&2
    echo "postgres: apt-get failed (all it said: $log); its tests will skip (in CI: fail)" >&2
fi
exit 0
