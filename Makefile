# What there is to do in this checkout; `make` lists it. Everything is installed into the checkout
# itself (.venv…) and built into target/; `make clean` takes all of it away.

PYTHON ?= python3
TOOLS := .venv/installed
LOCAL_AWS := .venv-ministack/installed
BENCH_TOOLS := .venv-bench/installed
BROWSER_TOOLS := .venv-browser/installed
ZIG := .venv-zig/installed
# The local AWS's own packages are all that `make run` needs.
LOCAL_PYTHON := .venv-ministack/bin/python
# Three tests at a time: on two processors, one of them waits.
SIDE_BY_SIDE := --numprocesses 3 --dist loadgroup
RELEASE_TESTS := $(addprefix tests/e2e/,release emulated/test_hostile_requests.py \
	session_expiry/test_evidence.py signatures/test_against_botocore.py startup)
# cargo would look for the job server of `make --jobs`, which is not handed to it, and warn.
unexport MAKEFLAGS MFLAGS
# Python finds the package local_aws there.
export PYTHONPATH := tests/e2e

.PHONY: help run demo build fake-aws lint check test test-all bench campaign package smoke check-rust check-template check-function check-release check-zig clean
.DEFAULT_GOAL := help

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(LOCAL_AWS) ## Build, deploy to a local AWS, get a link, open it, and stay up to be played with
	@$(LOCAL_PYTHON) -m local_aws.demo --stay

demo: $(LOCAL_AWS) ## The same, but end when it has been shown
	@$(LOCAL_PYTHON) -m local_aws.demo

build: $(TOOLS) ## Build what is deployed, for this machine, as `sam build` does
	@.venv/bin/python -m local_aws.building

fake-aws: ## Build the fake AWS that the tests in Python, the campaign and the benchmarks call
	CARGO_TARGET_DIR=target cargo build --locked --package fake-aws

lint: ## Check the format, and let clippy look at all Rust code
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings

check: lint ## While you work: format, lints, the architecture's rules and the unit tests; a minute after a change
	cargo test --locked --no-fail-fast --lib --test architecture

# Two at a time: while the one compiles or waits, the other installs or tests. What fails ends none of the others.
# The lints are not among them: clippy looks at each dependency anew, which is two minutes of a clean clone.
test: ## Run every test but those of the release build
	@$(MAKE) --no-print-directory --jobs=2 --keep-going check-rust check-template check-function

test-all: test lint check-release ## Check everything, as CI does

bench: $(TOOLS) $(BENCH_TOOLS) ## Measure the function beside others, and what a contributor waits for; three quarters of an hour
	@BUILD=release PYTHONPATH=tests/e2e:bench .venv/bin/python -m measuring $(BENCH)

campaign: build fake-aws ## A thousand lives of the function: freezes, ends, upstreams that fail; six minutes. CAMPAIGN="--seed 7 --life 3" repeats one
	@BUILD=release .venv/bin/python -m campaign $(CAMPAIGN)

package: $(TOOLS) $(ZIG) ## Package a release into target/package: the function, compiled with zig for each processor, and all that `sam deploy` needs
	@PATH="$(CURDIR)/.venv-zig/bin:$$PATH" CARGO_LAMBDA_COMPILER=cargo-zigbuild .venv/bin/python -m local_aws.packaging

smoke: $(TOOLS) ## Check a deployed stack with your own credentials: make smoke STACK=… [MAIL_TO=…]
	@test -n "$(STACK)" || { echo "Name the stack: make smoke STACK=s3-link-signer" >&2; exit 1; }
	@.venv/bin/python -m smoke "$(STACK)" $(if $(MAIL_TO),--mail-to "$(MAIL_TO)")

check-rust: ## Run all tests of the Rust code
	cargo test --locked --no-fail-fast

check-template: $(TOOLS) ## Lint template.yaml; needs no network and no credentials
	.venv/bin/cfn-lint --template template.yaml
	@.venv/bin/python -m local_aws.validating

check-function: $(TOOLS) $(LOCAL_AWS) $(BROWSER_TOOLS) ## Build the function, deploy it to a local AWS, and test it as it runs
	.venv/bin/python -m pytest tests/e2e --ignore tests/e2e/release $(SIDE_BY_SIDE)

# Beside tests/e2e/release, those that an optimized build could fail: arithmetic that wraps instead of
# panicking, the log's lines, the signature.
check-release: $(TOOLS) $(LOCAL_AWS) ## Build what is deployed, and test what only this build shows
	BUILD=release .venv/bin/python -m pytest $(RELEASE_TESTS) $(SIDE_BY_SIDE)

check-zig: $(TOOLS) $(LOCAL_AWS) $(ZIG) ## Build the function as users do, with zig, and test what it needs and how it starts
	PATH="$(CURDIR)/.venv-zig/bin:$$PATH" CARGO_LAMBDA_COMPILER=cargo-zigbuild BUILD=release \
		.venv/bin/python -m pytest tests/e2e/startup tests/e2e/release/test_artifact.py

clean: ## Take away all that was installed and built
	rm -rf .venv .venv-ministack .venv-bench .venv-browser .venv-zig .aws-sam target

# The file `installed` is written last, so that it stands for the whole; the next run sees it and goes on.
$(TOOLS): tests/e2e/requirements.txt tests/e2e/install.sh
	@tests/e2e/install.sh "$(PYTHON)" $(@D) $<

$(LOCAL_AWS): tests/e2e/requirements-ministack.txt tests/e2e/install.sh
	@tests/e2e/install.sh "$(PYTHON)" $(@D) $<

$(BROWSER_TOOLS): tests/e2e/requirements-browser.txt tests/e2e/install.sh
	@tests/e2e/install.sh "$(PYTHON)" $(@D) $<

$(ZIG): tests/e2e/requirements-zig.txt tests/e2e/install.sh
	@tests/e2e/install.sh "$(PYTHON)" $(@D) $<
	@printf '#!/bin/sh\nexec "%s" -m ziglang "$$@"\n' "$(CURDIR)/.venv-zig/bin/python" > .venv-zig/bin/zig
	@chmod +x .venv-zig/bin/zig

$(BENCH_TOOLS): bench/requirements.txt tests/e2e/install.sh
	@tests/e2e/install.sh "$(PYTHON)" $(@D) $<
