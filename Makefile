# `make` lists the targets. Each sets up what it needs; the second time that takes no time.
SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PY := .venv/bin/python
SAM := .venv-sam/bin/sam
SAM_ENV = SAM_CLI_TELEMETRY=0 AWS_EC2_METADATA_DISABLED=true
ARCH ?= arm64
STAGE ?= dev

# the tests bring their own Node where there is none
NODE := $(if $(shell command -v node 2>/dev/null),,.venv-node/ready)

# compiled modules are kept, whatever the environment says: else each of a hundred processes compiles all it imports
export PYTHONDONTWRITEBYTECODE :=
export PORT
export PATH := $(PATH)$(if $(NODE),:$(CURDIR)/.venv-node/bin)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- environments -------------------------------------------------------------------------------------

.venv-uv/ready: requirements/uv.txt
	@scripts/venv uv

.venv/ready: requirements/dev.txt .venv-uv/ready
	@scripts/venv dev

.venv-%/ready: requirements/%.txt .venv-uv/ready
	@scripts/venv $*

# its own tools, and those of .venv behind them
.venv-web/ready: requirements/web.txt .venv/ready
	@command -v chromium >/dev/null || { echo "Chromium is missing: apt-get install chromium" >&2; exit 1; }
	@scripts/venv web
	@$(PY) -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
	  > "$$(.venv-web/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/developer.pth"

# --- work ---------------------------------------------------------------------------------------------

.PHONY: run
run: .venv/ready $(if $(filter lambda,$(RUNTIME)),.venv-sam/ready) ## serve the whole API on localhost (PORT=8000 TIER=enterprise CONCURRENCY=10: as few invocations at once as a fresh account; RUNTIME=lambda: as built, under Lambda's emulator)
	@$(if $(filter lambda,$(RUNTIME)),$(PY) -m scripts.build --here --into .aws-sam/local && ,)exec $(PY) -m local --with-parent $(if $(TIER),--tier "$(TIER)") $(if $(CONCURRENCY),--concurrency "$(CONCURRENCY)") $(if $(filter lambda,$(RUNTIME)),--built .aws-sam/local)

.PHONY: token
token: .venv/ready ## print a token for the running API (SUB=developer TIER=enterprise)
	@$(PY) -m local.token $(if $(SUB),--sub "$(SUB)") $(if $(TIER),--tier "$(TIER)")

# more workers than processors: half of the time is waiting for real processes; the hash seed: all workers must collect sets in the same order; worksteal: files stay whole, their set-up is made once; what is counted is a row of the security board
.PHONY: test
test: WORKERS ?= 4
test: .venv/ready .venv-sam/ready $(NODE) ## run all tests (WORKERS=4)
	@PYTHONHASHSEED=0 COUNTED=build/security/logs.all.json $(PY) -m pytest -n $(WORKERS) --dist worksteal -m "not slow and not live and not long"

.PHONY: chaos
chaos: .venv/ready ## run a thousand jobs while workers are killed and messages come twice or three times
	@$(PY) -m tests.chaos

.PHONY: load
load: .venv/ready ## 50 callers for a minute, and 10,000 requests through one process
	@$(PY) -m pytest tests/load -m slow -s

.PHONY: security
security: .venv/ready .venv-sam/ready .venv-fuzz/ready ## attack it for an hour and print what was counted (ROW=limits, openapi/jobs, ...: only that)
	@$(PY) -m tests.security $(ROW)

.PHONY: slow
slow: .venv/ready .venv-sam/ready $(NODE) ## run the tests that take minutes (but for make load)
	@$(PY) -m pytest -m slow --ignore=tests/load

.PHONY: browser
browser: WORKERS ?= 2
browser: .venv-web/ready $(NODE) ## test the playground in headless Chromium (WORKERS=2)
	@.venv-web/bin/python -m pytest tests/web -n $(WORKERS) --dist worksteal

.PHONY: screenshots
screenshots: .venv-web/ready ## take a picture of every page, desktop and phone, light and dark, into build/
	@.venv-web/bin/python -m scripts.screenshots

