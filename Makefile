# ckpt-report: `make report CKPTS=folder` and `make test` set up what they need. `make help` lists everything.

CKPTS ?= ckpts
OUT ?= reports
ARGS ?=
GALLERY ?= gallery
DATA ?=
VENV := .venv
PY := $(VENV)/bin/python

# The first interpreter that is 3.11, 3.12 or 3.13; override with PYTHON=...
PYTHON ?= $(shell for p in python3 python3.12 python3.13 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)

PANGO := libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core

AXE := tests/browser/node_modules/axe-core/axe.min.js

export TF_CPP_MIN_LOG_LEVEL ?= 3
export MPLBACKEND := Agg

# Images of containers often set it; then each of the hundreds of processes that the tests start would compile all modules.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help report test golden kernels mutants faults check lint types scripts sample fuzz calibrate gallery axe bench bench-check bench-full bench-peers docs docs-serve docs-pictures wheel-check lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'
	@echo "  variables: CKPTS=$(CKPTS) OUT=$(OUT) ARGS='$(ARGS)' (flags of ckpt-report report)"

# CKPTS and OUT may hold spaces, so each is one word of the shell; several folders are given to $(VENV)/bin/ckpt-report.
# make itself ends with 2 whenever a command fails: the exit code of the report is printed.
report: ckpts-exist $(VENV)/run.stamp $(VENV)/bin/ckpt-report $(VENV)/pango.stamp ## report on the checkpoints in CKPTS
	@$(PY) -m reporter report "$(CKPTS)" -o "$(OUT)" $(ARGS) || \
		{ code=$$?; echo "ckpt-report ended with exit code $$code" >&2; exit $$code; }

.PHONY: ckpts-exist
ckpts-exist:
	@test -e "$(CKPTS)" || { echo "CKPTS: there is no $(CKPTS); say make report CKPTS=folder" >&2; exit 2; }

test: $(VENV)/dev.stamp $(VENV)/pango.stamp $(AXE) ## run the tests
	$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

# What the tests of pages need of npm. Where there is no npm, those that need it are skipped.
axe: $(AXE) ## fetch axe-core, with which the tests check that pages are accessible, where npm is installed

$(AXE): tests/browser/package-lock.json
	@if ! command -v npm >/dev/null; then echo "pages are not checked with axe-core: there is no npm (node)" >&2; \
	elif (cd tests/browser && npm ci --silent --no-audit --no-fund) && touch $@; then :; \
	else echo "pages are not checked with axe-core: npm could not fetch it" >&2; fi

golden: $(VENV)/dev.stamp ## write the golden files anew; read the difference before you commit it
	UPDATE_GOLDEN=1 $(PY) -m pytest -q tests/writers/test_golden.py tests/render/test_templates_document.py $(ARGS)

kernels: $(VENV)/dev.stamp ## compile the kernels to LLVM's intermediate code, of which users' machines make machine code
	$(PY) -m tests.measuring.kernel_corpus write >/dev/null

mutants: $(VENV)/dev.stamp ## small mistakes in writers and sections, one at a time: do the tests notice? (minutes)
	$(PY) -m tests.mutants $(ARGS)

check: lint types scripts ## lint and types

lint: $(VENV)/dev.stamp
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: $(VENV)/dev.stamp
	$(PY) -m mypy

