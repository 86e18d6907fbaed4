# make demo    film a synthetic scene, run it through Ray and Redis, print its timeline   (SOURCE=... for your own video)
# make test    everything a change must pass, ≤ 10 minutes on two cores
# make slow    the rest of CI, ≤ 45 minutes
# make check   lint, types and import rules, seconds
# make chaos   ten minutes of a served fleet whose parts are killed, frozen and cut off; chaos-long is an hour of it
# make fleet   what the control plane costs per stream, from 20 to 200 simulated streams
# make nodes   what one, two and four nodes get done, with the same small share of the processor each (as root)
# make soak    half an hour of cameras that hang up every 20 seconds: does memory stay flat
# make fuzz    5,000 mutated videos through the decoder border
# make e2e     the compose file built and run in real containers, and broken
# make audit   known vulnerabilities of the pinned dependencies
# make bench   longtake beside what one would write instead, in one run

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
SOURCE ?=
QUIET  := $$(test -t 2 || echo -q)# who watches sees how far the set-up is
export OMP_NUM_THREADS ?= 2

.PHONY: demo test slow check chaos chaos-long fleet nodes soak fuzz e2e audit bench lock clean

demo: $(READY)
	@$(BIN)/python -m longtake demo $(if $(SOURCE),"$(SOURCE)")

test: $(READY) check
	$(BIN)/pytest -m "not slow" -n 2 --dist loadfile

# What computes may share the machine; what kills, waits and is timed is alone.
BESIDE := $(addprefix tests/,actors alerts api bench decode export fuzz models page source synthetic training)

slow: $(READY)
	$(BIN)/pytest -m slow --timeout 1200 -n 2 --dist loadfile $(BESIDE)
	$(BIN)/pytest -m slow --timeout 1200 $(addprefix --ignore=,$(BESIDE))

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

chaos: $(READY)
	$(BIN)/python -m tests.chaos --minutes 10 --faults 30 --each 3

chaos-long: $(READY)
	$(BIN)/python -m tests.chaos --minutes 60 --faults 200 --each 3 --report docs/reports/chaos-long.md

fleet: $(READY)
	$(BIN)/python -m tests.fleet

nodes: $(READY)
	$(BIN)/python -m tests.fleet.nodes

soak: $(READY)
	$(BIN)/python -m tests.fleet.soak

fuzz: $(READY)
	$(BIN)/python -m tests.fuzz

e2e: $(READY)
	$(BIN)/python -m tests.e2e --report docs/reports/e2e.md

audit: $(READY)
	$(BIN)/python -m tests.audit

bench: $(READY)
	$(BIN)/python -m bench

$(READY): requirements.lock deploy/uv.txt pyproject.toml
	@$(PYTHON) -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "longtake needs Python 3.11 or newer with venv (Debian, Ubuntu: apt install python3-venv)"; exit 1; }
	@echo "setting up $(VENV) (some minutes the first time: PyTorch is about 5 GB)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install $(QUIET) --disable-pip-version-check --require-hashes -r deploy/uv.txt
	@$(BIN)/uv pip install $(QUIET) --python $(BIN)/python --require-hashes -r requirements.lock
	@$(BIN)/uv pip install $(QUIET) --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

lock: $(READY)
	$(BIN)/uv pip compile -q --all-extras --universal --generate-hashes --no-header --no-emit-index-url --no-annotate \
	  pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