.PHONY: guides
guides: .venv/ready ## write the guides' generated pages from the data
	@PYTHONPATH=layers/common/python $(PY) -m scripts.guides

.PHONY: guide-pictures
guide-pictures: .venv/ready ## make the guides' before/after images
	@$(PY) -m scripts.guide_pictures

.PHONY: check
check: .venv/ready ## lint, types, layers, sizes
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@PYTHONPATH=layers/common/python .venv/bin/lint-imports
	@$(PY) -m scripts.figures

.PHONY: models
models: .venv/ready ## list models whose end is announced; fails two weeks before the end of one in use
	@PYTHONPATH=layers/common/python $(PY) -m scripts.models

.PHONY: format
format: .venv/ready ## format the code and fix what can be fixed
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .

.PHONY: bench
bench: .venv-bench/ready .venv/ready ## measure ourselves beside our peers (PART=crops, race, compress, cold, envelope, overhead, provenance: only that)
	@.venv-bench/bin/python bench/run.py $(PART)

.PHONY: docs
docs: .venv/ready ## write the generated tables of docs/
	@PYTHONPATH=layers/common/python $(PY) -m scripts.doc_tables
	@PYTHONPATH=layers/common/python $(PY) -m scripts.scale

.PHONY: gallery
gallery: .venv/ready .venv-bench/ready guide-pictures ## write build/gallery: before and after, smart beside center crops; and the guides' images
	@PYTHONPATH=layers/common/python $(PY) -m scripts.gallery
	@.venv-bench/bin/python bench/run.py gallery

.PHONY: openapi
openapi: .venv/ready ## write the OpenAPI document and its page
	@$(PY) -m scripts.openapi

.PHONY: events
events: .venv/ready ## write events/ from template.yaml
	@$(PY) -m scripts.events

.PHONY: lock
lock: .venv-uv/ready ## resolve requirements/*.in into locked versions with hashes
	@scripts/lock

# --- AWS ----------------------------------------------------------------------------------------------

.PHONY: build
build: .venv/ready .venv-sam/ready ## build what is deployed (ARCH=arm64)
	@$(SAM_ENV) $(SAM) validate --lint --region us-east-1
	@$(PY) -m scripts.build $(ARCH)

.PHONY: deploy
deploy: build .venv/ready ## deploy to AWS (STAGE=dev, staging or prod), asking the first time
	@SAM_CLI_TELEMETRY=0 $(PY) -m scripts.deploy $(STAGE) # not SAM_ENV: an instance's role may deploy

.PHONY: playground
playground: .venv/ready ## put the playground onto a stage's CloudFront (STAGE=dev)
	@$(PY) -m scripts.playground $(STAGE)

.PHONY: smoke
smoke: .venv/ready ## call a deployed stage as its first user would (STAGE=dev, or URL=http://127.0.0.1:8000; TOKEN=)
	@$(PY) -m scripts.smoke $(STAGE) $(if $(URL),--url "$(URL)") $(if $(TOKEN),--token "$(TOKEN)")

.PHONY: check-iac
check-iac: .venv/ready .venv-sam/ready .venv-iac/ready ## judge the template: cfn-lint and checkov on what SAM makes of it
	@mkdir -p build
	@$(SAM_ENV) AWS_DEFAULT_REGION=us-east-1 .venv-sam/bin/python -m scripts.transform > build/translated.json
	@.venv-sam/bin/cfn-lint build/translated.json
	@.venv-iac/bin/checkov --config-file .checkov.yaml -f build/translated.json
	@echo "cfn-lint and checkov found nothing; what checkov is told to pass over is in .checkov.yaml, with reasons."

.PHONY: rehearse
rehearse: check-iac ## before a deployment: judge the template, build it, and smoke-test what was built
	@$(PY) -m scripts.build --here --into .aws-sam/local && $(PY) -m scripts.smoke --built .aws-sam/local

.PHONY: containers
containers: .venv/ready .venv-sam/ready ## run every built function in a container, where an engine answers
	@$(PY) -m scripts.containers

.PHONY: clean
clean: ## remove what make made
	@rm -rf .venv .venv-* .aws-sam .local .cache build
