# Everything needs only Python 3.11+ and make; the virtual environment is built on first use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Of the demo plan's twenty methods and twelve tasks; all of them where none is named, as in
# make demo METHODS="random ld simclr" TASKS=scr_lung
METHODS :=
TASKS :=

.PHONY: setup demo test check format clean

setup: $(READY)

# solo-learn pins an ancient torch, so it is installed without its own requirements; it is a second
# backend, and all but deepcluster_v2 runs without it. Its wheel also drops its test-suite into site-packages
# as a package called "tests", which would shadow ours.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,ray,postgres]'
	$(BIN)/python -m pip install --quiet --no-deps --constraint constraints.txt solo-learn
	rm -rf "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/tests"
	touch $@

demo: $(READY)
	$(BIN)/ldbench run benchmark/plans/demo.toml --data phantom --out results/demo --workers 2 $(METHODS:%=--method %) $(TASKS:%=--task %)

test: $(READY)
	$(BIN)/python -m pytest -q -rs --numprocesses auto --dist loadgroup

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) results/demo
