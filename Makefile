# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# The short commands. Meson does the work; see README.md.
BUILD ?= build
PREFIX ?= /usr/local

.PHONY: all with-tests run lab-kernel test test-kernel mutants prove test-iommufd fuzz static coverage stress hostile faults bench-boot
.PHONY: install clean

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet >$(BUILD)/build.log || { cat $(BUILD)/build.log; exit 1; }

$(BUILD)/build.ninja:
	@scripts/packages build
	@echo "building irqgate in $(BUILD)" >&2
	@meson setup $(BUILD) --prefix=$(PREFIX) -Dtests=false >/dev/null

# What the tests need as well; a first command that needs no tests builds none.
with-tests: $(BUILD)/build.ninja
	@ls $(BUILD)/tests/unit-* >/dev/null 2>&1 || meson configure $(BUILD) -Dtests=true
	@$(MAKE) --no-print-directory all

run:
	@scripts/packages build lab
	@$(MAKE) --no-print-directory all
	@$(BUILD)/irqgate lab $(ARGS)

# KVM's own gate (kernel/) beside the stock modules, under stock QEMU. KERNEL=bookworm-backports is Linux 6.12.
# GUESTS names the guests, ARGS are those of `irqgate lab`.
lab-kernel:
	@scripts/packages build lab kernel
	@$(MAKE) --no-print-directory all
	@kernel/lab $(BUILD)/irqgate $(or $(KERNEL),bookworm) $(ARGS)

# Meson has ccache do the compiling. What is compiled is the same in each clone, but for the folder in its debug information.
test: export CCACHE_BASEDIR := $(CURDIR)
test: export CCACHE_NOHASHDIR := 1
test:
	@scripts/packages build lab test kernel
	@$(MAKE) --no-print-directory with-tests
	@tests/run $(BUILD)

# The fuzz targets for longer than 'make test' does: make fuzz SECONDS=600 TARGET=core (all of them without TARGET).
fuzz:
	@scripts/packages build test
	@tests/fuzz $(BUILD) $(or $(SECONDS),600) $(TARGET)

# The adapter under threads: ten million events on a KVM that is played and on a real one, a tenth of it with the thread and
# address sanitizers. In the lab's host, where there is no /dev/kvm, the real ones are as many as come in 25 minutes.
stress:
	@scripts/packages build lab test
	@$(MAKE) --no-print-directory with-tests
	@tests/stress-mutants $(BUILD) | tee $(BUILD)/stress-mutants.log
	@! grep -q '^not ok' $(BUILD)/stress-mutants.log
	@IRQGATE_TEST_LIMIT=6000 tests/threads $(BUILD) $(or $(EVENTS),10000000) $(or $(EVENTS),10000000) \
	$(or $(SECONDS),1500) thread address

# A hostile guest for five minutes; with its quiet turns, and in the lab's host, eight to twelve.
hostile:
	@scripts/packages build lab
	@$(MAKE) --no-print-directory all
	@IRQGATE_TEST_LIMIT=1800 tests/hostile $(BUILD) $(or $(EVENTS),6000) $(or $(GAP),105000)

# Every call of 'irqgate run' and 'irqgate exec', and of giving a device away, that can fail, one after another. Some 15
# minutes in the lab's host.
faults:
	@scripts/packages build lab test
	@$(MAKE) --no-print-directory with-tests
	@$(BUILD)/tests/faults/library
	@tests/run-faults $(BUILD) $(or $(STEP),1) $(SERIES)

# All static analysers; 'make test' has the quick ones.
static:
	@scripts/packages build test static
	@$(MAKE) --no-print-directory with-tests
	@tests/static $(BUILD) --all

# What the unit tests reach of the core, by lines and branches.
coverage:
	@scripts/packages build test
	@$(MAKE) --no-print-directory with-tests
	@tests/coverage $(BUILD)

# Linux guests on a host with iommufd: Debian's 6.12, for which it is built.
test-iommufd:
	@scripts/packages build lab test kernel
	@$(MAKE) --no-print-directory with-tests
	@tests/linux $(BUILD) "$$(lab/add-iommufd)"

# The kernel part for longer than 'make test' does: both kernels, guest/chips, a host with lockdep and KASAN, dkms. Hours.
# PARTS names some of them: see tests/kernel-long.
test-kernel:
	@scripts/packages build lab test kernel kernel-debug debian
	@$(MAKE) --no-print-directory with-tests
	@tests/kernel-long $(BUILD) $(PARTS)

# How long a kernel takes to boot under irqgate, and under QEMU.
bench-boot:
	@scripts/packages build lab
	@$(MAKE) --no-print-directory all
	@bench/boot $(BUILD) $(ROUNDS)

# Every interleaving of the core and a model of its world: see docs/proof.md. Ten minutes of two processors.
prove:
	@scripts/packages build test
	@$(MAKE) --no-print-directory with-tests
	@prove/run $(BUILD)

# Defects put into the code, one after another, and whether a test notices: a line each.
mutants:
	@scripts/packages build test
	@$(MAKE) --no-print-directory with-tests
	@{ tests/mutants && tests/exec-mutants $(BUILD) || echo "not ok mutants: ended early"; } | \
	tee $(BUILD)/mutants.log
	@! grep -q '^not ok' $(BUILD)/mutants.log

install: all
	@meson configure $(BUILD) -Dprefix=$(abspath $(PREFIX))
	@ninja -C $(BUILD) --quiet >$(BUILD)/build.log || { cat $(BUILD)/build.log; exit 1; }
	@meson install -C $(BUILD) --quiet

clean:
	@rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-clang $(BUILD)-fuzz $(BUILD)-coverage $(BUILD)-tsan $(BUILD)-install
