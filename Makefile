# `make demo` shows what slimgest does; `make check` takes a minute or two, `make test` half an hour on two cores, and
# `make slow` runs the tests that `make test` leaves out. Each target installs what it needs into .venv.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo check test slow programs pictures faults fuzz soak attack quality tables sweep searchable bench lint clean

demo: .venv/demo
	@$(BIN)/python samples/draw.py build/sample.pdf
	@$(BIN)/slimgest process build/sample.pdf
	@$(BIN)/slimgest doctor | sed -n 's|^.* languages: |Languages that this installation reads: |p' | fold -s -w 120
	@rm -rf build/sample.pdf

# Lint, types, import contracts and unit tests: what to run before each commit
check: lint
	$(BIN)/pytest tests/unit -n logical

# All of `check` and every other test that is not marked `slow`, in one run of pytest, so that its last line counts all
# tests. Most tests wait for processes, so there are more of them at a time than cores. A busy machine may delay a process
# by more than any test can allow for: a few tests with processes may be run once more. They are printed with what failed.
test: lint programs
	$(BIN)/pytest -n 4 --max-worker-restart 0 --durations 10 $(RERUNS)

RERUNS := --reruns 1 --max-suite-reruns 6 --rerun-exclude-path tests/unit --rerun-show-tracebacks

# The tests that take minutes: slow faults, two hosts, OCR of a whole paper
slow: .venv/test programs
	$(BIN)/pytest -m slow

# Programs of Debian that some tests use. CI installs them; elsewhere those tests are skipped without them.
PROGRAMS := caddy chromium fonts-noto-cjk fonts-noto-core ghostscript iproute2 nginx-light poppler-utils prometheus qpdf \
    systemd tesseract-ocr \
    $(addprefix tesseract-ocr-,ara ces deu ell fra heb hin jpn kor osd pol rus tha tur vie)

programs:
	@missing=$$(for name in $(PROGRAMS); do dpkg -s $$name >/dev/null 2>&1 || printf ' %s' $$name; done); \
	if [ -z "$$missing" ]; then :; \
	elif [ -n "$$CI" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; \
	else echo "Some tests are skipped without these: apt-get install$$missing"; fi

# The pictures of the README and of docs/, taken from real runs
pictures: .venv/test programs
	$(BIN)/python -m docs.pictures

faults: .venv/test
	FAULTS_TABLE=docs/faults.md $(BIN)/pytest tests/faults/test_matrix.py tests/service/test_two_hosts.py -m 'slow or not slow'

fuzz: .venv/test
	$(BIN)/python -m tests.faults.fuzz --count 500

# Attacks a service of its own on loopback, for two minutes, and writes docs/security-tests.md
attack: .venv/test
	$(BIN)/python -m tests.faults.attack

soak: .venv/test
	$(BIN)/python -m tests.faults.soak --minutes 20

lint: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Reads every PDF that has its true text beside it: make quality FOLDER=... ENGINE=rapidocr
quality: .venv/test
	$(BIN)/python -m benchmarks.quality $(FOLDER) $(if $(ENGINE),--engine $(ENGINE))

# Draws 40 tables, reads them as text layers and scans, and compares the cells: the mean TEDS
tables: .venv/test
	$(BIN)/python -m benchmarks.tables

# Compares the text layers of a folder of PDFs with poppler's pdftotext: make sweep FOLDER=... PAGES=1-3. AUTO=1 also
# measures the time a page with mode=auto, by decision; JUDGE=1 asks OCR whose text is right; BEFORE=build/old.json lists
# what has changed since an earlier sweep.
sweep: .venv/test programs
	$(BIN)/python -m benchmarks.sweep $(FOLDER) $(if $(PAGES),--pages $(PAGES)) $(if $(AUTO),--auto) $(if $(JUDGE),--judge) $(if $(BEFORE),--before $(BEFORE))

# Makes every PDF of a folder searchable, and compares the words that other tools find in it: make searchable FOLDER=...
searchable: .venv/test
	$(BIN)/python -m benchmarks.searchable $(FOLDER) $(if $(ENGINE),--engine $(ENGINE))

# All measures, in 15 minutes on 2 cores, into docs/benchmarks. Some of them, into build/benchmarks:
# make bench ONLY=speed (the service over a bare loop), ONLY=growth (cost by size), DOCUMENTS=folder (each PDF in a folder).
bench: .venv/bench
	$(BIN)/python -m benchmarks.bench $(if $(ONLY),--only $(ONLY)) $(if $(DOCUMENTS),--documents $(DOCUMENTS))

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
