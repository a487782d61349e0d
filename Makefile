# The two commands that a new user needs: `make demo` and `make test`. `make help` lists the rest.
SHELL := bash
.DEFAULT_GOAL := build
MAKEFLAGS += --no-print-directory

export OLIVINE_DEPS ?= $(CURDIR)/.deps
export PATH := $(OLIVINE_DEPS)/venv/bin:$(PATH)
# Object files are the same wherever the checkout stands, so that a second checkout builds from the compiler's cache.
export CCACHE_BASEDIR ?= $(CURDIR)
export CCACHE_NOHASHDIR ?= 1
export PYTHONDONTWRITEBYTECODE := 1

PYTHON := $(OLIVINE_DEPS)/venv/bin/python
PYTEST := $(PYTHON) -m pytest -q -p no:cacheprovider -n $(shell nproc)
# Of the suite of PyTorch models, those that `make test` looks at.
FEW = bert deberta llama mixtral mamba t5_with_past swin detr whisper clip nn_unet nn_gnn nn_while_loop
SOURCES = $(shell git ls-files -co --exclude-standard 'src/*.cc' 'src/*.h' 'include/*.h')

.PHONY: build setup demo test suites bench docs format lint asan clean distclean help

build: setup  ## the command (build/release/bin/olivine), the library and the tests
	@$(call compile,release,)

setup:  ## what the build needs (scripts/setup); nothing the second time
	@scripts/setup

demo: setup  ## text detection made ready for a device: fixed shape, fp16, verified, drawn
	@$(call compile,release,olivine_cli)
	@$(PYTHON) examples/ppocr/demo.py

test: build  ## unit tests, end to end tests, a part of the suites, lint
	@scripts/setup torch
	@$(OLIVINE_DEPS)/torch/bin/python tests/suites/capture_models.py $(OLIVINE_DEPS)/models/captured $(FEW) 2> /dev/null
	@failed=0; \
	build/release/bin/olivine_tests --gtest_brief=1 || failed=1; \
	$(PYTEST) -m "not slow" tests || failed=1; \
	exit $$failed

suites: setup  ## the whole of the slow suites, with a table for each
	@$(call compile,release,olivine_cli)
	@scripts/setup torch
	@$(OLIVINE_DEPS)/torch/bin/python tests/suites/exports.py $(OLIVINE_DEPS)/models/exported
	@$(OLIVINE_DEPS)/torch/bin/python tests/suites/mixed_exports.py $(OLIVINE_DEPS)/models/mixed $(OLIVINE_DEPS)/models/minilm 2> /dev/null
	@$(OLIVINE_DEPS)/torch/bin/python tests/suites/op_db_capture.py
	@$(if $(PEERS),scripts/setup peers)
	@$(if $(PEERS),$(OLIVINE_DEPS)/torch/bin/python tests/suites/op_db_peer.py)
	@$(OLIVINE_DEPS)/torch/bin/python tests/suites/capture_models.py $(OLIVINE_DEPS)/models/captured 2> /dev/null
	@$(if $(PEERS),$(OLIVINE_DEPS)/torch/bin/python tests/suites/capture_models.py --torch-onnx $(OLIVINE_DEPS)/models/captured-torch.onnx 2> /dev/null)
	@failed=0; \
	$(PYTHON) tests/suites/node_tests.py $(if $(PEERS),--peers) || failed=1; \
	$(PYTHON) tests/suites/mixed_precision.py $(if $(PEERS),--peers) || failed=1; \
	$(PYTHON) tests/suites/op_db.py || failed=1; \
	$(PYTHON) tests/suites/op_db.py --dynamic || failed=1; \
	$(if $(PEERS),$(PYTHON) tests/suites/op_db.py --peer;) \
	exit $$failed

bench: setup  ## side by side with cp and the peers (PEERS=1 installs these); fills docs/benchmarks.md
	@$(if $(PEERS),scripts/setup peers)
	@$(call compile,release,olivine_cli)
	@$(PYTHON) bench/bench.py $(ARGS)

lint: setup  ## the rules that a script can hold
	@$(PYTEST) tests/lint

docs: build  ## what is generated from the declarations: reference pages, schema, --help
	@scripts/golden

format: setup  ## clang-format, in place
	@clang-format-14 -i $(SOURCES)

asan: setup  ## the unit tests under the address and undefined-behaviour sanitizers
	@$(call compile,asan,olivine_tests)
	@ASAN_OPTIONS=detect_container_overflow=0 UBSAN_OPTIONS=print_stacktrace=1 build/asan/bin/olivine_tests --gtest_brief=1

clean:  ## everything but .deps
	@rm -rf build demo-output

distclean: clean  ## .deps too
	@rm -rf .deps

help:
	@sed -n 's/^\([a-z]*\):.*##  */\1\t/p' $(MAKEFILE_LIST) | expand -t 11

# compile PRESET,TARGET: configures once (ninja does it again when a CMake file changes), then builds; on a terminal with
# a line of progress, elsewhere in silence.
define compile
set -e; mkdir -p build; \
if ! grep -qsx 'OLIVINE_DEPS:PATH=$(OLIVINE_DEPS)' build/$(1)/CMakeCache.txt || [[ ! -f build/$(1)/build.ninja ]]; then \
  cmake --preset $(1) -DOLIVINE_DEPS="$(OLIVINE_DEPS)" > build/configure-$(1).log 2>&1 || { cat build/configure-$(1).log; exit 1; }; \
fi; \
if [[ -t 1 ]]; then quiet=; else quiet=--quiet; fi; \
NINJA_STATUS='[%f/%t, %e s] ' ninja -C build/$(1) $$quiet $(2)
endef
