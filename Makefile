# Every target sets up what it needs; nothing has to be installed first but Python 3.11 and make.
.DEFAULT_GOAL := help
.PHONY: help setup demo dev test prove check bench clean

BIN := .venv/bin
# What takes minutes: killed processes, whole stacks, a hundred thousand generated programs.
LONG := tests/durability tests/deploy/test_stack.py \
	tests/expressions/test_against_c_jq.py tests/expressions/test_fuzz.py

help: ## show this
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## set up, run a factory workflow for real, and stop
	@scripts/setup run
	@exec $(BIN)/millwright demo

dev: ## set up, start the whole stack and stay up
	@scripts/setup run
	@exec $(BIN)/millwright dev

test: ## set up and run the tests, but for the long ones
	@scripts/setup dev
	@exec $(BIN)/pytest -n 2 --dist worksteal $(LONG:%=--ignore=%)

prove: ## set up and run the long tests
	@scripts/setup dev
	@exec $(BIN)/pytest -n 2 --dist worksteal $(LONG)

check: ## set up, then format, lint, types, layers and dependencies
	@scripts/setup dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/deptry .

bench: ## set up and measure (ONLY="interpreter local": those); results go to bench/results
	@scripts/setup dev
	@exec $(BIN)/python -m bench $(ONLY)

setup: ## set up for development
	@scripts/setup dev

clean: ## remove the environment, caches and local data
	rm -rf .venv .millwright .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
