# zroute: `make demo` shows it, `make test` proves it. Both install what is missing on a bare Debian 12 with Swift.

SHELL := /bin/bash
.DELETE_ON_ERROR:

# What the program is built and tested with; libdb-dev, libmd-dev, libcdb-dev and liblmdb-dev are all that it needs to be built.
BUILD_PACKAGES := libdb-dev libmd-dev libcdb-dev liblmdb-dev
TEST_PACKAGES  := libdb-dev libmd-dev libcdb-dev liblmdb-dev lmdb-utils tinycdb freecdb db5.3-util exim4-base gcc libc6-dev openssl python3 python3-jsonschema \
                  cyrus-imapd sasl2-bin dovecot-core dovecot-lmtpd systemd libgnutls-dane0 libicu72 libidn12 libnsl2 \
                  libpcre2-8-0 libsasl2-2 libsqlite3-0 sqlite3 iproute2 libpq5 libldap-2.5-0 libltdl7 libwrap0 postgresql-15 chromium graphviz \
                  binutils dpkg-dev lintian man-db mandoc xz-utils cmark-gfm curl netcat-openbsd
# Unpacked, not installed: they would take other packages' places, or bring much along.
TEST_UNPACKED  := postfix postfix-cdb postfix-lmdb exim4-daemon-light dovecot-imapd python3-aiosmtpd python3-attr python3-public slapd ldap-utils \
                  zsh zsh-common fish fish-common libpcre2-32-0 prometheus
INSTALL_PACKAGES := python3
SITE_PACKAGES := python3 cmark-gfm
MODEL_PACKAGES := spin gcc libc6-dev
PACKAGE_PACKAGES := python3 binutils dpkg-dev xz-utils
TRIAL_PACKAGES := $(PACKAGE_PACKAGES) wget gpgv debian-archive-keyring util-linux procps
BENCH_PACKAGES := libldap-dev libdb-dev libmd-dev libcdb-dev liblmdb-dev valgrind hyperfine time gcc libc6-dev strace e2fsprogs \
                  libicu72 libnsl2 libsasl2-2 libdb5.3 libpq-dev postgresql-15
BENCH_UNPACKED := postfix slapd ldap-utils

# With a directory of git repositories, bare or not, of the Swift packages: they are looked for there, and nowhere else.
SWIFT_PACKAGES ?=
RELEASE := ZROUTE_COMMIT="$$(Scripts/source-facts commit)" swift build -c release --static-swift-stdlib --product zroute
# Where `make install` puts everything, and below which directory that is; which program it installs.
PREFIX  ?= /usr/local
DESTDIR ?=
PROGRAM ?= .build/release/zroute
# A package has the program that is made of this source, unless another one is named.
PACKAGED := $(if $(filter .build/release/zroute,$(PROGRAM)),build,$(PROGRAM))
BENCHMARKS := startup resolve resolve-growth resolve-btree resolve-lmdb resolve-cdb resolve-pgsql resolve-ldap stream linear deferred lmtp lmtp-parallel lmtp-front serve route-queue end-to-end
SECONDS ?= 600
LOOKUPS ?= 200000

.PHONY: help build demo test lint model fuzz torture bench clean install uninstall deb try-package dist site

help:
	@echo 'make demo      route the addresses of a sample site'
	@echo 'make test      build, lint and run every test'
	@echo 'make build     the release program, .build/release/zroute (SWIFT_PACKAGES=DIR: without the network)'
	@echo 'make install   the release program, manual pages, units and more (PREFIX=/usr/local DESTDIR=)'
	@echo 'make uninstall what make install has put there'
	@echo 'make deb       a Debian package in .build/packages'
	@echo 'make try-package  install, upgrade and purge it in a fresh Debian 12 that runs (as root)'
	@echo 'make dist      a source archive in .build/packages'
	@echo 'make site      the documentation as a site with search, .build/site/index.html'
	@echo 'make fuzz      fuzz every parser (SECONDS=600)'
	@echo 'make model     check the model of the spool with spin'
	@echo 'make torture   read maps while they are changed and processes are killed (LOOKUPS=200000)'
	@echo 'make bench     measure'
	@echo 'make lint      the style check alone'

build: packages-build
	$(if $(SWIFT_PACKAGES),Scripts/use-swift-packages $(SWIFT_PACKAGES))
	$(RELEASE)

# What the demonstration shows needs no optimised program, nor one that can be debugged: a build in half the time, in a place of its own.
demo: packages-build
	$(if $(SWIFT_PACKAGES),Scripts/use-swift-packages $(SWIFT_PACKAGES))
	swift build --product zroute --scratch-path .build-demo --disable-index-store -debug-info-format none
	PROGRAM="$$PWD/.build-demo/debug/zroute" Scripts/demo

test: packages-test lint
	Scripts/unpack-packages .build/servers $(TEST_UNPACKED)
	swift build --build-tests
	Scripts/run-tests

# What is there is installed: whoever installs as root builds before, as somebody else.
install: packages-install $(PROGRAM)
	Scripts/installation install "$(PROGRAM)" "$(PREFIX)" "$(DESTDIR)"

uninstall:
	Scripts/installation uninstall "$(PREFIX)" "$(DESTDIR)"

deb: packages-package $(PACKAGED)
	Scripts/make-deb "$(PROGRAM)" .build/packages

try-package: packages-trial $(PACKAGED)
	Scripts/try-package "$$(Scripts/make-deb "$(PROGRAM)" .build/packages)"

dist:
	Scripts/make-dist .build/packages

site: packages-site
	Scripts/make-site .build/site

.build/release/zroute:
	$(MAKE) build

lint:
	swift format lint --strict --recursive Package.swift Sources Tests Fuzz Benchmarks
	Scripts/check-layers
	Scripts/model-states --check

model: packages-model
	Scripts/model

fuzz: packages-build
	Scripts/fuzz $(SECONDS)

torture: packages-test
	swift build --build-tests
	ZROUTE_TORTURE=$(LOOKUPS) swift test --skip-build --filter 'DbTortureTests|SQLiteWriterTests|SocketmapServeTests|PostgreSQLTortureTests|LDAPTortureTests'

bench: packages-bench
	$(RELEASE)
	swift build -c release --static-swift-stdlib --product lmtp-load
	swift build -c release --static-swift-stdlib --product nio-floor
	swift build -c release --static-swift-stdlib --product lmtp-front
	Scripts/unpack-packages .build/servers $(BENCH_UNPACKED)
	failed=0; for benchmark in $(BENCHMARKS); do Benchmarks/$$benchmark || failed=1; done; exit $$failed

clean:
	rm -rf .build .build-*

# Installs the packages that are missing, and only then needs root.
packages-%:
	@Scripts/install-packages $(or $($(shell echo $* | tr a-z A-Z)_PACKAGES),$(error no packages are listed for $*))
