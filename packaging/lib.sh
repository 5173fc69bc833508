# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# Sourced by demo.sh, fuzz.sh and test.sh: packages, tools, build. Errors read "what: which: why: what to do".

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

BUILD_PACKAGES=(g++ cmake ninja-build ccache pkg-config libboost1.81-dev
  libboost-filesystem1.81-dev libboost-system1.81-dev libabsl-dev nlohmann-json3-dev libvalijson-dev catch2
  libcli11-dev libfmt-dev libsqlite3-dev libssl-dev nettle-dev libncurses-dev)
# systemd is for systemd-notify, whose messages a job may send; nothing of it runs. bindfs makes FUSE
# mounts, which stand in for Drive; rclone is a remote and its own server; tmux is a terminal to drive,
# chromium-headless-shell a browser to open reports in (100 MB of packages; Debian has no smaller one that is kept up).
TEST_PACKAGES=(python3 tzdata strace faketime libfaketime systemd clang-format procps util-linux
  jupyter-server python3-ipykernel python3-prometheus-client task-spooler bindfs openssl python3-torch libopenblas0-pthread
  rclone tmux chromium-headless-shell)
FUZZ_PACKAGES=(clang libclang-rt-14-dev)
DEMO_PACKAGES=(python3 python3-torch dataset-fashion-mnist libopenblas0-pthread)

# Debian's own: another python3 that comes first on PATH has no torch.
PYTHON=/usr/bin/python3

if [[ -t 1 ]]; then BOLD=$'\e[1m' PLAIN=$'\e[0m'; else BOLD='' PLAIN=''; fi
heading() { printf '\n%s== %s%s\n' "$BOLD" "$*" "$PLAIN"; }
complain() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }
fail() {
  complain "$@"
  exit 1
}

# as_root COMMAND...: runs it as root, through sudo where we are not.
as_root() {
  if [[ $(id -u) == 0 ]]; then
    "$@"
  elif [[ -t 0 ]]; then
    sudo "$@"
  else
    sudo -n "$@"
  fi
}

# need_packages PACKAGE...: installs those that are missing; no network when none is.
need_packages() {
  local package missing=()
  command -v dpkg-query >/dev/null ||
    fail "packages: this system has no dpkg: only Debian 12 is supported by this script:" \
      "install the counterparts of '$*' yourself and build with: cmake --preset release"
  for package in "$@"; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true) == installed ]] ||
      missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  if [[ " ${missing[*]} " == *" libboost1.81-dev "* ]] &&
    [[ $(dpkg-query -W -f='${db:Status-Status}' libboost1.74-dev 2>/dev/null || true) == installed ]]; then
    fail "packages: libboost1.81-dev: cannot be installed beside libboost1.74-dev, which is here:" \
      "remove it (apt-get remove libboost1.74-dev; python3-scipy and python3-sklearn go with it)" \
      "or use another machine or container"
  fi
  if [[ $(id -u) != 0 ]] && ! command -v sudo >/dev/null; then
    fail "packages: ${missing[*]}: not installed, and neither root nor sudo is here:" \
      "run as root: apt-get install --no-install-recommends ${missing[*]}"
  fi
  echo "installing: ${missing[*]}"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q ||
    complain "packages: apt-get update: failed (see above): going on with the lists that are here"
  # --no-remove: nothing that somebody uses goes away unasked.
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
    --no-remove -o DPkg::Lock::Timeout=300 "${missing[@]}" </dev/null ||
    fail "packages: ${missing[*]}: apt-get install failed (see above): Debian 12's main archive has" \
      "them all; put that right and run this again"
}

# cmake_bin: the first cmake of version 3.25 or newer; ctest lies beside it.
cmake_bin() {
  local candidate version
  for candidate in /usr/bin/cmake "$(command -v cmake || true)"; do
    [[ -x $candidate ]] || continue
    version=$("$candidate" --version 2>/dev/null | sed -n '1s/^cmake version //p')
    if [[ -n $version && $(printf '3.25\n%s\n' "$version" | sort -V | head -n1) == 3.25 ]]; then
      echo "$candidate"
      return 0
    fi
  done
  fail "cmake: none of version 3.25 or newer: neither /usr/bin/cmake nor one on PATH:" \
    "apt-get install cmake"
}

# One compiler at a time per core, and no more than memory carries: 1.15 GB for eight sanitized files was measured.
build_jobs() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/^MemAvailable:/ {print int($2 / 1400000)}' /proc/meminfo)
  echo $((memory < 1 ? 1 : memory < cores ? memory : cores))
}

# build PRESET [TARGET...]: configures a preset of CMakePresets.json and builds into build/PRESET.
# Returns non-zero instead of exiting: the caller may have more to do.
build() {
  local preset=$1 cmake make_program=()
  shift
  cmake=$(cmake_bin) || return
  [[ -x /usr/bin/ninja ]] && make_program=(-DCMAKE_MAKE_PROGRAM=/usr/bin/ninja)
  (
    cd "$ROOT" || exit
    "$cmake" --preset "$preset" "${make_program[@]}" >"$ROOT/build/$preset.configure.log" 2>&1 || {
      cat "$ROOT/build/$preset.configure.log" >&2
      complain "configure: build/$preset: failed (see above): if that folder was made by another" \
        "cmake or moved here, remove it and run this again"
      exit 1
    }
    "$cmake" --build "$ROOT/build/$preset" --parallel "$(build_jobs)" ${1:+--target "$@"} || {
      complain "build: build/$preset: failed (see above): tools and packages are those of Debian 12?"
      exit 1
    }
  )
}

first_line() { { "$@" 2>/dev/null || echo none; } | head -n1; }
package_version() { dpkg-query -W -f='${Version}' "$1" 2>/dev/null || echo none; }

print_versions() {
  local cmake
  cmake=$(cmake_bin)
  cat <<VERSIONS
system   $(. /etc/os-release && echo "$PRETTY_NAME"), kernel $(uname -r), $(uname -m), $(nproc) cores
g++      $(first_line g++ --version)
cmake    $(first_line "$cmake" --version) ($cmake)
ninja    $(first_line /usr/bin/ninja --version)
ccache   $(first_line ccache --version)
boost    $(package_version libboost1.81-dev)
abseil   $(package_version libabsl-dev)
openssl  $(package_version libssl-dev)
sqlite   $(package_version libsqlite3-dev)
json     $(package_version nlohmann-json3-dev)
catch2   $(package_version catch2)
fmt      $(package_version libfmt-dev)
cli11    $(package_version libcli11-dev)
python   $(first_line $PYTHON --version) ($PYTHON)
VERSIONS
}
