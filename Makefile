# make demo    set up, build, and learn a policy from recordings of the built-in environment, end to end
# make test    set up, build, and run every test
# make fuzz    set up, build, and feed readers with INPUTS changed files of each kind, for FUZZ_SECONDS at most
SEED ?= 1
OUTPUT ?= runs/demo
INPUTS ?= 100000
FUZZ_SECONDS ?= 3600

.PHONY: setup build demo test fuzz

setup:
	@Scripts/setup

build: setup
	swift build -c release --product ditto

demo: build
	@.build/release/ditto demo --output "$(OUTPUT)" --seed $(SEED)

test: setup
	swift test

fuzz: setup
	DITTO_FUZZ_INPUTS=$(INPUTS) DITTO_FUZZ_SECONDS=$(FUZZ_SECONDS) DITTO_FUZZ_SEED=$(SEED) swift test --filter FuzzTests
