# QT-Ray. A fresh clone needs only Python 3.11 or newer, gcc, git and make: every target sets itself up.
#
#   make run     the main job: a fund on paper money, deciding and trading until Ctrl-C
#   make demo    a backtest of a demo fund, with its report
#   make test    everything that must hold: check, then all tests
#   make check   ruff, mypy, import contracts, tidiness
#   make fix     what ruff can mend by itself
#   make bench   every published number, into docs/benchmarks.md
#   make chaos   the long campaigns: faults and kill -9 by the hundred, into docs/faults-measured.md; two hours, or a few
#                minutes with SHORT=1
#   make coverage  branches of money, risk, execution and engine, kernels interpreted
#   make docs    pages that are generated from the code
#
# PYTHON       the interpreter to build .venv with
# TORCH_INDEX  address of a package index with CPU builds of torch, where the usual one would bring CUDA;
#              empty takes the usual one

PYTHON ?= python3
TORCH_INDEX ?=
# One more than the two cores that there are: many tests wait for a clock, a process or a socket.
WORKERS ?= 3
CAMPAIGNS := fault_campaign fence_campaign fence_processes crash_points part_kills
LAWS := core.money risk execution engine

BIN := .venv/bin
READY := .venv/.installed
COMPILED := .venv/.compiled

.DEFAULT_GOAL := run
.PHONY: run demo test check coverage fix bench chaos docs clean

run: $(COMPILED)
	$(BIN)/qt up --profile paper

demo: $(READY)
	$(BIN)/qt demo

test: $(READY)
	@$(MAKE) --no-print-directory -j2 check $(COMPILED)
	@.ci/clients
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup --ignore=tests/house

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest tests/house

coverage: $(READY)
	NUMBA_DISABLE_JIT=1 $(BIN)/pytest -n $(WORKERS) -W ignore::RuntimeWarning --cov-branch $(LAWS:%=--cov=qt_ray.%) \
	  --cov-report=term-missing tests/unit/core tests/unit/risk tests/unit/execution tests/unit/ai tests/unit/engine/test_[prsw]*.py

fix: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)
	$(BIN)/python -m benchmarks

chaos: $(READY)
	$(BIN)/python -m benchmarks $(CAMPAIGNS) $(if $(SHORT),--quick) --out docs/faults-measured.md

docs: $(READY)
	$(BIN)/python -m docs.generate

clean:
	rm -rf $(COMPILED) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find qt_ray tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} +

# What the parts of a fund compile on first use: once, before there is one, and not by all of them beside each other.
$(COMPILED): $(READY) $(shell find qt_ray -name '*.py')
	@echo "set-up: machine code" >&2
	@$(BIN)/python -c "from qt_ray.engine.rehearsal import prepared; prepared()"
	@touch $@

$(READY): pyproject.toml constraints.txt
	@.ci/setup "$(PYTHON)" "$(TORCH_INDEX)"
