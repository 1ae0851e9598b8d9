# make demo    set up, build, and learn a policy from recordings of the built-in environment, end to end
# make test    set up, build, and run every test
# make faults  set up, build, and for an hour (MINUTES=60) let runs die and system calls fail, and look at what is left
# make install PREFIX=~/.local    set up, build, and put ditto on the PATH, with completions for bash, zsh and fish, and manual pages
SEED ?= 1
OUTPUT ?= runs/demo
PREFIX ?= /usr/local
MINUTES ?= 60

.PHONY: setup build demo test faults install

setup:
	@Scripts/setup

build: setup
	swift build -c release --product ditto

demo: build
	@.build/release/ditto demo --output "$(OUTPUT)" --seed $(SEED)

test: setup
	swift test

install: build
	@Scripts/install "$(PREFIX)"

faults: build
	@Scripts/faults --minutes $(MINUTES) --seed $(SEED)
