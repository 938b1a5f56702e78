# Two commands do everything: `make run` starts the terminal, `make test` passes all checks. Both make the environment first.
PYTHON ?= python3
VENV ?= .venv
ARGS ?=
KILLS ?= 200
WORKERS ?= 1
SEED ?=
EXAMPLES ?=
export SHIKRA_VENV := $(VENV)

.PHONY: run test bench mutation faults lock clean

run:
	@$(PYTHON) requirements/install.py runtime
	@$(VENV)/bin/python main.py $(ARGS)

test:
	@$(PYTHON) requirements/install.py dev
	@$(VENV)/bin/python tests/checks.py $(ARGS)

bench:
	@$(PYTHON) requirements/install.py dev
	@$(VENV)/bin/python -m tests.performance $(ARGS)

faults:
	@$(PYTHON) requirements/install.py dev
	@$(if $(EXAMPLES),EXAMPLES=$(EXAMPLES) SEED=$(SEED) $(VENV)/bin/python -m pytest -q -s tests/faults/test_machine.py,$(VENV)/bin/python -m tests.faults.kill_loop --kills $(KILLS) --workers $(WORKERS) $(if $(SEED),--seed $(SEED)))

mutation:
	@$(PYTHON) requirements/install.py dev
	@$(VENV)/bin/python -m tests.mutation $(ARGS)

lock:
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml --extra dev --extra postgres --extra cluster -o requirements/dev.txt
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml --extra postgres -c requirements/dev.txt -o requirements/runtime.txt

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .import_linter_cache .hypothesis htmlcov .coverage*
