# `make` explains. Every target sets up what it needs: .venv, dependencies, C code.
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format generate schema-check fuzz nightly nightly-kills perf wheel clean
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
C_FILES = $(wildcard native/*/*.[ch] native/*/*/*.[ch])
export PYTHON CC
# The version of the schema that others may already use: what `make schema-check` compares with.
OLD ?= HEAD
FUZZ_SECONDS ?= 60

help: ## This text
	@echo "make TARGET   (PYTHON=/path/to/python3 chooses the interpreter, CC=... the compiler)"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' Makefile | while IFS='|' read -r a b; do printf '  %-14s %s\n' "$$a" "$$b"; done

setup: ## Make .venv, install the dependencies, build the C code
	@scripts/set-up

demo: setup ## The whole stack in one go: ticks in, children booked, log verified (ARGS="--accounts 1000")
	@$(BIN)/mam demo $(ARGS)

test: setup ## All tests (ARGS="-k name"); fetches the wheel for those of the FIX bridge, which takes seconds
	@scripts/set-up-fix
	@$(BIN)/python -m pytest $(ARGS)

lint: setup ## Formats, style, types, compiler warnings; changes nothing
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/clang-format --dry-run -Werror $(C_FILES)
	@scripts/lint-native

format: setup ## Formats Python and C
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@$(BIN)/clang-format -i $(C_FILES)

generate: setup ## Writes what is generated from native/schema/mam.xml
	@$(BIN)/python -m appliance.schema generate

schema-check: setup ## Checks the schema, and that it only appends to that of commit OLD (default HEAD)
	@$(BIN)/python -m appliance.schema check
	@mkdir -p build && git show $(OLD):native/schema/mam.xml >build/mam-old.xml
	@$(BIN)/python -m appliance.schema backcheck build/mam-old.xml native/schema/mam.xml

fuzz: setup ## Fuzzes the C decoders (FUZZ_SECONDS=60 each)
	@FUZZ_SECONDS=$(FUZZ_SECONDS) $(BIN)/python -m pytest -k fuzz $(ARGS)

nightly: setup ## Ten million messages of the hostile exchange (MESSAGES=..., SEED=...); prints a failing seed
	@$(BIN)/python -m tests.engine.exchange --nightly $(or $(SEED),1) $(or $(MESSAGES),10000000)

nightly-kills: setup ## 500 strikes: kill -9 of every process, at random and at named points, and power cuts (MAM_KILLS=, MAM_SEED=)
	@MAM_KILLS=$${MAM_KILLS:-250} MAM_KILL_DURABILITY=commit,async $(BIN)/python -m pytest -s tests/daemon/test_kills.py --timeout 14400 $(ARGS)

perf: setup ## Benchmarks, one after the other (ARGS=--record keeps the results in perf/results)
	@for name in ring_round_trip order_latency engine_throughput allocation fairness valuation partial_fills audit_writer audit_replay commit_latency; do \
		echo "== $$name"; $(BIN)/python perf/$$name.py $(ARGS) || true; done

wheel: setup ## Builds the wheel into dist/
	@$(BIN)/python -m pip wheel -q --no-build-isolation --no-deps -w dist .

clean: ## Removes everything that was made
	@rm -rf .venv build dist *.egg-info appliance/*.so .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
