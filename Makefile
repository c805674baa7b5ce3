# One command for each thing one wants; every target works on a fresh checkout.
.POSIX:
.PHONY: help run demo test lint style types unit bench bench-long soak setup pins clean

BIN = .venv/bin
BOOTSTRAP = sh tools/bootstrap.sh
SYSTEM = sh tools/system-packages.sh
BENCH = $(BIN)/python bench
SCALED = $(BIN)/python -m tools.services --

help:
	@echo "make run         the demonstration, kept running until Ctrl-C"
	@echo "make demo        the demonstration from end to end; says whether everything held"
	@echo "                 WASL_PROFILE=scaled make demo: on PostgreSQL, RabbitMQ and an object store"
	@echo "make test        every check: style, types, floors, tests, coverage"
	@echo "make lint        style, types and floors only"
	@echo "make bench       how many letters are accepted and delivered in a second, what dead routes cost, how much memory"
	@echo "make bench-long  the same for longer"
	@echo "make soak        hours under load: every fault (MINUTES=60 of it), Mayan EDMS, then memory"
	@echo "make setup       .venv with everything for development"
	@echo "make clean       remove .venv and what was built (never var/, where letters are kept)"
	@echo "INSTALL=0        before any of these: install no system packages (INSTALL=1: also with sudo)"

run:
	@sh tools/demo.sh --keep

demo:
	@sh tools/demo.sh

setup:
	@$(BOOTSTRAP) demo
	@$(BOOTSTRAP) test

# What could not be checked is said last, whatever became of the rest.
test:
	@$(SYSTEM) install test
	@$(BOOTSTRAP) test
	@status=0; $(MAKE) lint && $(MAKE) unit || status=$$?; $(SYSTEM) report test; exit $$status

lint:
	@$(BOOTSTRAP) test
	@$(MAKE) -j 2 types style

style:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types:
	$(BIN)/mypy

# The files that take longest come first, so that no process has one to itself in the end. Images often forbid
# to keep compiled modules: each of the processes that tests start would compile the hub anew.
unit:
	@$(BOOTSTRAP) test
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder -rs --cov --cov-report=term \
		tests/faults tests/acceptance tests/integration tests/unit

# Every benchmark runs, whatever becomes of the others; the status tells whether one missed what is wanted.
bench:
	@$(SYSTEM) install test
	@$(BOOTSTRAP) test
	@status=0; \
	$(BENCH)/accept.py --letters 1000 || status=1; \
	$(BENCH)/receipts.py || status=1; \
	$(BENCH)/floor.py || status=1; \
	$(BENCH)/deliver.py --letters 800 --workers 1,2 || status=1; \
	$(SCALED) $(BENCH)/floor.py --shape scaled || status=1; \
	$(SCALED) $(BENCH)/deliver.py --shape scaled --letters 800 --workers 1,2 || status=1; \
	$(BENCH)/backlog.py --letters 2000 || status=1; \
	$(BENCH)/isolation.py --letters 600 || status=1; \
	$(BENCH)/inbox.py || status=1; \
	$(BENCH)/upload.py || status=1; \
	$(BENCH)/framing.py || status=1; \
	$(BENCH)/memory.py || status=1; \
	$(SCALED) $(BENCH)/memory.py --shape scaled || status=1; \
	exit $$status

bench-long:
	@$(SYSTEM) install test
	@$(BOOTSTRAP) test
	@status=0; \
	$(BENCH)/accept.py --letters 50000 || status=1; \
	$(BENCH)/ledger.py || status=1; \
	$(BENCH)/queries.py || status=1; \
	$(BENCH)/deliver.py --letters 10000 --workers 1,2,4 || status=1; \
	$(SCALED) $(BENCH)/deliver.py --shape scaled --letters 10000 --workers 1,2,4 || status=1; \
	$(BENCH)/backlog.py || status=1; \
	$(SCALED) $(BENCH)/backlog.py --shape scaled --workers 2 || status=1; \
	$(BENCH)/isolation.py --rounds 6 --letters 3000 --dead 1000 || status=1; \
	$(BENCH)/isolation.py --minutes 15 || status=1; \
	$(BENCH)/memory.py --mib 2048 || status=1; \
	$(SCALED) $(BENCH)/memory.py --shape scaled --mib 2048 || status=1; \
	exit $$status

MINUTES = 60

soak:
	@$(BOOTSTRAP) test
	$(BIN)/python -m tests.faults.soak --minutes $(MINUTES)
	$(BIN)/python -m tests.faults.mayan --folder var/mayan
	$(BIN)/python bench/memory.py --soak

# Run in a fresh .venv after changing a version in setup.cfg.
pins:
	sh tools/pins.sh

clean:
	rm -rf .venv build dist *.egg-info .coverage .coverage.* .hypothesis
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
