# make demo    set up, build, and learn a policy from recordings of the built-in environment, end to end
# make test    set up, build, and run every test
SEED ?= 1
OUTPUT ?= runs/demo

.PHONY: setup build demo test

setup:
	@Scripts/setup

build: setup
	swift build -c release --product ditto

demo: build
	@.build/release/ditto demo --output "$(OUTPUT)" --seed $(SEED)

test: setup
	swift test
