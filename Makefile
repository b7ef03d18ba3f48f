# `make` prints the targets. `make test` runs everything that CI runs.

CARGO ?= cargo
RUSTC ?= rustc
PYTHON ?= python3
DOCKER ?= docker
IMAGE ?= vault-auth-validator

TOOLS := .tools
BIN := $(TOOLS)/bin
CARGO_DENY_VERSION := 0.20.2
CARGO_CYCLONEDX_VERSION := 0.5.9
COMPOSE_FILES := $(wildcard deploy/compose.yaml deploy/*/compose.yaml)
DOCKERFILES := $(wildcard deploy/*/*/Dockerfile)
CADDY_FILES := $(wildcard deploy/caddy/*Caddyfile* deploy/caddy/*.caddy*)
OBSERVABILITY := deploy/observability

# The version in the labels of the image: the tag, or the commit.
VERSION = $(shell git describe --tags --always --dirty 2>/dev/null)
REVISION = $(shell git rev-parse HEAD 2>/dev/null)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

.PHONY: help
help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-19s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))


# Stamp files: a target is rebuilt only if its inputs are newer than its stamp.
WHEELS := $(TOOLS)/.wheels
CARGO_DENY := $(TOOLS)/.cargo-deny-$(CARGO_DENY_VERSION)
CARGO_CYCLONEDX := $(TOOLS)/.cargo-cyclonedx-$(CARGO_CYCLONEDX_VERSION)
SCHEMATHESIS := $(TOOLS)/.schemathesis
ENV_READERS := $(TOOLS)/.env-readers
CHECK_JSONSCHEMA := $(TOOLS)/.check-jsonschema
MCP := $(TOOLS)/.mcp-1 $(TOOLS)/.mcp-2
CHDB := $(TOOLS)/.chdb
NGINX := $(TOOLS)/.nginx
PROMETHEUS := $(TOOLS)/.prometheus-versions
BROWSER := $(BIN)/chromium

PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
INSTALL := install --require-hashes --no-deps --only-binary :all: -r
PIP_INSTALL = $(PIP) $(INSTALL)

.PHONY: tools
tools: $(WHEELS) $(SCHEMATHESIS) $(ENV_READERS) $(MCP) $(CHDB) $(NGINX) $(PROMETHEUS) $(BROWSER) ## Install OpenBao, the proxies, Prometheus, a browser and other tools for the tests into .tools/

$(WHEELS): deploy/tools/requirements.txt
	$(PYTHON) -m venv $(TOOLS)
	$(PIP_INSTALL) $<
	touch $@

$(SCHEMATHESIS): deploy/tools/schemathesis.txt $(WHEELS)
	$(PIP_INSTALL) $<
	touch $@

$(ENV_READERS): deploy/tools/env-readers.txt $(SCHEMATHESIS)
	$(PIP_INSTALL) $<
	touch $@

$(CHECK_JSONSCHEMA): deploy/tools/check-jsonschema.txt $(SCHEMATHESIS)
	$(PIP_INSTALL) $<
	touch $@

# Each line of the SDK has its own environment, since they exclude each other.
$(MCP) $(CHDB): $(TOOLS)/.%: deploy/tools/%.txt $(WHEELS)
	$(PYTHON) -m venv --clear --without-pip $(TOOLS)/$*
	$(PIP) --python $(TOOLS)/$*/bin/python $(INSTALL) $<
	touch $@

# Links the installed program $(2) as $(1), or else the file $(4) of Debian's package $(3), which apt
# verifies and which is only unpacked: installing it would also start its server.
unpack = set -e; \
	installed=$$(PATH="$$PATH:/usr/sbin:/usr/local/sbin" command -v $(2) || true); \
	if [ -z "$$installed" ] && [ ! -x $(TOOLS)/$(3)/$(4) ] && command -v apt-get >/dev/null; then \
		cd $(TOOLS); rm -rf $(3) $(3)_*.deb; \
		if [ "$$(id -u)" = 0 ]; then apt-get -qq update; fi; \
		apt-get -qq -o APT::Sandbox::User=root download $(3); \
		dpkg-deb --extract $(3)_*.deb $(3); \
		cd - >/dev/null; \
	fi; \
	ln -sf "$${installed:-$(CURDIR)/$(TOOLS)/$(3)/$(4)}" $(BIN)/$(1); \
	test -x $(BIN)/$(1) || { echo "$(2) is needed: please install Debian's package $(3)" >&2; exit 1; }

$(NGINX): $(WHEELS)
	@$(call unpack,nginx,nginx,nginx,usr/sbin/nginx)
	@$(BIN)/nginx -v 2>/dev/null || { echo "nginx does not run: please install it" >&2; exit 1; }
	touch $@

# Debian replaces a version by the next, so none can be pinned: the target tells which ones they are.
# Debian's Alertmanager reads its templates from a fixed folder, which the installation would create; the
# unpacked one reads them from its working directory instead, by a path of the same length.
ALERTMANAGER := $(TOOLS)/prometheus-alertmanager/usr/bin/prometheus-alertmanager
$(PROMETHEUS): $(WHEELS)
	@$(call unpack,prometheus,prometheus,prometheus,usr/bin/prometheus)
	@$(call unpack,promtool,promtool,prometheus,usr/bin/promtool)
	@$(call unpack,alertmanager,prometheus-alertmanager,prometheus-alertmanager,usr/bin/prometheus-alertmanager)
	@$(call unpack,amtool,amtool,prometheus-alertmanager,usr/bin/amtool)
	@if [ -x $(ALERTMANAGER) ]; then \
		sed -i 's|/usr/share/prometheus/alertmanager|/proc/self/cwd////////alertmanager|g' $(ALERTMANAGER); \
		rm $(BIN)/alertmanager; \
		printf '#!/bin/sh\ncd "%s" && exec "%s" "$$@"\n' \
			$(CURDIR)/$(TOOLS)/prometheus-alertmanager/usr/share/prometheus \
			$(CURDIR)/$(ALERTMANAGER) >$(BIN)/alertmanager; \
		chmod +x $(BIN)/alertmanager; \
	fi
	@for tool in prometheus promtool alertmanager amtool; do $(BIN)/$$tool --version || exit 1; done >$@

# Installs Debian's package $(2) if the program $(1) is missing.
need = command -v $(1) >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	&& apt-get -qq update >&2 \
	&& DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends $(2) >&2; } \
	|| { echo "$(1) is needed: please install Debian's package $(2) or its equivalent" >&2; exit 1; }

