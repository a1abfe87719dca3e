# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=sh
# For tests of a real KVM, to be sourced: on this machine's /dev/kvm, or in the lab's host where it has none.

# death FILE: how the lab's host died, and what its console said last. Fails if it did not.
death() {
	grep -qE '^irqgate: the host (died|hung)' "$1" && grep -E -A 2 '^irqgate: the host (died|hung)' "$1" | tr '\n' ' '
}

# in_lab NAME COMMAND...: an `irqgate lab sh`, shown when it has ended. The processors of the lab's host are emulated, and
# now and then it dies, whatever runs in it (docs/testing.md): then that is told, and all of it is done again
# in another host, twice at most. After that it is an error.
in_lab() {
	lab_name=$1
	shift
	lab_work=$(mktemp -d)
	for lab_time in 1 2 3; do
		lab_status=0
		"$@" >"$lab_work/out" 2>"$lab_work/err" </dev/null || lab_status=$?
		if [ "$lab_status" -eq 0 ] || [ "$lab_time" -eq 3 ] || ! lab_death=$(death "$lab_work/err"); then
			break
		fi
		echo "skip $lab_name, time $lab_time: $lab_death"
	done
	cat "$lab_work/err" >&2
	cat "$lab_work/out"
	rm -rf "$lab_work"
	return "$lab_status"
}

# lab_list FILE NAME COMMAND...: the same, but what the command says goes into a file; a host that died is told here, and
# what it is that did not come to its end.
lab_list() {
	lab_file=$1 lab_what=$2
	shift
	in_lab "$@" >"$lab_file.all" || echo "not ok $lab_what: the host ended with exit status $lab_status"
	grep '^skip ' "$lab_file.all" || :
	grep -v '^skip ' "$lab_file.all" >"$lab_file" || :
}

has_kvm() { [ -r /dev/kvm ] && [ -w /dev/kvm ]; }

# on_kvm NAME BUILD_DIR SCRIPT [ARGUMENT...]: returns where there is a usable /dev/kvm. Else "SCRIPT BUILD_DIR ARGUMENT..."
# runs in the lab's host, whose KVM is real and ten times slower, and this shell ends: the results' lines are the same.
# IRQGATE_TEST_LIMIT: seconds for that (900).
on_kvm() {
	! has_kvm || return 0
	on_kvm_name=$1 on_kvm_build=$2 on_kvm_script=$3
	shift 3
	if [ -n "${IRQGATE_TEST_IN_LAB:-}" ]; then
		echo "not ok $on_kvm_name: the lab's host has no /dev/kvm"
		exit 1
	fi
	on_kvm_status=0
	in_lab "$on_kvm_name" timeout "${IRQGATE_TEST_LIMIT:-900}" "$on_kvm_build/irqgate" lab sh -- env \
		IRQGATE_TEST_IN_LAB=1 IRQGATE_TEST_EVENTS="${IRQGATE_TEST_EVENTS:-}" \
		ASAN_OPTIONS="${ASAN_OPTIONS:-}" UBSAN_OPTIONS="${UBSAN_OPTIONS:-}" \
		"$on_kvm_script" "$on_kvm_build" "$@" || on_kvm_status=$?
	[ "$on_kvm_status" -ne 124 ] || echo "not ok $on_kvm_name: did not end within ${IRQGATE_TEST_LIMIT:-900} s in the lab's host"
	exit "$on_kvm_status"
}
