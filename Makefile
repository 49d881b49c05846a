# The commands of Liveboard. `make run` needs Python 3.11 or newer, and make.

BIN := .venv/bin
NODE := PATH="$(CURDIR)/.cache/node/bin:$$PATH"
PRETTIER := "static/**/*.{js,css}" "tests/**/*.js" "{,web/}*.yaml"

.PHONY: help run test browsers check format screenshots icons audit soak bench faults image clean

help:  ## List these commands
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' Makefile | while IFS='	' read -r name what; \
	do printf '  make %-11s %s\n' "$$name" "$$what"; done

run:  ## Start the board at http://127.0.0.1:8000 (or another $PORT)
	@scripts/set-up run
	@$(BIN)/python -m feed.settings
	@exec $(BIN)/python -m gunicorn app:app

test:  ## Run all tests, or some: make test ARGS="tests/streams/test_sse.py -k nul"
	@scripts/set-up test
	@exec $(BIN)/python -m pytest $(or $(ARGS),-n auto --dist worksteal)

browsers:  ## Try the page longer in each browser engine than `make test` does
	@scripts/set-up test
	@exec $(BIN)/python -m pytest tests/page/engines/test_engines.py tests/page/engines/long.py $(ARGS)

check:  ## Check format, style and types
	@scripts/set-up develop
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy
	@$(NODE) node_modules/.bin/prettier --check $(PRETTIER)
	@mkdir -p .cache && $(BIN)/python -m tools.openapi > .cache/openapi.json
	@$(NODE) node_modules/.bin/openapi-typescript .cache/openapi.json -o .cache/api.d.ts
	@$(NODE) node_modules/.bin/tsc

format:  ## Format the code
	@scripts/set-up develop
	$(BIN)/python -m ruff format .
	$(BIN)/python -m ruff check --fix .
	@$(NODE) node_modules/.bin/prettier --write $(PRETTIER)

screenshots:  ## Take pictures of each state in each browser engine; those of the README: README=1
	@scripts/set-up test
	@exec $(BIN)/python -m tools.screenshots $(ARGS)

icons:  ## Draw the icons and the picture for link previews again
	@scripts/set-up test
	@exec $(BIN)/python -m tools.icons

audit:  ## Audit the live page with Lighthouse
	@scripts/set-up audit
	@$(NODE) $(BIN)/python -m tools.audit

soak:  ## Watch a page for ten minutes at 50 times the speed; for one: make soak MINUTES=1
	@scripts/set-up test
	@exec $(BIN)/python -m tools.soak

bench:  ## Measure the board and similar servers; in about a minute: make bench QUICK=1
	@scripts/set-up run
	@$(BIN)/python -m bench.set_up
	@exec .cache/bench-venv/bin/python -m bench.run $(if $(QUICK),--quick) $(ARGS)

faults:  ## Measure what clients miss when a process dies, for docs/reliability.md
	@scripts/set-up test
	@exec $(BIN)/python -m tools.faults

image:  ## Build and try the image, if Docker or Podman is here
	@scripts/set-up develop
	@exec $(BIN)/python -m tools.image $(ARGS)

clean:  ## Remove everything that these commands made, including .venv
	rm -rf .venv .cache node_modules static/vendor screenshots .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
