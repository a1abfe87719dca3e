# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=sh
# What the scripts that run in the lab's host share; to be sourced.

# result NAME STATUS [FILE]: one line of the protocol (report.sh); the file is shown if it failed.
result() {
	if [ "$2" -eq 0 ]; then
		echo "ok $1"
	else
		[ -z "${3:-}" ] || tail -n 40 "$3" >&2
		echo "not ok $1"
	fi
}

# bind_device ID: gives the first device of the PCI id that has no other driver to vfio-pci; prints its address.
bind_device() {
	for path in /sys/bus/pci/devices/*; do
		grep -q "PCI_ID=$1" "$path/uevent" || continue
		driver=$(readlink "$path/driver" || :)
		case ${driver##*/} in
		'')	echo vfio-pci >"$path/driver_override"
			basename "$path" >/sys/bus/pci/drivers_probe ;;
		vfio-pci) ;;
		*)	continue ;;
		esac
		basename "$path"
		return
	done
}

# wait_for FILE TEXT PID: until the file has it, as long as the process lives, and two minutes at most.
wait_for() {
	until=$(($(date +%s) + 120))
	until grep -q "$2" "$1" 2>/dev/null; do
		[ "$(date +%s)" -lt "$until" ] && kill -0 "$3" 2>/dev/null || return 1
		sleep 0.1
	done
}
