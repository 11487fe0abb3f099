PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# without bytecode, each of the hundreds of commands that the tests start would compile the whole package anew
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test campaigns check faults bench fuzz schemas screens clean

$(BIN)/cogc: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $(BIN)/cogc

# The main job on a real example, offline: check it, draw it, run it.
demo: $(BIN)/cogc
	$(BIN)/cogc check examples/trial
	$(BIN)/cogc graph examples/trial/trial.cog --root Trial
	$(BIN)/cogc run examples/trial/trial.cog --root Trial --input motion="Tabs over spaces" --sim

test: $(BIN)/cogc
	$(BIN)/python -m pytest -n 4

# The tests of whole systems of processes, browsers and containers, and of runs that are killed, which `make test` leaves out.
campaigns: $(BIN)/cogc
	$(BIN)/python -m pytest -n 4 -m campaign

# What a change must pass besides the tests.
check: $(BIN)/cogc
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Runs that are killed, at random times or at each write of their journal; files in which bytes are changed. Each test prints its seed.
faults: $(BIN)/cogc
	COGC_FAULTS=200 $(BIN)/python -m pytest -n 2 --timeout=0 -m '' tests/test_reaper.py tests/test_faults.py tests/test_durable.py tests/stores/test_damage.py

# Mutated specs through the checker, malformed replies of models through runs, and generated reactions through the kernel, the seeds
# that fail printed: `make fuzz COUNT=60000 REPLIES=2000 REACTIONS=10000 SEED=0`.
fuzz: $(BIN)/cogc
	PYTHONPATH=tests $(BIN)/python -m support.mutations $(or $(COUNT),60000) $(or $(SEED),0)
	COGC_EXAMPLES=$(or $(REACTIONS),10000) COGC_SEED=$(or $(SEED),0) $(BIN)/python -m pytest tests/test_reactions_run.py
	PYTHONPATH=tests $(BIN)/python -m support.odd_replies $(or $(REPLIES),2000) $(or $(SEED),0)

bench: $(BIN)/cogc
	$(BIN)/python bench/run.py

# The files that are made from others: the parser's tables, the forms as functions, the tree of the mixins, the JSON Schemas, and what editors need.
schemas: $(BIN)/cogc
	$(BIN)/python -m grammar.make_tables
	$(BIN)/python -m grammar.make_forms
	$(BIN)/python -m grammar.make_prelude
	$(BIN)/python -m grammar.make_schemas
	$(BIN)/python -m grammar.make_rules
	$(BIN)/python -m grammar.make_editors

# The pictures of specs/view.md.
screens: $(BIN)/cogc
	PYTHONPATH=tests $(BIN)/python -m support.screens specs/view

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
