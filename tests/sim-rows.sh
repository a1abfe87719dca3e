# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=sh
# What the simulated machine prints, for tests; to be sourced.

# rows: JSON rows as "guest policy figure value" on stdin and stdout.
rows() {
	tr -d '{}[]" \n' | sed 's/^rows://; s/,guest:/\nguest:/g' | awk -F, '
		{
			sub(/^.*:/, "", $1)
			sub(/^.*:/, "", $2)
			for (i = 3; i <= NF; i++) {
				split($i, figure, ":")
				print $1, $2, figure[1], figure[2]
			}
		}'
}
