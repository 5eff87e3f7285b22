#!/usr/bin/env bash
# Ranks that take turns on one core are named, once, with what to do; a silent run says nothing.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"
cd "$work"
export OMPI_MCA_hwloc_base_binding_policy=none

cat >run.yaml <<END
data: {file: $fashion_mnist, train: {x: /train/x, y: /train/y, rows: [0, 2000]}}
model:
  - flatten: {}
  - dense: {units: 10, activation: softmax}
compile: {optimizer: sgd, loss: sparse_categorical_crossentropy}
fit: {epochs: 1000000, batch_size: 20, microbatch: 10}
END

expects_advice=1
first=$(taskset -cp $$ | sed 's/.*: //; s/[,-].*//')
named() {
    grep -q 'between them' "$work/err"
}
trained_for() { # EPOCHS
    [[ -e $1/history.csv && $(wc -l <"$1/history.csv") -gt $2 ]]
}

say 'two ranks on one core'
start_command taskset -c "$first" mpirun -n 2 "$lockstep" train "$work/run.yaml" --output "$work/run"
wait_until named
has=$(wc -l <run/history.csv)
wait_until trained_for run $((has + 1)) # and not again
kill -TERM "$(ranks_of | head -n 1)"
await
grep -q "^lockstep: warning: 2 ranks on .* have 1 core between them and take turns: they waited for [0-9]* % of the time; " err ||
    fail 'the line is another'
[[ $(grep -c 'between them' err) == 1 ]] || fail 'it is said more than once'
