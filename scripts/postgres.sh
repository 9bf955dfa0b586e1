#!/usr/bin/env bash
# The tests of studies start a PostgreSQL of their own; where its programs are missing and can't be fetched, those tests
# skip and say why (and fail where CI is set).
set -uo pipefail

command -v initdb >/dev/null && exit 0
for program in /usr/lib/postgresql/*/bin/initdb; do
    [ -x "$program" ] && exit 0
done
# Debian would start a cluster of its own at once; the tests bring theirs.
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && [ "${LMM4LMM_NO_APT:-}" != 1 ] && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    mkdir -p /etc/postgresql-common && echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
fi
exec "$(dirname "${BASH_SOURCE[0]}")/fetch.sh" postgres postgresql "its tests will skip (in CI: fail)"
