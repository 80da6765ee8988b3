# Two commands matter: `make chat` and `make test`. Both create .venv first.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
RUN ?= runs/nano

.DEFAULT_GOAL := help
.PHONY: help chat test soak check format format-check lint types contracts bench doctor screenshots train evaluate clean

help: ## what there is
	@echo "make chat [ARGS='--prompt \"hello\"']   install and open the chat, or pass arguments to dgchat"
	@echo "make test [ARGS='-k name']            install and run every test that needs no GPU"
	@sed -n 's/^\([a-z-]*\):.*## /  \1|/p' Makefile | while IFS='|' read -r name what; do printf '  %-14s %s\n' "$$name" "$$what"; done

chat: $(VENV)/.installed
	@$(BIN)/python -m dgchat $(ARGS)

test: $(VENV)/.installed-test
	@$(BIN)/python -m pytest $(ARGS)

FUZZ_EXAMPLES ?= 10000

soak: $(VENV)/.installed-test ## the faults that take long: kill -9 x 200, 500 turns, fuzzing (an hour or more)
	@$(BIN)/python -m pytest tests/faults -m 'slow or not slow' -s --durations=0 $(ARGS)
	@FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/python -m pytest tests/faults/test_fuzz.py --timeout=3600 $(ARGS)

check: format-check lint types contracts test ## everything that must pass before a change is done

format: $(VENV)/.installed-dev ## rewrite the code in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

format-check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .

lint: $(VENV)/.installed-dev ## ruff
	$(BIN)/ruff check .

types: $(VENV)/.installed-dev ## basedpyright
	$(BIN)/basedpyright

contracts: $(VENV)/.installed-dev ## who may import whom
	PYTHONPATH=kernels $(BIN)/lint-imports

bench: $(VENV)/.installed ## denoising steps per second on this machine
	@$(BIN)/python -m dgchat bench $(ARGS)

doctor: $(VENV)/.installed ## what this machine offers, and what dgchat makes of it
	@$(BIN)/python -m dgchat doctor $(ARGS)

screenshots: $(VENV)/.installed ## draw the README's pictures from a real run
	$(BIN)/python screenshots/make_screenshots.py $(ARGS)

train: $(VENV)/.installed ## train the bundled model in RUN, going on where it left off
	$(BIN)/python -m dgchat.training train $(ARGS) $(RUN)

evaluate: $(VENV)/.installed ## measure the bundled model, family by family
	$(BIN)/python -m dgchat.training evaluate $(ARGS)

clean: ## remove the environment and everything that was built
	rm -rf $(VENV) dist build .pytest_cache .ruff_cache .import_linter_cache
	find dgchat kernels tests screenshots -name __pycache__ -type d -prune -exec rm -rf {} +

# The first Python that is new enough and can make an environment, or one line that says what is missing.
$(BIN)/python:
	@found=""; reason="no Python was found; install Python 3.11 or newer"; \
	for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	  "$$python" -c "" >/dev/null 2>&1 || continue; \
	  version=$$("$$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	  if ! "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
	    [ -n "$$old" ] || reason="$$python is Python $$version, dgchat needs 3.11 or newer; install one, or name it: make PYTHON=python3.12 chat"; \
	    old=yes; continue; \
	  fi; \
	  if ! "$$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then \
	    reason="Python $$version lacks the venv module; on Debian or Ubuntu: sudo apt install python$$version-venv"; old=yes; continue; \
	  fi; \
	  found=$$python; break; \
	done; \
	if [ -z "$$found" ]; then echo "dgchat: $$reason" >&2; exit 1; fi; \
	"$$found" -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	@echo "Installing dgchat into $(VENV) (the first time takes minutes: torch is large)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.installed-test: pyproject.toml | $(BIN)/python
	@echo "Installing dgchat and its test extra into $(VENV) (the first time takes minutes: torch is large)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	@echo "Installing dgchat and its development tools into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/.installed $(VENV)/.installed-test
