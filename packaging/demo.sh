#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
# shellcheck source=packaging/lib.sh
. "$(dirname "$0")/lib.sh"

usage() {
  cat <<'USAGE'
usage: packaging/demo.sh [--kill-daemon] [--keep] [--pictures DIR]

Trains LeNet-5 on Fashion-MNIST twice: once without a break, and once through sessions of 40 s, each
of which loses everything but a durable folder. Then proves that the weights are the same, to the
last bit. Takes about 3 minutes after the build. Exit status 0: proven.

  --kill-daemon  SIGKILL gpujob's daemon in the middle of every session as well
  --pictures DIR write there what gpujob top shows in the second session, and the last one's report
  --keep         leave the durable folder and the weights behind, and say where
USAGE
}

kill_daemon=no keep=no pictures=''
while (($#)); do
  argument=$1
  shift
  case $argument in
  --kill-daemon) kill_daemon=yes ;;
  --keep) keep=yes ;;
  --pictures)
    pictures=${1:-}
    [[ -d $pictures ]] || fail "demo: --pictures $pictures: is no directory: make it first"
    pictures=$(realpath "$pictures")
    shift
    ;;
  -h | --help) usage && exit 0 ;;
  *)
    complain "usage: $argument: no such option: packaging/demo.sh --help lists them"
    exit 2
    ;;
  esac
done

SESSION=40s LEAD=6s
# No faster than 50 steps a second on any machine, so that 4000 steps never fit into two sessions.
# On a slow machine it takes more sessions; this many at most.
STEPS=4000 RATE=50 MAX_SESSIONS=12
KILL_AFTER_S=8
TRAIN=$ROOT/packaging/demo/train.py

DEMO=$(mktemp -d /tmp/gpujob-demo.XXXXXX)
VM=$DEMO/vm         # what is lost with a session
DURABLE=$DEMO/drive # what stays

cleanup() {
  local status=$?
  trap - EXIT
  [[ -z ${killer:-} ]] || kill "$killer" 2>/dev/null || true
  "$PYTHON" "$ROOT/packaging/demo/vanish.py" "$VM" >/dev/null || true
  rm -rf "$VM"
  if [[ $keep == yes ]]; then
    echo "kept: $DEMO"
  else
    rm -rf "$DEMO"
  fi
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# in_vm COMMAND...: runs it inside the session: its own runtime and state directories, its own folder.
in_vm() (
  unset "${!GPUJOB_@}"
  export GPUJOB_RUNTIME_DIR=$VM/run GPUJOB_STATE_DIR=$VM/state
  cd "$VM/work"
  exec "$@"
)
indent() { sed -u 's/^/    /'; }
# say COMMAND...: prints a command line as one would type it.
say() { printf '\n  %s$ %s%s\n' "$BOLD" "$*" "$PLAIN"; }
# json KEY...: reads JSON on stdin, prints the value found there ("-" for none).
json() { "$PYTHON" -c 'import json, sys
value = json.load(sys.stdin)
for key in sys.argv[1:]:
    value = value[int(key) if key.lstrip("-").isdigit() else key]
print("-" if value is None else value)' "$@"; }

daemon_pid() { in_vm gpujob daemon status --json 2>/dev/null </dev/null | json pid 2>/dev/null; }

# Runs beside a session: kills the daemon and waits until a shim has brought it back.
kill_and_watch() {
  local old new end
  sleep "$KILL_AFTER_S"
  old=$(daemon_pid) || return 0
  echo "killed" >"$DEMO/kill.$1"
  kill -KILL "$old"
  echo "  >>> kill -KILL $old: the daemon is dead; the training goes on"
  end=$((SECONDS + 20))
  while ((SECONDS < end)); do
    new=$(daemon_pid || true)
    if [[ -n $new && $new != "$old" ]]; then
      # The daemon that a shim starts is called so; one that a client started would prove nothing.
      tr '\0' '\n' <"/proc/$new/cmdline" | grep -qx -e --revive || return 0
      echo "back $new" >"$DEMO/kill.$1"
      echo "  >>> the job's shim has started it again: pid $new"
      return 0
    fi
    sleep 0.2
  done
}

# What `show` says about the newest checkpoint.
tell_checkpoint() {
  in_vm gpujob show lenet --json | "$PYTHON" -c 'import json, sys
job = json.load(sys.stdin)
print("    state      " + str(job["state"]) + ": " + str(job["reason"]))
for c in job["checkpoints"][-1:]:
    print("    checkpoint step {} · {} · {}".format(
        c.get("step"), "confirmed by " + c["how"] if c["confirmed"] else "NOT confirmed",
        c["durable"] or "NOT in the durable folder"))
    print("    lies in    " + str(c.get("durable_path")))'
}

# Runs beside a session: what top shows once there is something to see. With tmux as a picture, too.
picture_of_top() {
  sleep 20
  in_vm gpujob top --once >"$pictures/top.txt" 2>/dev/null </dev/null || return 0
  command -v tmux >/dev/null || return 0
  in_vm tmux -S "$DEMO/tmux" -f /dev/null -u new-session -d -x 80 -y 24 "$(command -v gpujob) top"
  sleep 5 # its charts are drawn second by second
  tmux -S "$DEMO/tmux" capture-pane -e -N -p | "$PYTHON" "$ROOT/tests/bench/top_picture.py" -o "$pictures/top.svg"
  tmux -S "$DEMO/tmux" kill-server
}

give_up() {
  echo
  echo "the daemon's log, last lines:"
  tail -n 30 "$VM/state/daemon.log" 2>/dev/null | indent || true
  fail "$@"
}

# session NUMBER: one VM's life. Sets run_exit.
session() {
  local number=$1 killed
  heading "session $number: a new machine; of earlier ones only $DURABLE is left"
  mkdir -p "$VM/run" "$VM/state" "$VM/work" "$DURABLE"
  chmod 700 "$VM/run" "$VM/state"

  say "gpujob daemon start --session-limit $SESSION --session-start now --platform generic --durable $DURABLE"
  in_vm gpujob daemon start --session-limit $SESSION --session-start now --platform generic \
    --durable "$DURABLE" </dev/null 2>&1 | indent ||
    give_up "demo: gpujob daemon start: failed (see above): it should have started"
  say "gpujob quota"
  in_vm gpujob quota 2>&1 | indent || give_up "demo: gpujob quota: failed (see above)"

  killer=''
  if [[ $kill_daemon == yes ]]; then
    kill_and_watch "$number" </dev/null &
    killer=$!
  fi
  if [[ -n $pictures && $number == 2 ]]; then # the last one may be short
    picture_of_top </dev/null >/dev/null 2>&1 &
  fi
  say "${RUN_LINE[*]}"
  run_exit=0
  in_vm "${RUN_LINE[@]}" </dev/null 2>&1 | indent || run_exit=${PIPESTATUS[0]}
  echo "    (exit status $run_exit)"
  if [[ -n $killer ]]; then
    # The job may be done before it was time to kill.
    [[ -e $DEMO/kill.$number || $run_exit != 0 ]] || kill "$killer" 2>/dev/null || true
    wait "$killer" 2>/dev/null || true
    killer=''
  fi

  say "gpujob show lenet --json    (in short)"
  tell_checkpoint || give_up "demo: gpujob show lenet --json: failed or not as documented (see above)"
  case $run_exit in
  0) cp "$VM/work/weights.pt" "$DEMO/continued.pt" ||
    give_up "demo: weights.pt: missing though gpujob says that the job is done" ;;
  85) ;;
  *) give_up "demo: gpujob run: session $number: exit status $run_exit: 85 (checkpointed at the" \
    "limit) or 0 (done) was expected; the log above and 'gpujob show' say more" ;;
  esac
  if [[ $kill_daemon == yes && $run_exit == 85 ]]; then
    grep -q '^back' "$DEMO/kill.$number" 2>/dev/null ||
      give_up "demo: gpujobd: session $number: killed, and not brought back by the shim within 20 s"
  fi

  if [[ -n $pictures ]]; then
    in_vm gpujob report -o "$pictures/report.html" </dev/null | indent
  fi

  echo
  killed=$("$PYTHON" "$ROOT/packaging/demo/vanish.py" "$VM")
  rm -rf "$VM"
  echo "  The machine vanishes: SIGKILL for what still ran ($killed), and $VM is deleted."
}

