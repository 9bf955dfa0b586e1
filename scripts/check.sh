#!/usr/bin/env bash
# Every check, each under its heading; runs all of them, then fails if one failed.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/.venv/bin:$PATH"

summary=()
failed=0

step() {
    local title=$1 began=$SECONDS verdict=ok
    shift
    printf '\n== %s: %s\n' "$title" "$*"
    "$@" || { verdict=FAILED; failed=1; }
    summary+=("$(printf '%-8s %4d s  %s' "$verdict" $((SECONDS - began)) "$title")")
}

# shellcheck disable=SC2086  # PYTEST_ARGS is meant to be split
step "Style" ruff check .
step "Format" ruff format --check .
step "Types" mypy --strict src
step "Layers" lint-imports
# One thread of torch a process: two processes with two each wait for one another more than they work.
step "Tests" env OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE python -m pytest -n 3 --dist loadfile --no-loadscope-reorder ${PYTEST_ARGS:-}
step "Docs" python scripts/cli_reference.py --check
step "Site" env NO_MKDOCS_2_WARNING=1 mkdocs build --strict --quiet

printf '\n== Summary\n'
printf '%s\n' "${summary[@]}"
exit "$failed"
