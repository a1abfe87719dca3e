# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# The lines of bench/boot-host as a table, and as JSON in the file `json` if it is not empty. Fails with nothing to tell.
function sort(list, n,    i, j, t) {
	for (i = 2; i <= n; i++)
		for (j = i; j > 1 && list[j - 1] > list[j]; j--) { t = list[j]; list[j] = list[j - 1]; list[j - 1] = t }
}

function median(list, n) {
	sort(list, n)
	return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
}

# column(VMM, FIELD): the median of the VMM's runs.
function column(vmm, field,    list, i) {
	for (i = 1; i <= rounds; i++) list[i] = figure[i, vmm, field]
	return median(list, rounds)
}

$1 == "run" {
	for (i = 4; i <= 9; i++) figure[$2, $3, i] = $i
	if ($2 > rounds) rounds = $2
}

END {
	if (!rounds) exit 1
	n = split("irqgate q35 microvm", vmms, " ")
	split("milliseconds exits io_exits mmio_exits halt_exits irq_injections", names, " ")
	printf "%-8s %8s %8s %8s %8s %8s %10s\n", "VMM", "ms", "exits", "I/O", "MMIO", "halts", "interrupts"
	for (i = 1; i <= n; i++) {
		printf "%-8s", vmms[i]
		for (field = 4; field <= 9; field++) printf " %*d", field == 9 ? 10 : 8, column(vmms[i], field)
		print ""
	}
	best = column("q35", 4) < column("microvm", 4) ? "q35" : "microvm"
	for (i = 1; i <= rounds; i++) pairs[i] = figure[i, "irqgate", 4] / figure[i, best, 4]
	paired = median(pairs, rounds)
	printf "irqgate takes %.2f of the time of QEMU -M %s (median of %d pairs: %.2f to %.2f)\n", paired, best, rounds,
		pairs[1], pairs[rounds]
	if (json == "") exit
	printf "{ \"ratio\": %.3f, \"best\": \"%s\", \"rounds\": %d, \"runs\": [", paired, best, rounds >json
	for (r = 1; r <= rounds; r++)
		for (i = 1; i <= n; i++) {
			printf "%s\n  { \"round\": %d, \"vmm\": \"%s\"", (r + i > 2) ? "," : "", r, vmms[i] >json
			for (field = 4; field <= 9; field++)
				printf ", \"%s\": %d", names[field - 3], figure[r, vmms[i], field] >json
			printf " }" >json
		}
	print "\n] }" >json
}
