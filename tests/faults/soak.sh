#!/usr/bin/env bash
# A long run needs no more memory at its end than after its first epochs, and no more descriptors: less than 1 MB and none.
# Its samples are few and small, since what is done for each batch, epoch and checkpoint is what might not be given back.
#
# SOAK_S=N: seconds (default 3; the target check_faults does two hours).
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"

soak_s=${SOAK_S:-3}
cat >"$work/experiment.yaml" <<END
seed: 3
data:
  file: $fashion_mnist
  train: {x: /train/x, y: /train/y, rows: [0, 100]}
  test: {x: /test/x, y: /test/y, rows: [0, 50]}
model:
  - flatten: {}
  - dense: {units: 8, activation: relu}
  - dense: {units: 10, activation: softmax}
compile: {optimizer: adam, loss: sparse_categorical_crossentropy, metrics: [accuracy]}
fit: {epochs: 100000000, batch_size: 2, microbatch: 1, validation_data: test, checkpoint_every: 7}
callbacks:
  - csv_logger: {filename: log.csv}
END

# PROCESS: "KB of memory, descriptors".
needs() {
    echo "$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$1/status") $(find "/proc/$1/fd" -mindepth 1 | wc -l)"
}
epochs() {
    if [[ -e $work/run/history.csv ]]; then wc -l <"$work/run/history.csv"; else echo 0; fi
}
is_warm() { # epochs of milliseconds: some checkpoints were written, too
    (($(epochs) > 100))
}

for ranks in 1 2; do
    memory=() files=()
    rm -rf "$work/run"
    start $ranks train "$work/experiment.yaml" --output "$work/run" --verbose 0
    wait_until is_warm
    mapfile -t processes < <(ranks_of "$work/run")
    ((${#processes[@]} == ranks)) || fail "${#processes[@]} ranks"
    for ((i = 0; i < 20; i++)); do # the most of two seconds: a checkpoint has its memory for a moment, and its file
        for process in "${processes[@]}"; do
            read -r kb descriptors < <(needs "$process")
            ((kb <= ${memory[process]-0})) || memory[process]=$kb
            ((descriptors <= ${files[process]-0})) || files[process]=$descriptors
        done
        sleep 0.1
    done
    begun=$(epochs)
    sleep "$soak_s"
    for process in "${processes[@]}"; do
        read -r kb descriptors < <(needs "$process")
        for ((i = 0; i < 20 && (kb - memory[process] >= 1000 || descriptors > files[process]); i++)); do
            sleep 0.1
            read -r kb descriptors < <(needs "$process")
        done
        say "$ranks ranks, $(($(epochs) - begun)) epochs: ${memory[process]} → $kb KB, ${files[process]} → $descriptors descriptors"
        ((kb - memory[process] < 1000)) || fail 'memory grows'
        ((descriptors <= files[process])) || fail 'descriptors grow'
    done
    kill -USR1 "$job"
    await
    ((status == 3)) || fail "exit status $status instead of 3"
done
