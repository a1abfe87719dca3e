# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=sh
# The line protocol of the test scripts, to be sourced: one line on stdout for each check. Whatever explains a
# failure goes to stderr, before its line.
#   ok NAME
#   not ok NAME
#   skip NAME: REASON

ok() { echo "ok $1"; }

# not_ok NAME DETAIL
not_ok() {
	printf '%s: %s\n' "$1" "${2:-}" >&2
	echo "not ok $1"
}

skip() { echo "skip $1: $2"; }

# check NAME COMMAND...: the check is the command's exit status.
check() {
	report_name=$1
	shift
	if report_output=$("$@" 2>&1); then
		ok "$report_name"
	else
		not_ok "$report_name" "$report_output"
	fi
}

# check_empty NAME TEXT: the check is that there is none.
check_empty() {
	if [ -z "$2" ]; then ok "$1"; else not_ok "$1" "$2"; fi
}

# read_lines FILE: its first line in $first, the number of its lines in $lines. Without a process: one takes a tenth of a
# second where the processors are emulated.
read_lines() {
	first='' lines=0
	while IFS= read -r read_line; do
		[ $((lines += 1)) -gt 1 ] || first=$read_line
	done <"$1"
}
