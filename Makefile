# libpynomaly. `make help` lists the targets; CONTRIBUTING.md says how the house is laid out.

PREFIX  ?= /usr/local
LIBDIR  ?= $(PREFIX)/lib
DESTDIR ?=
FUZZ_SECONDS ?= 3600
BENCH_OPTIONS ?=

VERSION := $(shell sed -n 's/^.define PYN_VERSION_STRING "\(.*\)"/\1/p' include/pynomaly.h)
ABI     := $(shell sed -n 's/^.define PYN_ABI_VERSION \([0-9]*\)/\1/p' include/pynomaly.h)

RELEASE := .build/release
LIBRARY := $(RELEASE)/libpynomaly.so
CLI     := $(RELEASE)/pynomaly-cli
MANUAL  := Sources/PynomalyCLI/Manual/pynomaly.1
STAGE   := $(CURDIR)/.build/stage
VENV    := .build/venv
BENCH   := .build/bench
PYTHON  := $(CURDIR)/$(VENV)/bin/python
# Headers that the shared library is compiled with. Of libdw it needs no more to build: it loads libdw when
# native stacks are asked for.
BUILD_NEEDS := libeigen3-dev libtomlplusplus-dev libdw-dev
SWIFT_BUILD := swift build -c release --static-swift-stdlib --disable-local-rpath

.DEFAULT_GOAL := build
.DELETE_ON_ERROR:

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ------------------------------------------------------------------------------------- build --

.PHONY: build swift-toolchain
build: swift-toolchain ## Build the shared library and the command-line tool
	@Tests/support/need $(BUILD_NEEDS)
	$(SWIFT_BUILD)

$(LIBRARY) $(CLI) &:
	@$(MAKE) --no-print-directory build

swift-toolchain:
	@command -v swift >/dev/null || { \
	  echo "The Swift toolchain (6.1 or later) is not on PATH: https://www.swift.org/install/" >&2; exit 1; }

.PHONY: demo
demo: build ## Find the incidents in a recording of a real machine and write a report
	@mkdir -p .build/demo
	@echo "== Looking for incidents in Benchmarks/host-metrics/host-metrics.csv"
	$(CLI) detect Benchmarks/host-metrics/host-metrics.csv --drop time --label-column incident \
	  --contamination 0.1 --top 5 --report .build/demo/report.html
	@echo "The demo is done. The report is $(CURDIR)/.build/demo/report.html: open it in a browser."

