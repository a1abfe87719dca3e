# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# What the lab's scripts share (sourced by them): one-line errors, progress, the cache folder with its lock,
# and an apt state of the lab's own inside the cache, so that nothing is added to the machine and no root is
# needed.
# shellcheck shell=sh disable=SC2015 # "A && B || die": dying of either is meant

PATH="$PATH:/usr/sbin:/sbin"
LC_ALL=C
export PATH LC_ALL

die() {
	echo "irqgate: $*" >&2
	exit 1
}

# Progress, unless the caller keeps stderr for a command of the user's.
say() {
	[ -n "${IRQGATE_QUIET:-}" ] || echo "irqgate: $*" >&2
}

# The cache folder; sets $cache.
open_cache() {
	if [ -n "${IRQGATE_CACHE:-}" ]; then
		cache=$IRQGATE_CACHE
	elif [ -n "${XDG_CACHE_HOME:-${HOME:-}}" ]; then
		cache=${XDG_CACHE_HOME:-$HOME/.cache}/irqgate
	else
		die "no folder for the cache: set HOME or IRQGATE_CACHE"
	fi
	mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ] ||
		die "cannot write to the cache folder $cache; set IRQGATE_CACHE to one that can be written"
	cache=$(cd "$cache" && pwd)
}

# One fetches at a time; the lock ends with the process.
lock_cache() {
	{ exec 9>"$cache/lock"; } 2>/dev/null || 
		die "cannot write $cache/lock; set IRQGATE_CACHE to another folder"
	flock 9 || die "cannot lock $cache/lock"
}

# An empty folder $work for what is half-made. Its name is fixed, under the lock, so that what a killed run
# left behind is cleared by the next.
open_work() {
	work=$cache/partial
	rm -rf "$work"
	mkdir -p "$work" || die "cannot write $work; is there space?"
	# Not in the cache, whose disk may be the one that is full.
	log=$(mktemp) || die "cannot write to ${TMPDIR:-/tmp}"
	trap 'rm -rf "$work" "$log"' EXIT
	trap 'exit 1' HUP INT TERM
}

# The line of the log that tells most.
reason() {
	sed -n 's/^E: //p; s/^W: Failed to fetch/failed to fetch/p; s/^dpkg-deb: error: //p; s/^tar: //p' \
		"$log" | grep . | head -n 1 | grep . || tail -n 1 "$log"
}

# The mirror that this machine's own apt uses for a release: its address, or nothing.
mirror_of() {
	# shellcheck disable=SC2016 # apt-get expands these
	apt-get indextargets --no-release-info --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' \
		'Created-By: Packages' 2>/dev/null | sed -n "s/^$1 main //p" | head -n 1
}

# The mirror of Debian itself: of bookworm, or of whatever release this machine runs.
debian_mirror() {
	mirror_of bookworm | grep . || mirror_of '[a-z-]*' | grep '/debian/*$'
}

add_source() { # URI SUITE
	key=/usr/share/keyrings/debian-archive-keyring.gpg
	[ -r $key ] && key="[signed-by=$key] " || key=
	{ echo "deb $key$1 $2 main" >>"$own/sources.list"; } 2>/dev/null ||
		die "cannot write $own: is there space?"
}

# From here on apt_do uses lists of the lab's own for a suite (bookworm | bookworm-backports), freshly read.
use_own_apt() {
	own=$cache/apt-$1
	uri=$(debian_mirror) ||
		die "no Debian mirror in this machine's apt sources: cannot fetch packages of $1"
	mkdir -p "$own/lists/partial" "$own/cache/archives/partial" ||
		die "cannot write $own; is there space?"
	: >"$own/sources.list"
	add_source "$uri" bookworm
	security=$(mirror_of bookworm-security)
	[ -z "$security" ] || add_source "$security" bookworm-security
	[ "$1" = bookworm ] || add_source "$uri" "$1"
	apt_options="-o Dir::Etc::sourcelist=$own/sources.list -o Dir::Etc::sourceparts=- \
		-o Dir::State::lists=$own/lists -o Dir::Cache=$own/cache -o Acquire::Languages=none"
	# Backports are only taken where they are asked for.
	[ "$1" = bookworm ] || apt_options="$apt_options -o APT::Default-Release=$1"
	say "reading the package lists of $1"
	apt_do apt-get update -qq >"$log" 2>&1 || return 1
	! grep -q '^[EW]: Failed to fetch' "$log"
}

# An apt command on the machine's lists, or on the lab's own after use_own_apt. The download runs as the
# caller: apt's own user could not enter a private folder.
apt_options=
apt_do() {
	tool=$1
	shift
	# shellcheck disable=SC2086 # a list of words
	"$tool" $apt_options -o APT::Sandbox::User=root "$@"
}
