/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * fw_cfg, as far as bare-metal guests use it: a selector, and the item's bytes one by one (QEMU,
 * docs/specs/fw_cfg). Any vCPU; fwcfg.lock.
 */
#include <string.h>

#include "vmm/vmm.h"

enum {
	FWCFG_SIGNATURE = 0x00,
	FWCFG_ID = 0x01,
	FWCFG_RAM_SIZE = 0x03,
	FWCFG_CPU_COUNT = 0x05,
	FWCFG_CPU_MAX = 0x0f,
};

#define FWCFG_TRADITIONAL 1 /* no DMA interface */

static void set_item(struct ig_fwcfg *fwcfg, const void *bytes, uint32_t size)
{
	memcpy(fwcfg->item, bytes, size);
	fwcfg->size = size;
	fwcfg->at = 0;
}

void ig_fwcfg_select(struct ig_vmm *vmm, uint16_t key)
{
	struct ig_fwcfg *fwcfg = &vmm->fwcfg;
	uint16_t cpus = (uint16_t)vmm->options.cpus;
	uint32_t id = FWCFG_TRADITIONAL;

	pthread_mutex_lock(&fwcfg->lock);
	switch (key) {
	case FWCFG_SIGNATURE: set_item(fwcfg, "QEMU", 4); break;
	case FWCFG_ID: set_item(fwcfg, &id, sizeof(id)); break;
	case FWCFG_RAM_SIZE: set_item(fwcfg, &vmm->options.memory, sizeof(vmm->options.memory)); break;
	case FWCFG_CPU_COUNT:
	case FWCFG_CPU_MAX: set_item(fwcfg, &cpus, sizeof(cpus)); break;
	default: fwcfg->size = fwcfg->at = 0; break;
	}
	pthread_mutex_unlock(&fwcfg->lock);
}

uint8_t ig_fwcfg_read(struct ig_vmm *vmm)
{
	struct ig_fwcfg *fwcfg = &vmm->fwcfg;
	uint8_t value = 0; /* past an item's end */

	pthread_mutex_lock(&fwcfg->lock);
	if (fwcfg->at < fwcfg->size)
		value = fwcfg->item[fwcfg->at++];
	pthread_mutex_unlock(&fwcfg->lock);
	return value;
}
