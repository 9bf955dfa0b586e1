#!/usr/bin/env bash
# The browser tests need Chromium; where it is missing and can't be fetched, those tests skip and say why.
set -uo pipefail

for name in chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" >/dev/null && exit 0
done
exec "$(dirname "${BASH_SOURCE[0]}")/fetch.sh" browser chromium "the browser tests will skip"
