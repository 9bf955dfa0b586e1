#!/usr/bin/env bash
# Makes .venv and installs what constraints.txt pins; does nothing when nothing has changed.
# pip's own settings (index, mirror, wheel folders, proxy) are honoured as they are.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

stamp=.venv/.installed
log=.venv/install.log

say() { printf '%s\n' "$*" >&2; }
die() { say "setup: $*"; exit 2; }

hash_of_inputs() {
    if command -v sha256sum >/dev/null; then cat "$@" | sha256sum; else cat "$@" | shasum -a 256; fi
}

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    local candidate
    if [ -n "${PYTHON:-}" ]; then
        command -v "$PYTHON" >/dev/null || die "PYTHON=$PYTHON is not there"
        new_enough "$PYTHON" || die "PYTHON=$PYTHON is older than 3.11"
        echo "$PYTHON"
        return
    fi
    for candidate in python3 python3.11 python3.12 python3.13 python3.14; do
        if command -v "$candidate" >/dev/null && new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    die "Python 3.11 or newer is needed; python3 here is: $(python3 --version 2>&1 || echo absent)." \
        "Install one and run: make PYTHON=/path/to/python3.11"
}

make_venv() {
    local python
    python=$(find_python)
    "$python" -c 'import venv, ensurepip' 2>/dev/null ||
        die "$("$python" --version) has no venv module (on Debian and Ubuntu: apt-get install python3-venv)"
    say "setup: making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv || die "could not make .venv (see the lines above)"
}

install() {
    say "setup: $1 ..."
    shift
    if ! .venv/bin/python -m pip install --disable-pip-version-check --no-input --progress-bar off \
        -c constraints.txt "$@" >>"$log" 2>&1; then
        tail -n 15 "$log" >&2
        die "pip failed; all it said is in $log. Offline? pip reads PIP_INDEX_URL and PIP_FIND_LINKS."
    fi
}

want=$(hash_of_inputs pyproject.toml constraints.txt scripts/setup.sh)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ] && [ -x .venv/bin/lmm4lmm ]; then
    exit 0
fi

started=$SECONDS
if [ ! -x .venv/bin/python ] || ! new_enough .venv/bin/python; then make_venv; fi
rm -f "$stamp"
: >"$log"
# torch first and alone: where a CPU build is offered (a wheel folder, say), pip then settles on it
# before anything else can ask for the build with gigabytes of CUDA.
install "torch (the largest part)" torch==2.13.0
install "lmm4lmm with [lmm,dev], pinned by constraints.txt" -e '.[lmm,dev]'
printf '%s\n' "$want" >"$stamp"
say "setup: done in $((SECONDS - started)) s"