# The scripts of a page are one function, and so one program of global scripts for the compiler. It is fetched by npx.
TYPESCRIPT := npx --yes --package typescript@5.9.3 -- tsc
scripts: ## types of the scripts of the HTML pages, where node is installed
	@if ! command -v npx >/dev/null; then echo "types of the scripts are not checked: there is no npx (node)"; \
	elif ! $(TYPESCRIPT) --version >/dev/null 2>&1; then echo "types of the scripts are not checked: npx cannot fetch typescript"; \
	else $(TYPESCRIPT) --checkJs --noEmit --strict --target es2023 --lib es2023,dom,dom.iterable templates/js/*.js; fi

sample: $(VENV)/run.stamp $(VENV)/pango.stamp ## train a small model, save it in every format, report on it
	$(PY) -m examples.sample sample/ckpts
	@$(PY) -m reporter report sample/ckpts -o sample/reports $(ARGS)

faults: $(VENV)/dev.stamp ## 200 kills at random times; every open, read and write of a run fails in turn (takes long)
	CKPT_FAULTS=all CKPT_FAULTS_KILLS=200 CKPT_FAULTS_INJECTED=all CKPT_FAULTS_LIVE=100 $(PY) -m pytest -q -rP tests/faults tests/test_live.py tests/measuring/test_machine_code.py

fuzz: $(VENV)/dev.stamp ## fuzz every parser and reader, FUZZ_SECONDS (60) each; 2,000 flips per format; 1,000 examples
	$(PY) -m tests.fuzz
	CKPT_FLIPS=2000 $(PY) -m pytest -q tests/contracts/test_damage.py tests/readers/keras/test_hostile.py
	CKPT_EXAMPLES=1000 $(PY) -m pytest -q -m hypothesis

calibrate: $(VENV)/dev.stamp ## train healthy and sick models, and print what the rules say of each (some minutes)
	$(PY) -m bench.calibration $(ARGS)

gallery: $(VENV)/dev.stamp $(VENV)/pango.stamp ## reports of many kinds, and pictures of their pages in GALLERY (needs chromium)
	$(PY) -m bench.gallery --out "$(GALLERY)" $(if $(DATA),--data "$(DATA)") $(ARGS)

bench: $(VENV)/dev.stamp ## speed beside the references, in a few minutes
	$(PY) -m bench $(ARGS)

bench-check: $(VENV)/dev.stamp ## what has become slower beside its reference since the last `make bench`
	$(PY) -m bench.check $(ARGS)

bench-full: $(VENV)/dev.stamp ## the same with the sizes of the design
	$(PY) -m bench --full $(ARGS)

bench-peers: $(VENV)/dev.stamp ## beside weightlens, in an environment of its own
	$(PY) -m bench --full peers

# What mkdocs-material prints of the plans for MkDocs 2 is left out.
MKDOCS := NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs
docs: $(VENV)/dev.stamp ## build the manual into site/, without warnings
	$(MKDOCS) build --strict $(ARGS)

docs-serve: $(VENV)/dev.stamp ## show the manual in a browser while it is written
	$(MKDOCS) serve $(ARGS)

docs-pictures: $(VENV)/dev.stamp ## draw the manual's pictures anew (needs chromium and chromedriver)
	$(PY) -m examples.pictures docs/images

wheel-check: $(VENV)/dev.stamp ## install wheel and sdist into clean environments, try them, remove them (large, minutes)
	$(PY) -m tests.wheel_check $(ARGS)

lock: ## pin every dependency again, with hashes (needs uv); what users get is what the tests ran with
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --extra dev pyproject.toml -o locks/dev.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url -c locks/dev.txt pyproject.toml -o locks/run.txt

clean: ## remove the environment, caches and the sample
	rm -rf $(VENV) sample site .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed; install one, or say PYTHON=/path/to/it" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: locks/run.txt | $(VENV)/bin/python
	@echo "installing $$(grep -c == $<) packages into $(VENV), TensorFlow among them: about 2.5 GB, once" >&2
	$(PY) -m pip install -q --disable-pip-version-check --require-hashes -r $<
	@touch $@

# What schedulers call: the program of this checkout, from wherever it is started.
$(VENV)/bin/ckpt-report: Makefile | $(VENV)/bin/python
	@printf '#!/bin/sh\nPYTHONPATH="%s$${PYTHONPATH:+:$$PYTHONPATH}" exec "%s/$(PY)" -m reporter "$$@"\n' "$(CURDIR)" "$(CURDIR)" > $@
	@chmod +x $@

$(VENV)/dev.stamp: locks/dev.txt | $(VENV)/bin/python
	$(PY) -m pip install -q --disable-pip-version-check --require-hashes -r $<
	@touch $@ $(VENV)/run.stamp

# WeasyPrint draws text with Pango, a system library. Without it everything but the PDF works. It warns, rather than
# fails, where only HarfBuzz-Subset is missing.
$(VENV)/pango.stamp: | $(VENV)/run.stamp
	@if $(PY) -W error:HarfBuzz-Subset:DeprecationWarning -c 'import weasyprint' >/dev/null 2>&1; then touch $@; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing $(PANGO)"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(PANGO) >/dev/null && touch $@ \
		|| echo "no PDF: apt-get could not install $(PANGO)" >&2; \
	else echo "no PDF until this is run once: sudo apt-get install $(PANGO)" >&2; fi