heading "1. packages and build"
need_packages "${BUILD_PACKAGES[@]}" "${DEMO_PACKAGES[@]}"
mkdir -p "$ROOT/build"
build release gpujob gpujobd gpujob-shim gpujob-http gpujob-gpuprobe || exit 1
PATH=$ROOT/build/release/bin:$PATH
RUN_LINE=(gpujob run --name lenet --lead "$LEAD" -- "$PYTHON" "$TRAIN" --steps "$STEPS"
  --max-rate "$RATE" --out weights.pt)

heading "2. the same training without a break and without gpujob, to compare with"
mkdir "$DEMO/plain"
say "$PYTHON packaging/demo/train.py --steps $STEPS --out uninterrupted.pt"
(cd "$DEMO/plain" && unset "${!GPUJOB_@}" NOTIFY_SOCKET &&
  "$PYTHON" "$TRAIN" --steps "$STEPS" --print-every 1000 --out "$DEMO/uninterrupted.pt" </dev/null) |
  indent

heading "3. the training in sessions of $SESSION, at most $RATE steps a second: the same line every time"
echo "A session is a machine that vanishes. Here: every process killed, $VM deleted."
number=0 run_exit=85
while [[ $run_exit == 85 ]]; do
  number=$((number + 1))
  ((number <= MAX_SESSIONS)) ||
    fail "demo: lenet: not done after $MAX_SESSIONS sessions: this machine is too slow or too busy" \
      "for the demo; try again when it is idle"
  session "$number"
done
((number >= 3)) ||
  fail "demo: lenet: done in $number sessions: at least 3 are needed for a proof: a fault in demo.sh"

heading "4. the proof"
echo "SHA-256 of the weights without a break, and through $number sessions:"
"$PYTHON" "$ROOT/packaging/demo/compare.py" "$DEMO/uninterrupted.pt" "$DEMO/continued.pt" | indent ||
  fail "demo: weights: differ: something was lost between the sessions, or this machine does not" \
    "compute the same twice (run 'packaging/demo.sh --keep' and compare the two files)"
cmp "$DEMO/uninterrupted.pt" "$DEMO/continued.pt" ||
  fail "demo: weights: the tensors are equal, the files are not: train.py writes something else too"
if [[ $kill_daemon == yes ]]; then
  echo "The daemon was killed in the middle of $(grep -l '^back' "$DEMO"/kill.* | wc -l) sessions, and came back each time."
fi
echo
echo "${BOLD}Bit-identical: $number sessions, nothing lost.${PLAIN} (${SECONDS} s with the build)"
