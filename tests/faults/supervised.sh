#!/usr/bin/env bash
# kill -9 of a random rank, all ranks, or mpirun, at random moments of a run that lockstep-run looks after: it ends with the
# files of the run that nothing happened to, nobody does anything, and nothing is left behind.
#
# ROUNDS=N: how many runs (default 1; the target check_faults does 100). LS_SEED=N repeats the same choices.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"

rounds=${ROUNDS:-1}
seed=${LS_SEED:-$RANDOM}
RANDOM=$seed
say "LS_SEED=$seed ROUNDS=$rounds"
supervisor=$root/launch/lockstep-run
export LOCKSTEP=$lockstep

# Steps are short and checkpoints frequent, so that a kill may hit anything: the start, a step, a validation, a file.
cat >"$work/experiment.yaml" <<EOF
seed: 9
data:
  file: $fashion_mnist
  train: {x: /train/x, y: /train/y, rows: [0, 1000]}
  test: {x: /test/x, y: /test/y, rows: [0, 100]}
model:
  - flatten: {}
  - dense: {units: 64, activation: relu}
  - batch_normalization: {}
  - dropout: {rate: 0.1}
  - dense: {units: 10, activation: softmax}
compile: {optimizer: adam, loss: sparse_categorical_crossentropy}
fit: {epochs: 16, batch_size: 20, microbatch: 5, checkpoint_every: 3, checkpoint_seconds: 0, validation_data: test}
EOF

# What it says of itself, and of bad arguments.
"$supervisor" --help | grep -q '^Usage: lockstep-run' || fail 'no help'
for arguments in '' '-n' '-n x -- train e.yaml --output d' '--hosts a:x -- train e.yaml --output d' '-- sweep e.yaml --output d' \
    '-- train e.yaml' '--what 1 -- train e.yaml --output d'; do
    status=0
    # shellcheck disable=SC2086
    "$supervisor" $arguments 2>"$work/err" || status=$?
    ((status == 2)) || fail "lockstep-run $arguments: exit status $status instead of 2"
    grep -q '^lockstep-run: .*--help' "$work/err" || fail "lockstep-run $arguments: no word of --help"
done

# [ARGUMENT...]: starts the supervisor in the background.
supervise() {
    start_command "$supervisor" -n $((RANDOM % 3 + 2)) --check 1 --max-restarts 20 -- \
        train "$work/experiment.yaml" --output "$work/run" --verbose 2 "$@"
}

nothing_is_left() {
    local left
    left=$(find /tmp /dev/shm -maxdepth 1 -name "lockstep-run.*.$job.*" 2>/dev/null; find "$work/run" -name '*.tmp'; ranks_of)
    [[ -z $left ]] || fail "left behind: $left"
}

# Sets how; empty: there was nobody.
kill_something() {
    local ranks victims what
    mapfile -t ranks < <(ranks_of "$work/run" | shuf --random-source=<(yes "$RANDOM"))
    case $((RANDOM % 3)) in
    0) mapfile -t victims < <(pgrep -P "$job" 'mpi|orte|prte' || true) && what=mpirun ;;
    1) victims=("${ranks[@]}") what="all ${#ranks[@]} ranks" ;;
    2) victims=("${ranks[@]::1}") what="one of ${#ranks[@]} ranks" ;;
    esac
    how=
    ((${#victims[@]} == 0)) || ! kill -KILL "${victims[@]}" 2>/dev/null || how=$what
}

train 1 "$work/whole" "$work/experiment.yaml"
killed=0
for ((round = 1; round <= rounds; round++)); do
    rm -rf "$work/run"
    supervise
    log='' how=''
    for ((i = RANDOM % 5 + 1; i > 0; i--)); do
        sleep "$((RANDOM % 3)).$((RANDOM % 10))"
        ! has_ended || break
        kill_something
        [[ -z $how ]] || killed=$((killed + 1)) log+="${log:+, }$how"
    done
    await
    ((status == 0)) || fail "round $round (killed: $log): exit status $status instead of 0"
    fingerprint >"$work/run/fingerprint.txt"
    same_run "$work/whole" "$work/run" "round $round (killed: $log; LS_SEED=$seed)"
    nothing_is_left
    say "round $round: the same files, $(grep -c 'starting again' "$work/err") restarts; killed: ${log:-nothing}"
done

say 'told to stop: saved, status 3; the next one goes on'
for signal in TERM USR1 HUP INT; do
    rm -rf "$work/run"
    supervise
    wait_until test -e "$work/run/checkpoint.h5"
    kill "-$signal" "$job"
    await
    ((status == 3)) || ((status == 0)) || fail "$signal: exit status $status instead of 3"
    nothing_is_left
    supervise --resume
    await
    ((status == 0)) || fail "after $signal: exit status $status"
    fingerprint >"$work/run/fingerprint.txt"
    same_run "$work/whole" "$work/run" "stopped by $signal"
done

say '--overwrite replaces the run before, and not what this one has done'
supervise --overwrite
wait_until test "$work/run/checkpoint.h5" -nt "$work/job"
mapfile -t ranks < <(ranks_of "$work/run")
((${#ranks[@]} == 0)) || kill -KILL "${ranks[@]}" 2>/dev/null || true
await
((status == 0)) || fail "exit status $status"
fingerprint >"$work/run/fingerprint.txt"
same_run "$work/whole" "$work/run" 'overwritten'

say 'what cannot go on is given up, with the status of the run and its message'
for case in 'learning_rate: 1e30}}, loss|1|lower the learning rate' 'learning_rate: x}}, loss|2|learning_rate'; do
    IFS='|' read -r change want message <<<"$case"
    sed "s/optimizer: adam, loss/optimizer: {sgd: {$change/" "$work/experiment.yaml" >"$work/bad.yaml"
    start_command "$supervisor" -n 2 --check 1 --max-restarts 1 -- train "$work/bad.yaml" --output "$work/bad" --verbose 0
    await
    ((status == want)) || fail "exit status $status instead of $want"
    grep -q "^lockstep: .*$message" "$work/err" || fail "no word of '$message'"
    (($(grep -c '^lockstep: ' "$work/err") == (want == 1 ? 2 : 1))) || fail 'not as many attempts'
    nothing_is_left
done
say "all the same after $killed kills"
