# `make demo` shows what slimgest does; `make test` runs every check. Both install what they need into .venv.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test programs pictures faults fuzz soak quality searchable bench lint clean

demo: .venv/demo
	@$(BIN)/python samples/draw.py build/sample.pdf
	@$(BIN)/slimgest process build/sample.pdf
	@rm -rf build/sample.pdf

test: lint programs
	$(BIN)/pytest

# Programs of Debian's that some checks drive or compare with. CI installs them; elsewhere those checks are skipped.
PROGRAMS := chromium ghostscript iproute2 poppler-utils qpdf tesseract-ocr

programs:
	@missing=$$(for name in $(PROGRAMS); do dpkg -s $$name >/dev/null 2>&1 || printf ' %s' $$name; done); \
	if [ -z "$$missing" ]; then :; \
	elif [ -n "$$CI" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; \
	else echo "Some checks are skipped without these: apt-get install$$missing"; fi

# The pictures of the README and of docs/, taken of real runs
pictures: .venv/test programs
	$(BIN)/python -m docs.pictures

faults: .venv/test
	FAULTS_TABLE=docs/faults.md $(BIN)/pytest tests/faults/test_matrix.py tests/service/test_two_hosts.py -m 'slow or not slow'

fuzz: .venv/test
	$(BIN)/python -m tests.faults.fuzz --count 500

soak: .venv/test
	$(BIN)/python -m tests.faults.soak --minutes 10

lint: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Reads every PDF that has its true text beside it: make quality FOLDER=... ENGINE=rapidocr
quality: .venv/test
	$(BIN)/python -m benchmarks.quality $(FOLDER) $(if $(ENGINE),--engine $(ENGINE))

# Makes every PDF of a folder searchable and compares what other tools find in it: make searchable FOLDER=...
searchable: .venv/test
	$(BIN)/python -m benchmarks.searchable $(FOLDER) $(if $(ENGINE),--engine $(ENGINE))

# Everything that is measured, in 15 minutes on 2 cores, into docs/benchmarks. One question alone (into build/benchmarks):
# make bench ONLY=speed, how much of the raw speed is kept; make bench ONLY=growth, how the cost grows.
bench: .venv/bench
	$(BIN)/python -m benchmarks.bench $(if $(ONLY),--only $(ONLY))

clean:
	rm -rf .venv build *.egg-info

# One virtual environment; a stamp file for each set of extras that is installed in it.
.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/demo: .venv/bin/python pyproject.toml
	@echo "Installing slimgest into .venv (a minute or two) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[demo]'
	@touch $@

.venv/test: .venv/bin/python pyproject.toml
	@echo "Installing slimgest and its test extras into .venv (a few minutes) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

.venv/bench: .venv/test
	@echo "Installing what the benchmarks compare with (a minute) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@
