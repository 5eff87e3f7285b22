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
is_past() { # EPOCHS
    (($(epochs) >= $1))
}

# Sets memory[PROCESS] and files[PROCESS] to the most that it has needed until now and needs in so many seconds, and in 300
# epochs at least: a checkpoint has its memory for a moment, and its file.
watch() {
    local process kb descriptors end=$((SECONDS + $1)) last=$(($(epochs) + 300))
    until ((SECONDS >= end)) && is_past $last; do
        kill -0 "${processes[0]}" 2>/dev/null || fail 'it is not running any more'
        for process in "${processes[@]}"; do
            read -r kb descriptors < <(needs "$process")
            ((kb <= ${memory[process]-0})) || memory[process]=$kb
            ((descriptors <= ${files[process]-0})) || files[process]=$descriptors
        done
        sleep 0.1
    done
}

for ranks in 1 2; do
    memory=() files=()
    rm -rf "$work/run"
    start $ranks train "$work/experiment.yaml" --output "$work/run" --verbose 0
    wait_until is_past 100 # some checkpoints were written, too
    mapfile -t processes < <(ranks_of "$work/run")
    ((${#processes[@]} == ranks)) || fail "${#processes[@]} ranks"
    watch 1
    # Where threads meet, the heap may still gain a piece that stays and is used again: once or twice, but not in each of
    # five parts that are as long. What is never given back grows in all of them.
    for part in 1 2 3 4 5; do
        memory_before=() files_before=() grown='' begun=$(epochs)
        for process in "${processes[@]}"; do
            memory_before[process]=${memory[process]} files_before[process]=${files[process]}
        done
        watch "$soak_s"
        for process in "${processes[@]}"; do
            say "$ranks ranks, part $part of $(($(epochs) - begun)) epochs: ${memory_before[process]} → ${memory[process]} KB," \
                "${files_before[process]} → ${files[process]} descriptors"
            ((memory[process] - memory_before[process] < 1000)) || grown=memory
            ((files[process] <= files_before[process])) || grown=descriptors
        done
        [[ -n $grown ]] && ((soak_s < 60)) || break # hours hold five parts by themselves
    done
    [[ -z $grown ]] || fail "$grown: more and more"
    kill -USR1 "$job"
    await
    ((status == 3)) || fail "exit status $status instead of 3"
done
