# Comfy Creator's tasks; `make help` lists them. `make run` and `make test` are all that a newcomer needs.
SHELL := /bin/sh
.DEFAULT_GOAL := help
PY := .venv/bin/python
ENVIRONMENT = python=$$(PYTHON="$(PYTHON)" .ci/choose-python) && "$$python" .ci/environment.py
TEST = OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(PY) -m pytest -n 2 -m "not gpu"
PORT_FLAG = $(if $(PORT),--port "$(PORT)")
export PYTHON TORCH_ARGS

.PHONY: help run setup test check e2e test-gpu types frontend migrate bench demo-model docs lock flip

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

run: ## install what is missing, then start on 127.0.0.1:8188 (PORT=8189 ARGS="--cpu" change it)
	@$(ENVIRONMENT) run $(PORT_FLAG) -- $(ARGS) && exec $(PY) -m app serve $(ARGS) $(PORT_FLAG)

setup: ## prepare .venv with everything for running and developing, start nothing
	@$(ENVIRONMENT) dev

test: check ## install what tests need and run all of them
	@.ci/frontend-build --compare
	@$(TEST) --ignore=tests/e2e $(PYTEST_ARGS)
	@$(TEST) tests/e2e $(PYTEST_ARGS)

check: setup frontend/node_modules/.package-lock.json ## formatter, linters, type checkers, import rules, frontend unit tests
	@$(MAKE) --no-print-directory -j 2 check-python check-frontend

.PHONY: check-python check-frontend
check-python:
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	.venv/bin/lint-imports
	$(PY) -m basedpyright

check-frontend:
	.ci/with-node npm run --silent lint
	.ci/with-node npm run --silent typecheck
	.ci/with-node npm run --silent test

e2e: setup ## browser tests only
	@$(TEST) tests/e2e $(PYTEST_ARGS)

test-gpu: setup ## tests that need a CUDA device
	$(PY) -m pytest -m gpu $(PYTEST_ARGS)

types: setup ## write what is generated from declarations: built-in node schemas
	$(PY) -m app.nodes.write_schemas

frontend: setup frontend/node_modules/.package-lock.json ## build frontend_dist/
	.ci/frontend-build

migrate: setup ## bring the database of ./workspace (or CC_BASE_DIRECTORY) up to date (a start does it too)
	$(PY) -m app migrate

bench: setup ## print the figures of benchmarks/ beside their targets
	@for script in $(basename $(notdir $(wildcard benchmarks/*.py))); do \
		echo "== $$script"; $(PY) -m benchmarks.$$script || left="$$left $$script"; done; \
		if [ -n "$$left" ]; then echo "Left out or not finished, see above for the reasons:$$left"; fi

demo-model: setup ## train the demo model again from an empty folder (hours on a CPU; resumable)
	$(PY) -m app.training.demo_model

docs: setup ## write the generated parts of docs/reference/
	$(PY) -m docs.write_reference

lock: setup ## resolve the dependencies again and write the lock files
	$(PY) .ci/lock.py

flip: setup ## flip each comparison in graph, queue and samplers and report those that no test notices (long)
	$(PY) tests/architecture/flip_comparisons.py $(ROOMS)

frontend/node_modules/.package-lock.json: frontend/package.json frontend/package-lock.json
	@echo "Installing the frontend's build tools (about 0.1 GB to download)."
	.ci/with-node npm ci --silent --no-audit --no-fund
	@touch $@
