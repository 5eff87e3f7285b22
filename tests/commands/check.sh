#!/usr/bin/env bash
# What `check` says before anything is trained: all errors at once, shapes, parameters, updates, who shares a batch,
# memory, time; of a sweep its trials. It writes nothing. Who trains a sweep or sweeps an experiment is told what it is.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"
cd "$work"

# TEXT...: each stands in the output of the last command.
says() {
    local text
    for text in "$@"; do
        grep -qF -- "$text" out || fail "it does not say '$text'"
    done
}

cat >e.yaml <<END
data:
  file: $fashion_mnist
  train: {x: /train/x, y: /train/y, rows: [10, 1010]}
  test: {x: /test/x, y: /test/y, rows: [0, 300]}
model: [flatten, {dense: {units: 8, activation: relu}}, {dense: {units: 10, activation: softmax}}]
compile: {optimizer: adam, loss: sparse_categorical_crossentropy, metrics: [accuracy]}
fit: {epochs: 3, batch_size: 64, microbatch: 16, validation_split: 0.2}
output: never
END
say 'an experiment'
before=$(ls)
succeed 1 check e.yaml -n 64
# 784 * 8 + 8 + 8 * 10 + 10 weights, 1000 - 200 samples to train on
says 'Total params: 6,370' 'dense_1 (Dense)' '(None, 10)' '800 samples of ' '200 samples of ' '300 samples of ' \
    '13 in an epoch, 39 in 3 epochs' '64 samples over all ranks, in 4 microbatches of 16: 4 ranks can share it' \
    '64: 60 of them would have nothing to do; a batch_size of 1024' 'a rank about ' ' an update on 1 rank here' \
    'on 64 ranks at best ' 'to validate and test' 'No error was found.'
grep -qE 'a node 1\.02 MB of data once' out || fail 'bytes of the data' # 1300 x (784 + 1)
succeed 3 check e.yaml --set fit.batch_size=50
says '3: each has at most 2 of the 4 microbatches, some one less' '16 in an epoch, 48 in 3 epochs' ' an update on 3 ranks here'
succeed 1 check e.yaml --set fit.steps_per_epoch=5 --set fit.initial_epoch=1
says '5 in an epoch, 10 in 2 epochs'
[[ $(ls | grep -v '^\(out\|err\)$') == "$before" ]] || fail 'it writes something'

say 'errors, all at once'
sed 's/adam/adamm/; s/units: 8/unitz: 8/; s/accuracy\]/acuracy]/' e.yaml >wrong.yaml
for ranks in 1 2; do
    refuse 2 $ranks '3 errors' -- check wrong.yaml
    for text in adamm unitz acuracy; do
        grep -q "^wrong.yaml:.*$text" err || fail "nothing of $text"
    done
done
sed 's,/train/y,/train/z,; s,/test/x,/test/q,' e.yaml >wrong.yaml
refuse 1 1 '2 errors' -- check wrong.yaml
sed 's/units: 10/units: 9/' e.yaml >wrong.yaml
refuse 1 1 'class' -- check wrong.yaml
refuse 2 1 'nowhere.yaml' -- check nowhere.yaml
refuse 2 1 '-n must be' -- check e.yaml -n 0
refuse 2 1 'SWEEP.yaml' -- check

say 'a sweep'
cat >s.yaml <<'END'
base: e.yaml
grid: {fit.batch_size: [50, 100]}
seeds: [1, 2]
learning_rate: {search: {low: 0.001, high: 0.1, trials: 3, refine: 0, widen: 0}}
budget: {updates: 7}
END
for ranks in 1 2; do
    succeed $ranks check s.yaml
    says '2 combinations of e.yaml, 4 trials each at most; measured is ' '  1  fit.batch_size=50: 7 updates of ' \
        '  2  fit.batch_size=100: 7 updates of ' "to train on $ranks rank"
done
sed -i 's/fit.batch_size: .50, 100./fit.batch_size: [50, x], fit.epochz: [1]/' s.yaml
refuse 2 1 'errors' -- check s.yaml
refuse 2 1 '-n is for an experiment' -- check s.yaml -n 3

say 'one for the other'
refuse 2 2 's.yaml:1:1' "this is a sweep: lockstep sweep" -- train s.yaml --output never
refuse 2 1 'e.yaml:5:1' "an experiment: lockstep train" 'base: e.yaml' -- sweep e.yaml --output never
refuse 2 1 's.yaml:1:1' 'this is a sweep' -- verify s.yaml
[[ ! -e never ]] || fail 'a refused command leaves a directory'
