# `make` lists the targets. Needs Python 3.11 or newer, make and bash; everything else comes into .venv.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

UV_VERSION := 0.13.9
#: What every event costs is compiled (`*.pyx`). Where there is no C compiler, this one comes as a package.
COMPILER := ziglang==0.17.1
COMPILED := $(shell find pipeline -name "*.pyx" -o -name "*.pxd")
#: Tools that stand beside the project: they look at the lock files, and nothing of ours imports them.
AUDIT := pip-audit==2.10.1
SBOM := cyclonedx-bom==7.5.0
SBOM_OPTIONS := --pyproject pyproject.toml --mc-type application --sv 1.5 --of JSON --output-reproducible
BIN := .venv/bin
INSTALLED := .venv/.installed
#: The newest of these that is 3.11 or newer makes .venv; `make PYTHON=/path/to/python3.12` names another.
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)

# `make demo SECONDS=30 PORTS_FROM=9000 WORKERS=2 RATE=500`, `make up PORTS_FROM=9000 WORKERS=2 DATA=/srv/twoway`,
# `make down DATA=/srv/twoway`. Only from make's own command line: bash keeps a variable SECONDS as well.
given = $(if $(filter command,$(firstword $(origin $(1)))),$(2) '$($(1))')
UP_OPTIONS := $(call given,DATA,--data) $(call given,PORTS_FROM,--ports-from) $(call given,WORKERS,--workers)
DEMO_OPTIONS := $(call given,SECONDS,--seconds) $(call given,PORTS_FROM,--ports-from) \
	$(call given,WORKERS,--workers) $(call given,RATE,--rate)
DOWN_OPTIONS := $(call given,DATA,--data)

.PHONY: help install demo up down test prove check format lock audit sbom bench peers clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-9s %s\n", $$1, $$2 }'

install: $(INSTALLED) ## set up .venv with the pinned packages (demo, up, test, ... do it when needed)

$(INSTALLED): requirements.lock pyproject.toml $(COMPILED)
	@test -n "$(PYTHON)" || { echo "twoway needs Python 3.11 or newer; found: $$(python3 --version 2>&1 || true)." \
		"Give one with: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || { echo "Setting up .venv with $$($(PYTHON) --version)"; \
		$(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "$(PYTHON) -m venv failed; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@echo "Installing the pinned packages into .venv"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements.lock
	@$(BIN)/python -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' || { \
		echo "twoway compiles a part of itself and needs Python.h; on Debian and Ubuntu: apt install python3-dev" >&2; exit 1; }
	@if ! command -v cc >/dev/null && [ -z "$${CC:-}" ]; then \
		echo "No C compiler here: taking one from a package"; \
		$(BIN)/uv pip install --quiet --python $(BIN)/python $(COMPILER); export CC="$$PWD/$(BIN)/python -m ziglang cc"; fi; \
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@# Where Python may not write bytecode itself, each start of a role would compile a thousand modules: 5 s.
	@$(BIN)/python -m compileall -q schemas pipeline agents
	@touch $@

demo: $(INSTALLED) ## the whole stack, simulated platforms, a live table (SECONDS=30 ends it; PORTS_FROM=9000, WORKERS=2, RATE=500)
	@$(BIN)/twoway demo $(DEMO_OPTIONS)

up: $(INSTALLED) ## the whole stack for webhooks of your own, data in .twoway/ (PORTS_FROM=9000, WORKERS=2, DATA=folder)
	@$(BIN)/twoway up $(UP_OPTIONS)

down: $(INSTALLED) ## stop the stack of `make up` from another terminal (DATA=folder)
	@$(BIN)/twoway down $(DOWN_OPTIONS)

test: check ## format, lint, types, then the tests on a real Kafka and a real Redis (a quarter of an hour)
	$(BIN)/pytest -q -n 2 --dist loadfile --no-loadscope-reorder --hypothesis-profile=ci

prove: $(INSTALLED) ## the long proofs: faults, storms, a Redis Cluster, many schedules (an hour and ten minutes)
	$(BIN)/pytest -q -m prove --hypothesis-profile=new
	$(BIN)/pytest -q tests/property --hypothesis-profile=new
	@$(BIN)/twoway prove --minutes 5

check: $(INSTALLED) ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(INSTALLED) ## bring the code into its form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(INSTALLED) ## renew all pins: requirements.lock, deploy/requirements.lock, pipeline/local/kafka.lock
	$(BIN)/uv pip compile pyproject.toml --quiet --upgrade --all-extras --universal --python-version 3.11 \
		--generate-hashes --no-header --no-emit-index-url -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --quiet --constraint requirements.lock --universal --python-version 3.11 \
		--generate-hashes --no-header --no-emit-index-url --no-annotate -o deploy/requirements.lock
	$(BIN)/python -c 'from pipeline.local.jars import write_lock; write_lock()'

audit: $(INSTALLED) ## known vulnerabilities of the pinned packages (asks OSV; says so where it cannot be reached)
	$(BIN)/python deploy/audit.py build/audit.json $(BIN)/uv --quiet tool run --from $(AUDIT) pip-audit

sbom: $(INSTALLED) ## build/sbom.json: what the image holds; build/sbom-all.json: tests and tools as well (CycloneDX 1.5)
	@mkdir -p build
	@PYTHONWARNINGS=ignore $(BIN)/uv --quiet tool run --from $(SBOM) cyclonedx-py requirements deploy/requirements.lock $(SBOM_OPTIONS) -o build/sbom.json
	@PYTHONWARNINGS=ignore $(BIN)/uv --quiet tool run --from $(SBOM) cyclonedx-py requirements requirements.lock $(SBOM_OPTIONS) -o build/sbom-all.json

bench: $(INSTALLED) ## the measurements of docs/performance.md, growth.md, prove.md and load.md (an hour and a quarter)
	$(BIN)/python -m bench.counting
	$(BIN)/python -m bench.gateway
	$(BIN)/python -m bench.engines
	$(BIN)/python -m bench.freshness
	$(BIN)/python -m bench.queries
	$(BIN)/python -m bench.growth
	$(BIN)/python -m bench.recovery
	$(BIN)/python -m bench.soak

peers: $(INSTALLED) ## build the JVM programs that bench measures against (JDK 17 and Maven; bench does it when needed)
	@$(BIN)/python -m bench.peers.java

clean: ## remove what the tools left; data of `twoway up` in .twoway/ stays
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf bench/peers/target bench/peers/*/target
	find pipeline \( -name "*.so" -o -name "*.c" \) -delete
	rm -f $(INSTALLED)
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
