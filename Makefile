# make demo    a real table synthesised, scored and drawn; needs nothing but Python >= 3.11
# make environment  only what the demo and the tests need, into .venv
# make test    everything that must pass before a change lands
# make test-lowest  the tests with the oldest libraries that pyproject.toml allows; wants Python 3.11
# make docs    the documentation as a site in site/
# make test-page  the page of tabdiff ui in a browser; wants Chromium and chromedriver
# make lint    the linter, the formatter and the type checker
# make format  let the formatter and the linter repair what they can
# make clean   remove what was built, the environment included

VENV  := .venv
BIN   := $(VENV)/bin
STAMP := $(VENV)/.installed

# The first interpreter on the PATH that runs and is at least 3.11; PYTHON=... overrides.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& { echo "$$python"; break; }; done)

.PHONY: demo environment test test-lowest test-page docs lint format clean
.DELETE_ON_ERROR:

demo: $(STAMP)
	$(BIN)/python examples/01_quickstart.py

environment: $(STAMP)

test: lint
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-lowest:
	"$(PYTHON)" -m venv --clear .venv-lowest
	.venv-lowest/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[eval,dev]' --constraint constraints-lowest.txt
	.venv-lowest/bin/python -m pytest -n 2 --dist worksteal

docs: $(STAMP)
	$(BIN)/python -m mkdocs build --strict

test-page: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[e2e]' --constraint constraints.txt
	$(BIN)/python -m pytest -m slow tests/ui

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Installed again only when what is to be installed has changed.
$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "tabdiff needs Python 3.11 or newer, and none was found on the PATH." \
	"Install one (Debian, Ubuntu: apt-get install python3 python3-venv) or run: make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	echo "$(PYTHON) is older than Python 3.11. Run: make PYTHON=/path/to/a/newer/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments." \
	"Install that part (Debian, Ubuntu: apt-get install python3-venv)." >&2; exit 1; }
	"$(PYTHON)" -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[eval,dev]' --constraint constraints.txt
	@touch $@

clean:
	rm -rf $(VENV) .venv-lowest build dist site htmlcov .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache examples/output
	find tabdiff tests examples docs_build -name __pycache__ -type d -prune -exec rm -rf {} +
