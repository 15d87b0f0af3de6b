#!/usr/bin/env bash
# Builds everything that this machine can build and runs every test that it can run. Installs nothing.
# Says aloud what it left out, why, and how to get it. Ends with: N passed, N failed, N skipped
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1

say() { printf '%s\n' "$*"; }
fail() { say "$1"; say "0 passed, 1 failed, 0 skipped"; exit 1; }

command -v dotnet >/dev/null 2>&1 || fail "The .NET SDK is missing: install the .NET 10 SDK (the dotnet command) and try again."
dotnet --version >/dev/null 2>&1 || fail "No .NET SDK here fits global.json: install the .NET 10 SDK and try again."

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

# The largest solution that restores: not every package source carries every package of the cluster.
target=Metering.sln
if ! dotnet restore "$target" --nologo -v quiet >"$results/restore.log" 2>&1; then
    target=Metering.Embedded.slnf
    say "Left out: the projects of Metering.sln that are not in Metering.Embedded.slnf, because their packages do not restore here:"
    grep -Eo 'error NU[0-9]+: .*' "$results/restore.log" | sed 's/ \[.*//' | sort -u | head -n 5
    dotnet restore "$target" --nologo -v quiet || fail "The packages of $target do not restore; see above."
fi
say "Testing $target."

dotnet build "$target" --no-restore --nologo -v quiet -c Release || fail "The build of $target failed; see above."

dotnet test "$target" --no-build --nologo -c Release --logger trx --results-directory "$results" \
    --logger "console;verbosity=normal" >"$results/test.log" 2>&1
status=$?

# What failed, whole; what was skipped, with its reason.
grep -vE '^\s+Passed |^Test run for|^A total of|^\[xUnit|^$' "$results/test.log" | grep -E -A 12 '^\s+Failed ' || true
grep -E '^\s+Skipped ' "$results/test.log" || true
grep -Eo 'LEFT OUT: .*' "$results/test.log" | sort -u || true

# Every promise of the contract beside the tests that prove it; PromiseTests fails where one has none.
if grep -qh 'Promise: |' "$results"/*.trx 2>/dev/null; then
    say "| part | promise | tests |"
    say "|---|---|---|"
    grep -Eho 'Promise: \|[^<]*' "$results"/*.trx | sed -e 's/^Promise: //' -e 's/&gt;/>/g' -e 's/&lt;/</g' -e 's/&quot;/"/g' -e 's/&amp;/\&/g'
fi

# What the proofs counted.
grep -Eho 'Proof: [^<]*' "$results"/*.trx || true

count() { grep -ho '<Counters [^>]*>' "$results"/*.trx 2>/dev/null | grep -Eo " $1=\"[0-9]+\"" | grep -Eo '[0-9]+' | awk '{ sum += $1 } END { print sum + 0 }'; }
total=$(count total)
passed=$(count passed)
failed=$(count failed)
skipped=$((total - passed - failed))
if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
    tail -n 40 "$results/test.log"
    say "A test run ended before its tests did."
    failed=1
fi
[ "$passed" -gt 0 ] || { tail -n 40 "$results/test.log"; status=1; }
say "$passed passed, $failed failed, $skipped skipped"
[ "$status" -eq 0 ] && [ "$failed" -eq 0 ]