# Uses the installed Chromium with its driver, or else installs Debian's packages. Debian replaces
# a version by the next and drops the old one, so no version can be pinned: .browser-versions tells
# which one it was. This target is a link, so it is made again once the program is gone.
$(BROWSER): | $(WHEELS)
	@$(call need,chromium,chromium)
	@$(call need,chromedriver,chromium-driver)
	@{ HOME=$(CURDIR)/$(TOOLS)/chromium chromium --version && chromedriver --version; } >$(TOOLS)/.browser-versions \
		|| { echo "Chromium or its driver does not run: please install them again" >&2; exit 1; }
	ln -sf "$$(command -v chromedriver)" $(BIN)/chromedriver
	ln -sf "$$(command -v chromium)" $@

# These tools run for a second, so full optimization would take longer than it saves.
INSTALL_TOOL = CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
	CARGO_PROFILE_RELEASE_OPT_LEVEL=1 $(CARGO) install --locked --root $(TOOLS)

$(CARGO_DENY):
	$(INSTALL_TOOL) cargo-deny --version $(CARGO_DENY_VERSION)
	touch $@

$(CARGO_CYCLONEDX):
	$(INSTALL_TOOL) cargo-cyclonedx --version $(CARGO_CYCLONEDX_VERSION)
	touch $@


.PHONY: demo
demo: $(WHEELS) ## Start OpenBao, the validator and Caddy, and print example curl commands
	$(CARGO) build --locked --bins --example demo
	$(CARGO) run -q --locked --example demo

.PHONY: demo-check
demo-check: $(WHEELS) ## Run the demo's curl commands, compare the status codes, and exit
	$(CARGO) build --locked --bins --example demo
	$(CARGO) run -q --locked --example demo -- --check


.PHONY: abuse
abuse: $(WHEELS) ## Run attacks on the service for two minutes, and report the effect on legitimate clients
	$(CARGO) build --release --locked --bins --example abuse
	target/release/examples/abuse

.PHONY: abuse-check
abuse-check: $(WHEELS) ## Run `make abuse` in a short form, 20 seconds
	$(CARGO) build --locked --bins --example abuse
	target/debug/examples/abuse --short


.PHONY: chaos-rotate
chaos-rotate: $(WHEELS) ## Rotate a key in 50 rounds with faults and kills of OpenBao, and check that no secret is lost
	$(CARGO) build --locked --bins --example chaos_rotate
	target/debug/examples/chaos_rotate $(CHAOS)

.PHONY: chaos-rotate-check
chaos-rotate-check: $(WHEELS) ## Run `make chaos-rotate` in a short form, one minute
	$(CARGO) build --locked --bins --example chaos_rotate
	target/debug/examples/chaos_rotate --seconds 50


.PHONY: test
test: tools fmt-check dockerfile-lint caddy-check compose-check rules-check deny lint doc unit unit-hashicorp demo-check abuse-check chaos-rotate-check ## Run everything that CI runs

.PHONY: fmt-check
fmt-check: ## Check the formatting of the Rust code
	$(CARGO) fmt --all --check

.PHONY: dockerfile-lint
dockerfile-lint: tools ## Run hadolint on the Dockerfiles
	$(BIN)/hadolint Dockerfile $(DOCKERFILES)

.PHONY: caddy-check
caddy-check: tools ## Check the formatting and validity of deploy/caddy
	@set -e; for file in $(CADDY_FILES); do \
		diff=$$($(BIN)/caddy fmt --diff "$$file") || { echo "$$diff"; exit 1; }; \
	done
	XDG_DATA_HOME=$(CURDIR)/$(TOOLS)/caddy XDG_CONFIG_HOME=$(CURDIR)/$(TOOLS)/caddy \
	$(BIN)/caddy validate --adapter caddyfile --config deploy/caddy/Caddyfile

