#!/usr/bin/env bash
# A rank that is stopped ends the job with one message that says which rank it is, wherever it is stopped: at the start, in
# training, in evaluate, predict and verify. (What gets on, however slowly, is no stall: tests/base/test_watchdog.c.)
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"
cd "$work"
export LOCKSTEP_TIMEOUT=4 OMPI_MCA_odls_base_sigkill_timeout=0

cat >long.yaml <<END
seed: 8
data: {file: $fashion_mnist, train: {x: /train/x, y: /train/y, rows: [0, 2000]}}
model:
  - flatten: {}
  - dense: {units: 500, activation: relu}
  - dense: {units: 500, activation: relu}
  - dense: {units: 10, activation: softmax}
compile: {optimizer: sgd, loss: sparse_categorical_crossentropy}
fit: {epochs: 1000000, batch_size: 40, microbatch: 10}
distributed: {timeout: 4}
END
# Wide, so that evaluate and predict, a sample for each rank at a time, take much longer than they are let.
train 1 trained long.yaml --set fit.epochs=1 --set 'data.train.rows=[0, 40]' --set model.1.dense.units=3000 --set model.2.dense.units=3000

# HUNDREDTHS: the three ranks are there, and each has had its processor for so long, or longer. So a busy machine does not
# decide how far they are.
all_worked() {
    local rank fields n=0
    for rank in $(ranks_of); do
        fields=$(sed 's/.*) //' "/proc/$rank/stat" 2>/dev/null) || return 1
        # shellcheck disable=SC2086
        set -- "$1" $fields
        ((${13} + ${14} >= $1)) || return 1
        n=$((n + 1))
    done
    ((n >= 3))
}

# A launcher that is slow to notice that a rank has ended: the other ranks have time to speak, too, and must not.
printf '#!/bin/sh\n"%s" "$@"\ns=$?\nsleep 6\nexit $s\n' "$lockstep" >late
chmod +x late

# RANK AFTER TEXT -- ARGUMENT...: stops that rank of three after so many hundredths of a second of work; the message must
# say TEXT.
stopped() {
    local which=$1 after=$2 text=$3 ranks begun process
    shift 4
    say "rank $which of ${1}, after $after hundredths of a second"
    start_command mpirun -n 3 "${program-$lockstep}" "$@"
    wait_until all_worked "$after"
    mapfile -t ranks < <(ranks_of)
    ((${#ranks[@]} == 3)) || fail "${#ranks[@]} ranks: it was through before it was stopped"
    for process in "${ranks[@]}"; do
        ! tr '\0' '\n' <"/proc/$process/environ" | grep -qE "^(OMPI_COMM_WORLD|PMI)_RANK=$which\$" || kill -STOP "$process"
    done
    begun=$SECONDS
    await
    ((status == 1)) || fail "exit status $status instead of 1"
    ((SECONDS - begun <= 60)) || fail "ended only $((SECONDS - begun)) s after a rank was stopped"
    [[ -z $(ranks_of) ]] || fail "these ranks go on: $(ranks_of | tr '\n' ' ')"
    expect_message 'no progress for 4 s after update ' ', while ' "$text" 'distributed.timeout'
    sed -n 's/^lockstep: /   /p' err
}

silent="on $(hostname) does not answer: it is stopped"
stopped 1 60 "rank 1 $silent" -- train "$work/long.yaml" --output run --verbose 0
stopped 0 60 "rank 0 $silent" -- train "$work/long.yaml" --output run --verbose 0 --overwrite
program=$work/late stopped 2 0 '' -- train "$work/long.yaml" --output run --verbose 0 --overwrite
program=$work/late stopped 1 60 "rank 1 $silent" -- train "$work/long.yaml" --output run --verbose 0 --overwrite
for command in evaluate predict; do
    output=()
    [[ $command != predict ]] || output=(--output p.h5)
    stopped 2 60 "rank 2 $silent" -- $command "$work/trained/model.h5" --data "$fashion_mnist" --split test --batch-size 3 \
        ${output[@]+"${output[@]}"}
done
stopped 1 60 "rank 1 $silent" -- verify "$work/long.yaml" -n 3

say 'all named'
