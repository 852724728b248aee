# The two commands of the README, and what developers need besides. Both work on a fresh clone: they install what is
# missing (Debian packages, a virtual environment), build and run. What must be there before: Linux, the Swift 6.3
# toolchain on PATH, Python 3.11 or newer (PYTHON=python3.12 make hello chooses one), apt and pip.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check -q
# Another Python for the wheel: Debian's own with its NumPy 1.24, if there is one; else PYTHON with the oldest NumPy.
DEBIAN_VENV := .venv-debian
DEBIAN_PY := $(DEBIAN_VENV)/bin/python
HEADER := Sources/CSwiftKAN/include/swiftkan.h
C_FILES := $(wildcard python/*.c Tests/ABI/*.c Sources/*/*.c)

.PHONY: hello test develop test-c build-swift test-swift test-abi test-python test-wheel test-debian test-cpus \
  run-swift run-abi run-python run-wheel run-debian asan wheel sdist bench clean

hello: develop
	$(PY) examples/hello.py

# In three stages, two things at a time: most tests use one core, and a compiler the other cores only now and then. What a stage
# needs was made by the stage before, so that no two of a stage build the same.
test: test-c
	$(MAKE) -j2 --output-sync=target build-swift develop
	$(MAKE) -j2 --output-sync=target run-swift run-abi wheel $(DEBIAN_VENV)/.ready
	$(MAKE) -j2 --output-sync=target run-python run-debian run-wheel
	@echo "make test: all passed"

# ---- Set-up ----------------------------------------------------------------------------------------------------

$(VENV)/.ready: .ci/packages
	bash .ci/packages
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "swiftkan needs Python 3.11 or newer, but $(PYTHON) is $$($(PYTHON) --version 2>&1); name another one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -U pip 'setuptools>=77'
	touch $@

# The package as it is in python/, with the extension built in place; a second call builds what has changed.
develop: $(VENV)/.ready
	@echo 'Building the engine; the first time takes some minutes.'
	$(PIP) install --no-build-isolation -e '.[test]'

# ---- Tests -----------------------------------------------------------------------------------------------------

# Every C file without a warning from either compiler, and every declared function called by the C program.
test-c: $(VENV)/.ready
	@include=$$($(PY) -c 'import sysconfig; print(sysconfig.get_path("include"))'); \
	for compiler in gcc clang; do for file in $(C_FILES); do \
	  $$compiler -fsyntax-only -O2 -Wall -Wextra -Werror -ISources/CSwiftKAN/include -ISources/CLAPACK/include \
	    -ISources/CPlatform/include -ISources/CVector/include -I$$include $$file || exit 1; \
	done; done; echo "C files: no warnings"
	@for function in $$(grep -oE '\bswiftkan_[a-z_]+\(' $(HEADER) | sort -u); do \
	  grep -qF "$$function" Tests/ABI/*.c || { echo "$$function...) of swiftkan.h is not called in Tests/ABI" >&2; exit 1; }; \
	done; echo "C interface: every function is called"

build-swift: $(VENV)/.ready
	swift build --build-tests

# Each `test-` builds what the `run-` of its name runs.
test-swift test-abi: build-swift
test-python test-abi: develop
test-wheel: wheel
test-debian: wheel $(DEBIAN_VENV)/.ready
test-swift test-abi test-python test-wheel test-debian:
	$(MAKE) --no-print-directory $(@:test-%=run-%)

run-swift:
	swift test --skip-build

# With every check of Swift, then as the package is built, which takes seconds after `develop`; there allocations are counted, too.
run-abi:
	.build/debug/ABITests
	program=$$($(PY) setup.py -q abi_program) && "$$program"

run-python:
	$(PY) -m pytest -q

run-wheel:
	$(PY) .ci/check_wheel.py dist/*.whl

run-debian:
	$(DEBIAN_PY) -m pip -q install --disable-pip-version-check --no-deps --force-reinstall dist/*.whl
	$(DEBIAN_PY) -c 'import numpy, sys, swiftkan; print("Python", sys.version.split()[0], "NumPy", numpy.__version__, swiftkan.__file__)'
	$(DEBIAN_PY) -m pytest -q

$(DEBIAN_VENV)/.ready: $(VENV)/.ready
	bash .ci/debian_venv $(DEBIAN_VENV) $(PY)
	touch $@

# All tests with each build of the engine that this processor can run, then Python's with the oldest on an emulated old processor. Takes four to
# five hours.
test-cpus: develop
	bash .ci/test_cpus $(PY)

# The C program and the Python tests with every Swift and C access to memory checked. Python itself is not instrumented, so its runtime is
# loaded first, and leaks (of which Python has many at its end) are not looked for. The symbolizer names Swift functions.
asan: develop
	swift build --sanitize=address --scratch-path build/swift-abi-address --product ABITests
	ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1:handle_segv=0 build/swift-abi-address/debug/ABITests
	rm -rf build/asan build/lib*
	SWIFTKAN_SANITIZE=address $(PIP) install --no-build-isolation --no-deps --upgrade --target build/asan .
	ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:handle_segv=0:quarantine_size_mb=16 PYTHONMALLOC=malloc PYTHONPATH=build/asan \
	LD_PRELOAD="$$(clang -print-file-name=libclang_rt.asan-$$(uname -m).so)" $(PY) -m pytest -q

# ---- Packages --------------------------------------------------------------------------------------------------

# From the tree, whose engine may be built already; the source distribution has all of its files, which `sdist` makes sure of.
wheel: sdist
	rm -rf dist/*.whl build/lib* build/bdist*
	$(PIP) wheel --no-build-isolation --no-deps -w dist .

sdist: $(VENV)/.ready
	rm -rf dist/*.tar.gz python/*.egg-info
	$(PY) setup.py -q sdist
	@if [ -e .git ]; then git ls-files | sort > build/tracked; \
	  tar tzf dist/*.tar.gz | sed 's|^[^/]*/||' | sort | comm -23 build/tracked - > build/missing; \
	  if [ -s build/missing ]; then echo "MANIFEST.in leaves out:" $$(cat build/missing) >&2; exit 1; fi; \
	fi

# Every benchmark, about an hour; README's table of speed is written from what they measured. A missed target ends none of the others.
# SWIFTKAN_EFFICIENT_KAN, SWIFTKAN_FAST_KAN (a file each) and SWIFTKAN_JAXKAN=1 add peers that are not on PyPI or are large.
bench: develop
	rm -f build/bench.jsonl
	for file in benchmarks/[a-z]*.py; do case $$file in */pykan_hellokan.py) ;; *) \
	  echo "== $$file"; SWIFTKAN_BENCH=build/bench.jsonl $(PY) $$file || echo "$$file: a target was missed" ;; esac; done
	$(PY) benchmarks/_table.py build/bench.jsonl

clean:
	rm -rf build dist .build $(VENV) $(DEBIAN_VENV) python/*.egg-info python/swiftkan/*.so
