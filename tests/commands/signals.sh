#!/usr/bin/env bash
# A signal saves a run at once, from the last update that is finished: updates take seconds here, longer than Open MPI waits
# before it kills. The run goes on to the bits of one that was never stopped.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"
cd "$work"

cat >run.yaml <<END
seed: 8
data: {file: $fashion_mnist, train: {x: /train/x, y: /train/y, rows: [0, 16000]}, test: {x: /test/x, y: /test/y, rows: [0, 50]}}
model:
  - flatten: {}
  - dense: {units: 700, activation: relu}
  - batch_normalization: {}
  - dropout: {rate: 0.2}
  - dense: {units: 10, activation: softmax}
compile: {optimizer: adam, loss: sparse_categorical_crossentropy, metrics: [accuracy]}
fit: {epochs: 2, batch_size: 8000, microbatch: 100, validation_data: test, noise_scale: true, checkpoint_every: 1, checkpoint_seconds: 0}
callbacks:
  - csv_logger: {filename: log.csv}
END
train 2 whole run.yaml

# DIR: the updates in its checkpoint; 0: there is none.
updates() {
    local line
    [[ -e $1/checkpoint.h5 ]] || { echo 0 && return; }
    line=$(h5dump -a /lockstep/update "$1/checkpoint.h5" 2>/dev/null | sed -n 's/^ *(0): //p')
    echo "${line:-0}"
}
has_updates() {
    (($(updates "$1") >= $2))
}

# RANKS SIGNAL STATUS AFTER: a run that gets the signal once AFTER updates are done ends with the status, and with its next
# update undone; the rest of it makes the whole run.
stopped() {
    local ranks=$1 signal=$2 wanted=$3 after=$4 ended
    say "$signal on $ranks rank(s) after $after updates"
    rm -rf run
    start "$ranks" train run.yaml --output run --verbose 0
    if ((after == 0)); then wait_until test -e run/experiment.yaml; else wait_until has_updates run "$after"; fi
    kill "-$signal" "$job"
    await
    ((status == wanted)) || fail "exit status $status instead of $wanted"
    ended=$(updates run)
    ((ended == after)) || fail "it ended with update $ended instead of $after: the update at hand was not given up"
    [[ -e run/checkpoint.h5 && ! -e run/model.h5 ]] || fail 'no checkpoint, or it went on to the end'
    ((wanted == 1)) || expect_message "after update $after" --resume
    train $((ranks % 3 + 1)) run run.yaml --resume
    same_run whole run "$signal after $after updates"
    same whole/log.csv run/log.csv 'the log'
}

stopped 1 TERM 3 1
stopped 1 HUP 3 2 # the first update of an epoch
stopped 1 INT 3 0
# mpirun passes SIGUSR1 on; at SIGTERM and Ctrl-C it stops the ranks itself, and its own status is 1.
stopped 2 USR1 3 2
# It waits that long before it sends SIGTERM, and once more before SIGKILL.
export OMPI_MCA_odls_base_sigkill_timeout=2
say 'SIGTERM to mpirun'
rm -rf run
start 2 train run.yaml --output run --verbose 0 --set fit.epochs=1000
wait_until has_updates run 1
kill -TERM "$job"
await
((status == 1)) || fail "exit status $status instead of 1"
grep -q "stopped by a signal after update $(updates run);" "$work/err" || fail 'it does not say where it stopped'
epochs=$(($(updates run) / 2 + 1))
train 3 run run.yaml --resume --set "fit.epochs=$epochs"
train 3 longer run.yaml --set "fit.epochs=$epochs"
same_run longer run 'SIGTERM to mpirun'

say 'ignored by whoever started it: nohup, or a job in the background'
trap '' HUP INT
start 1 train run.yaml --output run2 --verbose 0 --set fit.epochs=1
trap 'exit 1' INT
trap - HUP
wait_until has_updates run2 1
kill -HUP "$job"
kill -INT "$job"
await
((status == 0)) || fail "exit status $status: a signal that was to be ignored stopped it"

say 'a signal that comes before the program can catch it, and while it starts over'
if env --block-signal=USR1 true 2>/dev/null; then
    rm -rf run
    last_command='kill -USR1 of a train that begins'
    status=0
    # shellcheck disable=SC2016
    env --unset=OPENBLAS_NUM_THREADS --block-signal=USR1 bash -c 'kill -USR1 $$; exec "$@"' bash \
        "$lockstep" train run.yaml --output run --verbose 0 >out 2>err </dev/null || status=$?
    ((status == 3)) || fail "exit status $status instead of 3"
    expect_message 'after update 0' --resume
fi

say 'a second Ctrl-C does not wait'
start 1 train run.yaml --output run3 --verbose 0
wait_until has_updates run3 1
kill -STOP "$job"
kill -INT "$job"
kill -CONT "$job"
sleep 0.05
kill -INT "$job" 2>/dev/null || true
await
((status == 3 || status == 130)) || fail "exit status $status"

say 'all the same'
