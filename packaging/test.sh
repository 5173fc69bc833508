#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
# shellcheck source=packaging/lib.sh
. "$(dirname "$0")/lib.sh"

usage() {
  cat <<'USAGE'
usage: packaging/test.sh [--fast] [--with-demo]

Installs what is missing (Debian 12), builds gpujob twice (release, sanitizers) and runs all tests;
then packaging/fuzz.sh, a minute for each of its targets, which count as one test each.
The last line reads "N passed, N failed"; the exit status is 0 only when something passed and
nothing failed.

  --fast       the release build only, and no fuzzing
  --with-demo  packaging/demo.sh --kill-daemon as well; it counts as one test

With CI=true in the environment a skipped test counts as a failed one.
USAGE
}

fast=no with_demo=no
for argument in "$@"; do
  case $argument in
  --fast) fast=yes ;;
  --with-demo) with_demo=yes ;;
  -h | --help) usage && exit 0 ;;
  *)
    complain "usage: $argument: no such option: packaging/test.sh --help lists them"
    exit 2
    ;;
  esac
done

[[ ${CI:-} == true ]] && export GPUJOB_TEST_STRICT=1
passed=0 failed=0 skipped=0
failures=() # what did not pass, in lines: who reads only the end of the output sees why it is red

# count NAME COMMAND...: one test of our own.
count() {
  local name=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
    echo "passed: $name"
  else
    failed=$((failed + 1)) failures+=("failed: $name")
    echo "FAILED: $name"
  fi
}

# tally PRESET: prints "passed failed skipped", then each test that did not pass, with the end of what it
# printed indented under it. What could not be run at all has failed.
tally() {
  PYTHONIOENCODING=utf-8:replace "$PYTHON" - "$1" "$ROOT/build/$1/junit.xml" <<'PYTHON'
import sys
import xml.etree.ElementTree as tree
preset, path = sys.argv[1:]
LINES, COLUMNS = 30, 500
counts = {"passed": 0, "failed": 0, "skipped": 0}
told = []
for case in tree.parse(path).getroot().iter("testcase"):
    reason = case.find("skipped")
    if case.get("status") == "run":
        outcome = "passed"
    elif case.get("status") == "disabled" or (
            reason is not None and reason.get("message", "").startswith("SKIP_")):
        outcome = "skipped"
    else:
        outcome = "failed"
    counts[outcome] += 1
    if outcome != "passed":
        told.append(f"{outcome}: {preset}: {case.get('name')} ({float(case.get('time')):.1f} s)")
        told += ["    " + line[:COLUMNS] for line in (case.findtext("system-out") or "").splitlines()[-LINES:]]
print(*counts.values())
for line in told:
    print(line)
PYTHON
}

run_ctest() {
  local preset=$1 ctest status=0 p f s line
  ctest=$(dirname "$(cmake_bin)")/ctest
  rm -f "$ROOT/build/$preset/junit.xml"
  # Most of the tests wait for most of their time.
  "$ctest" --test-dir "$ROOT/build/$preset" -j$((2 * $(nproc))) --output-on-failure --no-tests=error \
    --output-junit "$ROOT/build/$preset/junit.xml" </dev/null || status=$?
  {
    read -r p f s
    while IFS= read -r line; do failures+=("$line"); done
  } < <(tally "$preset" || printf '%s\n' "0 1 0" "failed: $preset: no test's outcome is known")
  if [[ $status != 0 && $f == 0 ]]; then
    f=1 failures+=("failed: $preset: ctest itself (exit status $status)")
  fi
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

build_and_test() {
  local preset=$1
  heading "build: $preset"
  if ! build "$preset"; then
    failed=$((failed + 1)) failures+=("failed: build: $preset")
    return 0
  fi
  heading "tests: $preset"
  run_ctest "$preset"
}

# One test a target; the last line of it counts them.
run_fuzz() {
  local last p f
  "$ROOT/packaging/fuzz.sh" </dev/null | tee "$ROOT/build/fuzz.log" || true
  last=$(tail -n1 "$ROOT/build/fuzz.log")
  read -r p f < <(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' <<<"$last") || p=0 f=1
  ((f == 0)) || failures+=("$(grep '^FAILED: ' "$ROOT/build/fuzz.log" || echo "failed: fuzz.sh: $last")")
  passed=$((passed + p)) failed=$((failed + f))
}

format_check() {
  (cd "$ROOT" && find common daemon client schema tests \( -name '*.h' -o -name '*.cpp' \) \
    -exec clang-format --dry-run -Werror {} +)
}

heading "packages"
need_packages "${BUILD_PACKAGES[@]}" "${TEST_PACKAGES[@]}"
[[ $with_demo == no ]] || need_packages "${DEMO_PACKAGES[@]}"
mkdir -p "$ROOT/build"
print_versions

heading "format"
count "clang-format" format_check

build_and_test release
if [[ $fast == no ]]; then
  build_and_test asan
  run_fuzz
fi
if [[ $with_demo == yes ]]; then
  heading "demo"
  count "packaging/demo.sh --kill-daemon" "$ROOT/packaging/demo.sh" --kill-daemon </dev/null
fi

if ((${#failures[@]})); then
  heading "what did not pass"
  printf '%s\n' "${failures[@]}"
fi
echo
if ((skipped)); then
  echo "$skipped skipped"
  [[ -z ${GPUJOB_TEST_STRICT:-} ]] || failed=$((failed + skipped))
fi
echo "$passed passed, $failed failed"
((failed == 0 && passed > 0))
