/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* What is wrong with a line's interrupt, in words for whoever runs the guest. Locks nothing. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/cli.h"
#include "vmm/vmm.h"

/* What is seen, what comes of it, and where to look. By the values of enum irqgate_diagnosis. */
static const char *const words[IRQGATE_DIAGNOSES] = {
	"the guest takes this interrupt for an edge, but the device's is a level: the guest gets this one, and then "
	"the device stays silent. Look at the trigger mode in the guest's driver or ACPI tables",
	"the device asserts its interrupt, and the guest has never unmasked this line: the interrupt waits until a "
	"driver does. Look whether the guest has a driver for the device, and which GSI it takes for the device's",
	"the guest has ended an interrupt, and left it masked for longer than --hold-limit: the device stays silent "
	"until the guest unmasks it. Look whether the thread that handles it in the guest hangs",
	"an interrupt storm: the guest ends this interrupt again and again without quieting the device; it is "
	"delayed now (--storm-guard). Look whether the guest's driver handles this device's interrupt",
	"nobody on the host has heard for a second that the device is to be listened to again: its interrupts do not "
	"come any more. Look whether the device is still there, and bound to vfio-pci",
};

void ig_diagnosis_say(const struct ig_vmm *vmm, uint32_t gsi, enum irqgate_diagnosis diagnosis, uint64_t count)
{
	const char *device = gsi == vmm->options.gsi && !vmm->options.devices && !vmm->options.kernel
				     ? "the built-in device" : NULL;
	char times[48] = "";

	for (uint32_t i = 0; i < vmm->options.devices && !device; i++)
		if (vmm->options.device[i].gsi == gsi)
			device = vmm->options.device[i].address;
	if (count > 1)
		snprintf(times, sizeof(times), " (%" PRIu64 " times)", count);
	ig_error("GSI %u, %s: %s%s", gsi, device ? device : "an emulated device", words[diagnosis], times);
}

uint64_t ig_diagnosis_count(struct ig_vmm *vmm, enum irqgate_diagnosis diagnosis)
{
	struct irqgate_line_stats stats;
	uint64_t count = 0;

	for (uint32_t gsi = 0; gsi < IG_GSIS; gsi++)
		if (!irqgate_kvm_line_stats(vmm->gate, gsi, &stats))
			count += stats.diagnoses[diagnosis];
	return count;
}
