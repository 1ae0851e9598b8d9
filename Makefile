# make demo    set up, build, and learn a policy from recordings of the built-in environment, end to end
# make test    set up, build, and run every test
# make faults  set up, build, and for an hour (MINUTES=60) let runs die and system calls fail, and look at what is left
# make install PREFIX=~/.local    set up, build, and put ditto on the PATH, with completions for bash, zsh and fish, and
#              manual pages
# make dist    an archive for machines without Swift: dist/ditto-torch-VERSION.tar.xz (TORCH=2.11.0 for another version
#              than .venv has)
# make fuzz    set up, build, and feed readers with INPUTS changed files of each kind, guided by coverage, for
#              FUZZ_SECONDS at most
SEED ?= 1
OUTPUT ?= runs/demo
PREFIX ?= /usr/local
INPUTS ?= 100000
FUZZ_SECONDS ?= 3600
MINUTES ?= 60
# What touches kernels, as one pattern.
KERNEL_TESTS = TorchTests|WorldModelTests|ImitationTests|GoldenTests
KERNEL_TESTS := $(KERNEL_TESTS)|DittoTests\.(ActTests|CommandTests|ResultTests)
KERNEL_TESTS := $(KERNEL_TESTS)|StudiesTests\.(DriftTests|SelectionTests|SignalStudyTests)

.PHONY: setup build demo test faults install dist fuzz

setup:
	@Scripts/setup

build: setup
	swift build -c release --product ditto

demo: build
	@.build/release/ditto demo --output "$(OUTPUT)" --seed $(SEED)

# Then what touches kernels once more by libtorch's own operations, as on other devices.
test: setup
	swift test
	DITTO_KERNELS=off swift test --skip-build --filter '^($(KERNEL_TESTS))'

install: build
	@Scripts/install "$(PREFIX)"

dist: setup
	@Scripts/dist

fuzz: setup
	@Scripts/fuzz --inputs $(INPUTS) --seconds $(FUZZ_SECONDS) --seed $(SEED)

faults: build
	@Scripts/faults --minutes $(MINUTES) --seed $(SEED)
