# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=sh disable=SC2154
# What the tests of the command line share, to be sourced after report.sh: it runs a command and judges its exit
# status, its stdout (nothing) and its stderr. The script gives irqgate (the command), work (a folder) and prefix.

# A sanitizer's report must not pass for an ordinary failure.
export ASAN_OPTIONS=exitcode=99:detect_leaks=1 UBSAN_OPTIONS=halt_on_error=1:exitcode=99:print_stacktrace=1

# try COMMAND...: leaves its exit status in $status, its output in out and err.
try() {
	status=0
	timeout 60 "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
}

# judge NAME STATUS TEXT LINES: against what try left. TEXT must be in the first line of stderr.
judge() {
	read_lines "$work/err"
	if [ "$status" -ne "$2" ]; then
		not_ok "$prefix/$1" "exit status $status, not $2: $(head -c 2000 "$work/err")"
	elif [ -s "$work/out" ]; then
		not_ok "$prefix/$1" "prints on stdout: $(head -c 200 "$work/out")"
	elif [ "$lines" -gt "$4" ]; then
		not_ok "$prefix/$1" "more than $4 line(s) on stderr: $(head -c 2000 "$work/err")"
	else
		case $first in
		"irqgate: "*"$3"*) ok "$prefix/$1" ;;
		*) not_ok "$prefix/$1" "'irqgate: ... $3 ...' is not what it says: $(head -c 2000 "$work/err")" ;;
		esac
	fi
}

# usage NAME TEXT ARGUMENT...: wrong usage; a second line may point to the help.
usage() {
	name=$1 text=$2
	shift 2
	try "$irqgate" "$@"
	judge "$name" 2 "$text" 2
	if [ "$lines" -eq 2 ] && ! sed -n 2p "$work/err" | grep -q -e --help; then
		not_ok "$prefix/$name-points-to-the-help" "$(cat "$work/err")"
	fi
}

# fails NAME TEXT ARGUMENT...
fails() {
	name=$1 text=$2
	shift 2
	try "$irqgate" "$@"
	judge "$name" 1 "$text" 1
}