.PHONY: compose-check
compose-check: $(CHECK_JSONSCHEMA) ## Validate the compose files against the schema of the Compose specification
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec $(COMPOSE_FILES)

.PHONY: rules-check
rules-check: tools ## Check the configuration of Prometheus and Alertmanager, and test the alert rules
	$(BIN)/promtool check config --lint-fatal $(OBSERVABILITY)/prometheus/prometheus.yml
	$(BIN)/promtool check rules --lint-fatal $(OBSERVABILITY)/prometheus/rules/*.yml
	$(BIN)/promtool test rules $(OBSERVABILITY)/prometheus/tests/*.yml
	$(BIN)/amtool check-config $(OBSERVABILITY)/alertmanager/alertmanager.yml

.PHONY: route-policies
route-policies: ## Generate policies/route-*.hcl and their expectations from deploy/caddy/Caddyfile
	WRITE_ROUTE_POLICIES=1 $(CARGO) test --locked --quiet --test integration deploy::routes

.PHONY: deny
deny: $(CARGO_DENY) ## Check licences, banned crates and sources of the dependencies
	$(BIN)/cargo-deny --locked check --hide-inclusion-graph licenses bans sources

.PHONY: lint
lint: ## Run clippy; every warning is an error
	$(CARGO) clippy --all-targets --all-features --locked -- -D warnings
	$(CARGO) clippy --no-default-features --locked -- -D warnings

.PHONY: doc
doc: ## Build the code documentation, including private items; every warning is an error
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items

# Most of the time a test waits for a server, so three times as many run at once as there are cores.
export RUST_TEST_THREADS ?= $(shell expr 3 \* $$(getconf _NPROCESSORS_ONLN))

.PHONY: unit
unit: tools ## Run cargo test: unit, integration (real OpenBao and proxies) and doc tests
	$(CARGO) test --locked

# The test modules that send requests to Vault through the validator or its commands.
VAULT_TESTS := acl:: acl_memory:: caching:: explain:: faults:: identity:: kinds:: limits:: logins:: \
	outages:: policy_drift:: refusals:: secrets:: secret_commands:: session:: subjects:: \
	uses:: wording::

.PHONY: unit-hashicorp
unit-hashicorp: tools ## Run the Vault tests behind a proxy that replaces error messages with HashiCorp Vault's
	TEST_VAULT_WORDING=hashicorp $(CARGO) test --locked --test integration -- $(VAULT_TESTS)


# The number of generated inputs per property test. The default of proptest is 256.
CASES ?= 20000

.PHONY: fuzz
fuzz: ## Run the property tests with CASES=20000 inputs each
	PROPTEST_CASES=$(CASES) $(CARGO) test --locked --lib


# Linked as in the image, so that the measured program is the shipped one. To run a part of the
# benchmarks, set for example BENCH="--only direct".
MEASURE = RUSTFLAGS="-C target-feature=+crt-static" $(CARGO) bench --profile dist --locked \
	--target "$$(rustc --print host-tuple)" --features bench --bench

.PHONY: bench
bench: tools ## Compare the cost of a request with other servers; prints a table, plots in target/bench/
	@$(call need,wrk,wrk)
	@$(call need,gnuplot,gnuplot-nox)
	@$(MEASURE) load -- $(BENCH)

.PHONY: bench-large
bench-large: tools ## Run the benchmark with a million OpenBao tokens; takes long
	@$(call need,wrk,wrk)
	@$(MEASURE) load -- --only large $(BENCH)

.PHONY: bench-check
bench-check: ## Compare the instruction count of a cached response with benches/baseline.json
	@$(call need,valgrind,valgrind)
	@$(MEASURE) instructions

.PHONY: bench-record
bench-record: ## Update benches/baseline.json
	@$(call need,valgrind,valgrind)
	@$(MEASURE) instructions -- --record


# It needs no crate, so it is not built with the others, which takes minutes.
.PHONY: scale
scale: ## Compute the calls to Vault at several sizes, and simulate restarts and the loss of the audit feed
	@mkdir -p target
	@$(RUSTC) --edition 2024 -O -o target/scale examples/scale/main.rs
	@target/scale $(SCALE)


.PHONY: image
image: ## Build the container image
	$(DOCKER) build --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) \
		--tag $(IMAGE):$(or $(VERSION),dev) .

.PHONY: sbom
sbom: $(CARGO_CYCLONEDX) ## Write the software bill of materials (CycloneDX) to target/sbom.cdx.json
	$(BIN)/cargo-cyclonedx cyclonedx --format json --spec-version 1.5 --override-filename sbom.cdx
	mkdir -p target
	mv sbom.cdx.json target/

.PHONY: clean
clean: ## Remove all build output and .tools/
	$(CARGO) clean
	rm -rf $(TOOLS)
