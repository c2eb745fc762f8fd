#!/bin/sh
# Fuzzes every target of the tree in turn: fuzz.sh [TIME EACH, e.g. 30s]
set -eu
each=${1:-20s}
for file in $(grep -rl --include='*_test.go' '^func Fuzz' .); do
	for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$file"); do
		echo "$(dirname "$file") $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$each" "$(dirname "$file")"
	done
done