PLUGINS := $(notdir $(wildcard Tests/plugins/examples/*))

.PHONY: plugins
plugins: swift-toolchain ## Build the example plugins, each with its manifest, in .build/plugins
	Tests/support/need gcc:gcc g++:g++ strip:binutils
	@$(foreach plugin,$(PLUGINS),$(MAKE) --no-print-directory -C Tests/plugins/examples/$(plugin) \
	  BUILD=$(CURDIR)/.build/plugins/$(plugin) &&) true

.PHONY: format
format: ## Lay out the Swift sources
	swift format --in-place --parallel --recursive Sources Tests Package.swift

.PHONY: clean
clean: ## Remove everything that was built
	rm -rf .build dist

# ----------------------------------------------------------------------------------- install --

# The real file is libpynomaly.so.<ABI>.<version>; programs ask for libpynomaly.so.<ABI>.
REAL     := libpynomaly.so.$(ABI).$(VERSION)
CONFIG   := $(LIBDIR)/cmake/pynomaly
SHARE    := $(PREFIX)/share
BASH_COMPLETION := $(SHARE)/bash-completion/completions/pynomaly
ZSH_COMPLETION  := $(SHARE)/zsh/site-functions/_pynomaly
FISH_COMPLETION := $(SHARE)/fish/vendor_completions.d/pynomaly.fish
HEADERS  := include/pynomaly.h include/pynomaly_plugin.h bindings/cpp/pynomaly.hpp bindings/cpp/pynomaly_plugin.hpp
INSTALLED := $(addprefix $(LIBDIR)/,$(REAL) libpynomaly.so.$(ABI) libpynomaly.so pkgconfig/pynomaly.pc) \
  $(addprefix $(CONFIG)/,pynomaly-config.cmake pynomaly-config-version.cmake) \
  $(addprefix $(PREFIX)/include/,$(notdir $(HEADERS))) $(PREFIX)/bin/pynomaly $(SHARE)/man/man1/pynomaly.1 \
  $(SHARE)/doc/pynomaly/THIRD-PARTY.md \
  $(BASH_COMPLETION) $(ZSH_COMPLETION) $(FISH_COMPLETION)

# fill SOURCE,TARGET: copy a packaging file with its @WORDS@ filled in.
define fill
install -d $(dir $(DESTDIR)$(2))
sed -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@LIBDIR@|$(LIBDIR)|g' -e 's|@VERSION@|$(VERSION)|g' \
  -e 's|@REAL@|$(REAL)|g' -e 's|@SONAME@|libpynomaly.so.$(ABI)|g' \
  -e "s|@TO_PREFIX@|$$(realpath -m --relative-to=$(CONFIG) $(PREFIX))|g" $(1) >$(DESTDIR)$(2)
endef

.PHONY: install
install: $(LIBRARY) $(CLI) ## Install below PREFIX (/usr/local), or below DESTDIR for packagers
	install -d $(DESTDIR)$(LIBDIR) $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(HEADERS) $(DESTDIR)$(PREFIX)/include
	strip --strip-unneeded -o $(DESTDIR)$(LIBDIR)/$(REAL) $(LIBRARY)
	chmod 755 $(DESTDIR)$(LIBDIR)/$(REAL)
	ln -sf $(REAL) $(DESTDIR)$(LIBDIR)/libpynomaly.so.$(ABI)
	ln -sf libpynomaly.so.$(ABI) $(DESTDIR)$(LIBDIR)/libpynomaly.so
	strip -o $(DESTDIR)$(PREFIX)/bin/pynomaly $(CLI)
	chmod 755 $(DESTDIR)$(PREFIX)/bin/pynomaly
	$(call fill,bindings/packaging/pynomaly.pc.in,$(LIBDIR)/pkgconfig/pynomaly.pc)
	$(call fill,bindings/packaging/pynomaly-config.cmake.in,$(CONFIG)/pynomaly-config.cmake)
	$(call fill,bindings/packaging/pynomaly-config-version.cmake.in,$(CONFIG)/pynomaly-config-version.cmake)
	install -D -m 644 bindings/packaging/THIRD-PARTY.md $(DESTDIR)$(SHARE)/doc/pynomaly/THIRD-PARTY.md
	install -D -m 644 $(MANUAL) $(DESTDIR)$(SHARE)/man/man1/pynomaly.1
	install -d $(dir $(addprefix $(DESTDIR),$(BASH_COMPLETION) $(ZSH_COMPLETION) $(FISH_COMPLETION)))
	$(CLI) --generate-completion-script bash >$(DESTDIR)$(BASH_COMPLETION)
	$(CLI) --generate-completion-script zsh >$(DESTDIR)$(ZSH_COMPLETION)
	$(CLI) --generate-completion-script fish >$(DESTDIR)$(FISH_COMPLETION)
	@echo "Installed libpynomaly $(VERSION) below $(DESTDIR)$(PREFIX)." \
	  "$(if $(DESTDIR),,Run ldconfig (as root) if programs do not find the library.)"

.PHONY: uninstall
uninstall: ## Remove what `make install` put below PREFIX
	rm -f $(addprefix $(DESTDIR),$(INSTALLED))
	@! rmdir $(DESTDIR)$(CONFIG) $(DESTDIR)$(SHARE)/doc/pynomaly 2>/dev/null || true

# ------------------------------------------------------------------------------------- tests --

.PHONY: test
test: ## Run every test (5 to 10 minutes on two cores); installs what this machine lacks
	@MAKE="$(MAKE)" Tests/run swift native abi install plugins python cli profiling readme fuzz

.PHONY: test-swift
test-swift: swift-toolchain ## Tests of the core, in Swift
	@Tests/support/need $(BUILD_NEEDS)
	swift test --parallel

.PHONY: stage
stage: build
	@rm -rf $(STAGE)
	@$(MAKE) --no-print-directory install DESTDIR=$(STAGE) PREFIX=/usr

.PHONY: test-native
test-native: stage ## C and C++ tests against an installed tree: plain, sanitised, under valgrind
	Tests/support/need cmake:cmake g++:g++ pkg-config:pkgconf libcmocka-dev doctest-dev libeigen3-dev valgrind libc6-dbg
	Tests/native/run $(STAGE) $(LIBRARY) .build/native

.PHONY: test-abi
test-abi: stage ## What the shared library exports, needs and weighs
	Tests/support/need readelf:binutils gcc:gcc python3:python3 abidiff:abigail-tools
	Tests/abi/run $(STAGE)/usr

.PHONY: test-install
test-install: build ## Installing somewhere else, and uninstalling
	Tests/support/need cmake:cmake gcc:gcc g++:g++ pkg-config:pkgconf
	MAKE="$(MAKE)" Tests/install/run .build/install

.PHONY: test-plugins
test-plugins: build plugins $(VENV)/stamp ## The example plugins, the templates, and a plugin of the first contract
	Tests/support/need cmake:cmake gcc:gcc g++:g++ nm:binutils valgrind libc6-dbg
	Tests/plugins/host/run .build/plugins .build/plugin-tests
	PYNOMALY_LIBRARY=$(CURDIR)/$(LIBRARY) PYNOMALY_CLI=$(CURDIR)/$(CLI) $(PYTHON) -m pytest -q Tests/plugins

.PHONY: test-python
test-python: installed-wheel plugins ## Tests of the Python face, from its wheel
	Tests/support/need gcc:gcc
	cd bindings/python && $(PYTHON) -m pytest -q tests
	PYNOMALY_LIBRARY=$(CURDIR)/$(LIBRARY) $(PYTHON) -m pytest -q Tests/native

.PHONY: test-readme
test-readme: stage installed-wheel ## The examples of README.md, against an installed tree
	Tests/support/need g++:g++ pkg-config:pkgconf
	PYNOMALY_STAGE=$(STAGE) $(PYTHON) -m pytest -q Tests/readme

.PHONY: test-cli
test-cli: build $(VENV)/stamp ## Tests of the command-line tool
	Tests/support/need gcc:gcc g++:g++
	PYNOMALY_CLI=$(CURDIR)/$(CLI) $(PYTHON) -m pytest -q Tests/cli

.PHONY: test-profiling
test-profiling: build $(VENV)/stamp ## Tests of the profiler, on processes of every CPython that is here
	Tests/support/need gcc:gcc g++:g++ strip:binutils gdb:gdb strace:strace chromium:chromium \
	  protoc:protobuf-compiler golang-github-google-pprof-dev
	PYNOMALY_LIBRARY=$(CURDIR)/$(LIBRARY) PYNOMALY_CLI=$(CURDIR)/$(CLI) $(PYTHON) -m pytest -q Tests/profiling

.PHONY: test-fuzz
test-fuzz: ## A short round of every fuzzer
	@Tests/support/need $(BUILD_NEEDS)
	@for fuzzer in Tests/fuzz/*/run; do echo "== $$fuzzer"; $$fuzzer 25 || exit 1; done

.PHONY: fuzz
fuzz: ## A long round of every fuzzer: FUZZ_SECONDS=3600 for each
	@Tests/support/need $(BUILD_NEEDS)
	@for fuzzer in Tests/fuzz/*/run; do echo "== $$fuzzer"; $$fuzzer $(FUZZ_SECONDS) || exit 1; done

# ------------------------------------------------------------------------ Python, benchmarks --

.PHONY: wheel
wheel: build $(VENV)/stamp ## Build the Python wheel into dist
	rm -rf dist
	PYNOMALY_LIBRARY=$(CURDIR)/$(LIBRARY) $(PYTHON) -m pip wheel --quiet --no-deps --no-build-isolation \
	  --wheel-dir dist bindings/python
	@echo "Built $$(echo dist/*.whl)"

.PHONY: python-classes
python-classes: build $(VENV)/stamp ## Write the Python classes of the detectors anew, from the options they list
	PYNOMALY_LIBRARY=$(CURDIR)/$(LIBRARY) PYTHONPATH=bindings/python/src $(PYTHON) -m pynomaly._class_source \
	  >.build/detectors.py
	mv .build/detectors.py bindings/python/src/pynomaly/_detectors.py

.PHONY: installed-wheel
installed-wheel: wheel
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps dist/*.whl

$(VENV)/stamp: Tests/requirements.txt
$(BENCH)/stamp: Benchmarks/detection/requirements.txt
$(VENV)/stamp $(BENCH)/stamp:
	Tests/support/need python3:python3
	@python3 -c 'import ensurepip, venv' 2>/dev/null || Tests/support/need python3-venv
	python3 -m venv $(@D)
	@echo "Installing into $(@D): $$(sed -n 's/[<>=].*//p' $< | xargs)"
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.PHONY: pictures
pictures: build $(BENCH)/stamp ## Draw the pictures of the guide's pages
	$(BENCH)/bin/python Benchmarks/detection/pictures.py
	$(BENCH)/bin/python Benchmarks/detection/pictures_around.py

.PHONY: bench-plugins
bench-plugins: stage plugins ## What calling a detector through the plugin contract costs
	Tests/support/need gcc:gcc
	Benchmarks/plugins/run $(STAGE) .build/plugins .build/bench-plugins

.PHONY: bench-profiling
bench-profiling: build ## What sampling costs a program, beside py-spy, austin and eu-stack
	Tests/support/need eu-stack:elfutils
	@test -x .build/bench-profiling/bin/austin || { python3 -m venv .build/bench-profiling && \
	  .build/bench-profiling/bin/pip install --quiet --disable-pip-version-check 'py-spy>=0.4,<0.5' \
	    'austin-dist<4' numpy; }
	PYNOMALY_CLI=$(CURDIR)/$(CLI) .build/bench-profiling/bin/python Benchmarks/profiling/run.py $(BENCH_OPTIONS)

.PHONY: bench
bench: build $(BENCH)/stamp ## Compare speed and quality with other libraries: BENCH_OPTIONS=--quick for a trial
	Tests/support/need gcc:gcc
	$(BENCH)/bin/python Benchmarks/detection/run.py --json .build/bench.json --markdown .build/bench.md $(BENCH_OPTIONS)
	@echo "The benchmarks are done; their tables are in .build/bench.md."
