# Every target sets up what it needs; nothing has to be installed first but Python 3.11 and make.
.DEFAULT_GOAL := help
.PHONY: help setup demo dev test prove prove-kills prove-calls prove-load prove-million
.PHONY: search conformance-mcp check bench clean

BIN := .venv/bin
# What takes minutes: killed processes, whole stacks, a hundred thousand generated programs.
LONG := tests/durability tests/deploy/test_stack.py \
	tests/expressions/test_against_c_jq.py tests/expressions/test_fuzz.py
# Needs the npm registry.
SUITE := tests/mcp_conformance
KILLS := tests/durability/test_killed_everywhere.py
SEARCH := tests/model/test_model.py::test_the_interpreter_does_what_the_model_does

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## set up, run a factory workflow for real, and stop
	@scripts/setup run
	@exec $(BIN)/millwright demo

dev: ## set up, start the whole stack and stay up
	@scripts/setup run
	@exec $(BIN)/millwright dev

test: ## set up and run the tests, but for the long ones
	@scripts/setup dev
	@exec $(BIN)/pytest -n 2 --dist worksteal $(LONG:%=--ignore=%) --ignore=$(SUITE)

prove: ## set up and run the long tests
	@scripts/setup dev
	@MILLWRIGHT_TEST_MODEL_EXAMPLES=30 exec $(BIN)/pytest -n 2 --dist worksteal $(LONG) tests/model

search: ## set up and look at random for what interpreter and model do differently
	@scripts/setup dev
	@MILLWRIGHT_TEST_MODEL_RANDOM=1 MILLWRIGHT_TEST_MODEL_EXAMPLES=100 exec $(BIN)/pytest -n 0 $(SEARCH)

prove-kills: ## set up and kill workers at every boundary in both ways; keeps the figures
	@scripts/setup dev
	@MILLWRIGHT_TEST_KILLS=all exec $(BIN)/pytest -n 0 -s $(KILLS)

prove-calls: ## set up and kill 200 workers while they call a tool; keeps the figures
	@scripts/setup dev
	@MILLWRIGHT_TEST_KILLED_CALLS=200 exec $(BIN)/pytest -n 0 -s tests/durability/test_killed_calls.py

prove-load: ## set up and let 1,000 waiting instances survive; keeps the figures
	@scripts/setup dev
	@MILLWRIGHT_TEST_LOAD=1000 exec $(BIN)/pytest -n 0 -s tests/durability/test_load.py

prove-million: ## set up and let one instance make a million turns; keeps the figures
	@scripts/setup dev
	@MILLWRIGHT_TEST_TURNS=1000000 exec $(BIN)/pytest -n 0 -s tests/durability/test_million.py

conformance-mcp: ## set up and run the official suite of MCP against the hub as a client; keeps the figures
	@scripts/setup dev
	@exec $(BIN)/pytest -n 0 -s $(SUITE)

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
