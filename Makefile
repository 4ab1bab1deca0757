# `make` alone lists the targets. Everything that they write goes to .venv/ and build/
# (and, for `grade` and `release`, to the course's own folders).

PYTHON ?= python3
JOBS ?=
VENV := .venv
PY := $(VENV)/bin/python
COURSE := $(PY) -m course.cli
STAMP := $(VENV)/.installed
GRADERS = $(if $(JOBS),--jobs $(JOBS))
# tests/conftest.py says which tests stay in one worker.
WORKERS = -n $(or $(JOBS),2) --dist loadfile

SHELL := bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

export PYTHONUNBUFFERED := 1

.PHONY: help setup lab hub lectures slides site demo dry-run release student-release check grade validate browser test nightly test-gpu weights results benchmark benchmark-models lint clean

# The second word of `make dry-run 01-attention` says which assignment; it is no target to be made.
ifeq (dry-run,$(firstword $(MAKECMDGOALS)))
A ?= $(word 2,$(MAKECMDGOALS))
$(eval $(wordlist 2,2,$(MAKECMDGOALS)):;@:)
endif

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  Variables: PYTHON=python3.12 (3.11 or newer; now $(PYTHON)), JOBS=4 (processes that test or grade at a time)"

setup: $(STAMP) ## make .venv and install the pinned dependencies
	@echo "Ready: $(PY). Ask '$(VENV)/bin/course doctor' what this computer has."

# Torch comes first and alone, at the version that constraints.txt pins: a plain `pip install torch==…` finds
# a wheel that is already at hand, where a resolver that is given a range would fetch the newest.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "make: $(PYTHON) is not Python 3.11 or newer (found: $$($(PYTHON) --version 2>&1 | tail -n 1))." >&2; \
	  echo "make: name one that is, for example: make $(firstword $(MAKECMDGOALS) setup) PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "make: $(PYTHON) has no venv. On Debian and Ubuntu: sudo apt-get install python3-venv" >&2; exit 2; }
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(PY) -m pip install --disable-pip-version-check $$(grep '^torch==' constraints.txt)
	$(PY) -m pip install --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	@mkdir -p $(VENV)/share/jupyter/lab/settings
	@echo '{"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": false}}' \
	  > $(VENV)/share/jupyter/lab/settings/overrides.json
	@touch $@

lab: $(STAMP) ## open JupyterLab on the course
	$(PY) -m jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) $(ARGS)

hub: $(STAMP) ## a class on this machine, as root: a teacher, two students (docs/classroom.md; ARGS=remove deletes its accounts)
	$(PY) -m course.hub $(ARGS)

lectures: $(STAMP) ## run the lectures and store their outputs: make lectures [NB=lectures/01-sequences.ipynb]
	$(PY) -m tests.notebooks.execute $(NB)

slides: $(STAMP) ## every lecture as slides with speaker notes, in build/slides (npm fetches reveal.js once)
	$(PY) -m course.slides build/slides $(ARGS)

site: $(STAMP) ## the course as a website that needs no network, in build/site (npm fetches MathJax once)
	$(PY) -m course.site build/site $(ARGS)

demo: $(STAMP) ## grade the sample class and name the report to open
	$(PY) -m tests.sample_class build/demo
	$(COURSE) grade --submitted build/demo/submitted --out build/demo $(GRADERS)
	@echo
	@echo "Open this report in a browser:  $(CURDIR)/build/demo/reports/class.html"

dry-run: $(STAMP) ## after an edit: make dry-run 01-attention judges its reference, wrong answers and sample class
	$(call need,A,make dry-run 01-attention)
	$(PY) -m tests.dry_run '$(A)' $(GRADERS) $(ARGS)

release: $(STAMP) ## generate assignments/ from solutions/
	$(COURSE) release $(A)

student-release: $(STAMP) ## build what students get, in build/student
	$(COURSE) student-release build/student

check: $(STAMP) ## run a notebook's visible tests: make check NB=path
	$(call need,NB,make check NB=assignments/01-attention/attention.ipynb)
	$(COURSE) check '$(NB)' $(ARGS)

grade: $(STAMP) ## grade submitted/: make grade [A=01-attention] [ARGS="--student alice"]
	$(COURSE) grade $(A) $(GRADERS) $(ARGS)

validate: $(STAMP) ## hold a notebook's outputs to the reference's: make validate NB=path
	$(call need,NB,make validate NB=assignments/01-attention/attention.ipynb)
	$(COURSE) validate '$(NB)' $(ARGS)

browser: ## find Chromium for the browser tests; as root on Debian or Ubuntu, install it
	@for name in chromium chromium-browser google-chrome; do command -v $$name >/dev/null && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	else \
	  echo "make: no Chromium for the browser tests. On Debian and Ubuntu: sudo apt-get install chromium" >&2; \
	  echo "make: or leave them out: make test ARGS='--ignore tests/browser'" >&2; \
	fi

test: lint browser ## run the tests (all but the nightly ones)
	$(PY) -m pytest $(WORKERS) $(ARGS)

nightly: $(STAMP) browser ## run every test and write nightly/RESULTS.md
	@mkdir -p build nightly
	@command="$(PY) -m pytest -m '' $(WORKERS) --durations=10 $(ARGS)"; \
	set -o pipefail; status=0; eval "$$command" 2>&1 | tee build/nightly.log || status=$$?; \
	{ echo "# The last nightly run"; echo; \
	  echo "- date: $$(date -u '+%Y-%m-%d %H:%M UTC')"; \
	  echo "- command: \`make nightly\`, which runs \`$$command\`"; \
	  echo "- with: $$($(PY) --version), torch $$($(PY) -c 'import torch; print(torch.__version__)'), $$($(PY) -c 'import os; print(os.cpu_count())') cores"; \
	  echo; echo '```'; \
	  sed -n '/^=.*\(short test summary\|slowest\|results\)/,$$p' build/nightly.log; \
	  echo '```'; } > nightly/RESULTS.md; \
	echo "Written: nightly/RESULTS.md"; exit $$status

test-gpu: $(STAMP) ## run all solutions and lectures on a GPU, where there is one, and write nightly/GPU.md
	$(PY) -m tests.notebooks.on_gpu $(ARGS)

weights: $(STAMP) ## train the small models that lectures load and write course/weights (16 minutes)
	$(PY) -m course.experiments.weights $(if $(JOBS),--jobs $(JOBS)) $(ARGS)

results: $(STAMP) ## train every model of the results table and write docs/results.md (an hour)
	$(PY) -m course.experiments $(if $(JOBS),--jobs $(JOBS)) $(ARGS)

benchmark: $(STAMP) ## how fast grading is, beside nbgrader: ratios with their spread (20 minutes)
	$(PY) -m tests.benchmarks.grading $(ARGS)

benchmark-models: $(STAMP) ## how fast the models are, beside torch.nn and transformers (5 minutes; ARGS="--device cuda")
	$(PY) -m tests.benchmarks.models $(ARGS)

lint: $(STAMP) ## ruff: rules and format, .py and .ipynb; the workflow files: schema and safety
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m tests.ci.lint

clean: ## remove build/ and caches; never .venv, submissions or grades
	rm -rf build .pytest_cache .ruff_cache .hypothesis
	find course tests -name __pycache__ -type d -prune -exec rm -rf {} +

# $(call need,VARIABLE,an example): one line and exit 2 where VARIABLE is empty.
need = @test -n '$($(1))' || { echo "make: say which $(if $(filter A,$(1)),assignment,notebook), for example: $(2)" >&2; exit 2; }
