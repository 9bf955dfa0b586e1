# Two commands, each complete on a fresh machine: `make demo` and `make test`.
# PYTHON picks the interpreter for .venv (3.11 or newer); PYTEST_ARGS goes to pytest.

.PHONY: help demo test setup docs site leaderboard clean
.DEFAULT_GOAL := help

help:
	@echo 'make demo    install if needed, then score, rank and report on real photographs (.demo/report.html)'
	@echo 'make test    install if needed, then every check: style, types, layers, tests, docs'
	@echo 'make setup   only install, into .venv, what constraints.txt pins'
	@echo 'make docs    write docs/cli.md anew from the command line itself'
	@echo 'make site    the documentation as a site, .site/index.html'
	@echo 'make leaderboard DATA=DIR   EvalMi-50K as a page, docs/leaderboard/index.html, from the released files in DIR'
	@echo 'make clean   remove what demo and tests wrote (not .venv, not the cache of weights)'

setup:
	@scripts/setup.sh

demo: setup
	@.venv/bin/python scripts/demo.py

test: setup
	@scripts/browser.sh
	@scripts/postgres.sh
	@scripts/check.sh

docs: setup
	@.venv/bin/python scripts/cli_reference.py

site: setup
	@NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --quiet

leaderboard: setup
	@.venv/bin/lmm4lmm leaderboard evalmi50k $(if $(DATA),--data '$(DATA)') --html docs/leaderboard/index.html

clean:
	rm -rf .demo .site .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
