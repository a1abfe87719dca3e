# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# The short commands. Meson does the work; see README.md.
BUILD ?= build
PREFIX ?= /usr/local

.PHONY: all run test install clean

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet

$(BUILD)/build.ninja:
	@scripts/packages build
	@meson setup $(BUILD) --prefix=$(PREFIX) >/dev/null

run:
	@scripts/packages build lab
	@$(MAKE) --no-print-directory all
	@$(BUILD)/irqgate lab $(ARGS)

test:
	@scripts/packages build lab test
	@$(MAKE) --no-print-directory all
	@tests/run $(BUILD)

install: all
	@meson install -C $(BUILD) --quiet

clean:
	@rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-clang $(BUILD)-install
