#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
# shellcheck source=packaging/lib.sh
. "$(dirname "$0")/lib.sh"

TARGETS=(frame request answer link helper record manifest profile archive outside)

usage() {
  cat <<USAGE
usage: packaging/fuzz.sh [--seconds N] [--target T]...

Installs what is missing (Debian 12), builds the fuzz targets (tests/fuzz) with clang, and lets
libFuzzer feed each of them for N seconds (60), two at a time, beginning with the inputs in
tests/data/fuzz. What it finds that leads further is kept in build/fuzz/corpus for the next time.
The last line reads "N passed, N failed"; the exit status is 0 only when nothing failed. An input
that breaks a target is written to build/fuzz/crash-TARGET-...

  --seconds N  for each target
  --target T   only this one; may be given again. One of
               ${TARGETS[*]}
USAGE
}

refuse() {
  complain "usage: $1: packaging/fuzz.sh --help says more"
  exit 2
}

seconds=60 chosen=()
while (($#)); do
  case $1 in
  --seconds)
    [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || refuse "--seconds ${2:-}: not a number of seconds"
    seconds=$2
    shift
    ;;
  --target)
    [[ " ${TARGETS[*]} " == *" ${2:-} "* ]] || refuse "--target ${2:-}: no such target"
    chosen+=("$2")
    shift
    ;;
  -h | --help) usage && exit 0 ;;
  *) refuse "$1: no such option" ;;
  esac
  shift
done
((${#chosen[@]})) || chosen=("${TARGETS[@]}")

FUZZ=$ROOT/build/fuzz

# seeds_of TARGET: the folders it begins with.
seeds_of() {
  echo "$ROOT/tests/data/fuzz/$1"
  case $1 in
  answer) echo "$ROOT/tests/data/protocol" ;;
  profile) echo "$ROOT/schema/platforms" ;;
  esac
}

# fuzz TARGET: one line of what came of it, and a file in $scratch that counts it. In a subshell.
fuzz() {
  local target=$1 log=$FUZZ/$1.log seeds status=0 executions input fuzzer=''
  trap '[[ -z $fuzzer ]] || kill "$fuzzer"' TERM
  mapfile -t seeds < <(seeds_of "$target")
  mkdir -p "$FUZZ/corpus/$target" "$scratch/$target"
  # 8 KiB: the targets make long inputs of short ones themselves (tests/fuzz/fuzz.h).
  TMPDIR=$scratch/$target "$FUZZ/bin/fuzz_$target" "$FUZZ/corpus/$target" "${seeds[@]}" \
    -max_total_time="$seconds" -max_len=8192 -timeout=20 -rss_limit_mb=2048 -close_fd_mask=3 \
    -print_final_stats=1 -artifact_prefix="$FUZZ/crash-$target-" >"$log" 2>&1 </dev/null &
  fuzzer=$!
  wait "$fuzzer" || status=$?
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  if ((status == 0)) && [[ -n $executions ]]; then
    echo "passed: fuzz $target ($seconds s, $executions executions)"
    : >"$scratch/$target.passed"
    return
  fi
  input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n1)
  # What libFuzzer says of its progress is of no use now.
  grep -Ev '^#[0-9]|^INFO:|^[[:space:]]*(NEW_FUNC|MS:)' "$log" | tail -n 60
  echo "FAILED: fuzz $target (exit status $status); all of it: $log"
  [[ -z $input ]] || echo "  to see it again: build/fuzz/bin/fuzz_$target ${input#"$ROOT"/}"
}

heading "packages"
need_packages "${BUILD_PACKAGES[@]}" "${FUZZ_PACKAGES[@]}"
mkdir -p "$ROOT/build"
echo "clang++  $(first_line clang++ --version)"

heading "build: fuzz"
build fuzz "${chosen[@]/#/fuzz_}" || fail "build: the fuzz targets: failed (see above)"

heading "fuzz: $seconds s each"
scratch=$(mktemp -d /dev/shm/gpujob-fuzz.XXXXXX 2>/dev/null || mktemp -d /tmp/gpujob-fuzz.XXXXXX)
cleanup() {
  local running
  running=$(jobs -p)
  # shellcheck disable=SC2086
  [[ -z $running ]] || kill $running 2>/dev/null || true
  rm -rf "$scratch"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

for target in "${chosen[@]}"; do
  while (($(jobs -rp | wc -l) >= 2)); do
    wait -n || true
  done
  fuzz "$target" &
done
wait

passed=$(find "$scratch" -name '*.passed' | wc -l)
failed=$((${#chosen[@]} - passed))
echo
echo "$passed passed, $failed failed"
((failed == 0))
