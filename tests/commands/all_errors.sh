#!/usr/bin/env bash
# All that is wrong in an experiment or a sweep is said in one go: a line for each fault, with its place, in the order of
# the file, and how many there are. Every fault below is put into the good file alone, where its message is the only one,
# and then all of them together.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"

cat >"$work/good.yaml" <<EOF
seed: 2
name: good
data:
  file: $fashion_mnist
  memory: 1GB
  links: below
  train: {x: /train/x, y: {path: /train/y, scale: 1}, rows: [0, 40]}
  test: {x: /test/x, y: /test/y, rows: [0, 40]}
model:
  - flatten: {}
  - dense: {units: 8, activation: relu}
  - dropout: {rate: 0.5}
  - dense: {units: 8, kernel_initializer: {random_normal: {stddev: 0.1}}}
  - dense: {units: 10, activation: softmax}
compile:
  optimizer:
    sgd:
      learning_rate: 0.1
      momentum: 0.5
      nesterov: true
  loss: sparse_categorical_crossentropy
  metrics:
    - accuracy
    - sparse_top_k_categorical_accuracy: {k: 2}
fit:
  epochs: 1
  batch_size: 10
  microbatch: 5
  shuffle: true
  validation_data: test
  class_weight: {0: 1.0, 1: 2.0}
callbacks:
  - early_stopping: {patience: 3}
  - csv_logger: {filename: log.csv}
  - reduce_lr_on_plateau: {factor: 0.5}
distributed:
  reduction: exact
  timeout: 60
EOF

# SED | place and text of the message
faults=(
    's/^seed: 2/seed: two/|1:7: seed'
    "s/memory: 1GB/memory: many/|5:11: data.memory"
    's/links: below/links: above/|6:10: data.links'
    "s/scale: 1/scale: x/|7:51: scale"
    's/\[0, 40\]}$/[0, 40], rowz: 1}/;7s/, rowz: 1//|8:49: unknown key '"'rowz'"
    's/units: 8, activation: relu/units: 8, activation: rellu/|11:35: unknown activation'
    's/rate: 0.5/rate: 2/|12:21: '
    's/stddev: 0.1/stdev: 0.1/|13:60: unknown key '"'stdev'"
    's/dense: (.units: 10)/dence: \1/|14:5: unknown layer '"'dence'"
    's/learning_rate: 0.1/learning_rate: fast/|18:22: compile.optimizer.sgd.learning_rate'
    's/momentum: 0.5/momentum: 7/|19:17: compile.optimizer.sgd.momentum'
    's/nesterov: true/nestorov: true/|20:7: unknown key '"'nestorov'"
    's/loss: sparse_categorical_crossentropy/loss: sparse_kat/|21:9: unknown loss'
    's/- accuracy/- acuracy/|23:7: unknown metric'
    's/k: 2/k: 0/|24:46: compile.metrics'
    's/epochs: 1/epochs: 0/|26:11: fit.epochs'
    's/batch_size: 10/batch_size: ten/|27:15: fit.batch_size'
    's/microbatch: 5/microbatch: -5/|28:15: fit.microbatch'
    's/shuffle: true/shuffle: {window: 0}/|29:21: fit.shuffle.window'
    's/validation_data: test/validation_dta: test/|30:3: unknown key '"'validation_dta'"
    's/1: 2.0}/one: 2.0}/|31:26: fit.class_weight'
    's/patience: 3/patience: -3/|33:32: callbacks.early_stopping.patience'
    's/csv_logger/csv_loger/|34:5: unknown callback'
    's/factor: 0.5/factor: 1.5/|35:36: callbacks.reduce_lr_on_plateau.factor'
    's/reduction: exact/reduction: exakt/|37:14: distributed.reduction'
    's/timeout: 60/timeout: -1/|38:12: distributed.timeout'
)

# FILE RANKS N: the last command must have told of N faults in this file, each in a line of its own and none twice, in
# the order of the file, and of nothing else.
expect_faults() {
    local n
    grep "^$1:" "$work/err" >"$work/lines" || true
    n=$(wc -l <"$work/lines")
    ((n == $3)) || fail "$n lines begin with the file instead of $3"
    sort -t: -k2,2n -k3,3n -s "$work/lines" | cmp -s - "$work/lines" || fail "not in the order of the file"
    [[ -z $(sort "$work/lines" | uniq -d) ]] || fail "a line stands twice"
    ((status == 2)) || fail "exit status $status instead of 2"
    expect_message "lockstep: $3 errors"
    [[ $2 != 1 || $(wc -l <"$work/err") == $((n + 1)) ]] || fail "more is said than the faults"
}

all=()
for fault in "${faults[@]}"; do
    change=${fault%|*} want=${fault##*|}
    sed -E "$change" "$work/good.yaml" >"$work/one.yaml"
    ! cmp -s "$work/good.yaml" "$work/one.yaml" || fail "sed $change changes nothing"
    refuse 2 1 "one.yaml:$want" -- train "$work/one.yaml" --output "$work/never"
    all+=(-e "$change")
done
say "${#faults[@]} faults, one by one"

sed -E "${all[@]}" "$work/good.yaml" >"$work/all.yaml"
for ranks in 1 3; do
    for command in train verify; do
        options=(--output "$work/never")
        [[ $command == train ]] || options=(-n 1)
        [[ $command$ranks != verify3 ]] || continue
        run "$ranks" "$command" "$work/all.yaml" "${options[@]}"
        expect_faults "$work/all.yaml" "$ranks" ${#faults[@]}
        for fault in "${faults[@]}"; do
            grep -qF -- "all.yaml:${fault##*|}" "$work/lines" || fail "nothing is said of ${fault##*|}"
        done
    done
done
[[ ! -e $work/never ]] || fail "a refused experiment leaves a run directory"
say "and all together, on one rank and on three"

run 1 train "$work/good.yaml" --output "$work/never" --set fit.epoch=3 --set fit.epochs=x --set model.9.dense.units=3 --set =
((status == 2)) || fail "exit status $status instead of 2"
expect_message "2 errors"
run 1 train "$work/good.yaml" --output "$work/never" --set fit.epoch=3 --set fit.batch_size=x
expect_message "2 errors"
grep -q "^setting fit.epoch=3: unknown key 'epoch'" "$work/err" || fail "the first setting is not named"
grep -q "^setting fit.batch_size=x: " "$work/err" || fail "the second setting is not named"
say "settings, too"

# What only the data can tell: datasets that are not there, shapes, targets that are no classes, weights.
sed -E -e 's,/train/y,/train/z,' -e 's,x: /test/x,x: /test/q,' "$work/good.yaml" >"$work/data.yaml"
run 1 train "$work/data.yaml" --output "$work/never"
((status == 1)) || fail "exit status $status instead of 1"
expect_message "2 errors"
grep -q '/train/z' "$work/err" || fail "/train/z is not named"
grep -q '/test/q' "$work/err" || fail "/test/q is not named"
run 2 train "$work/good.yaml" --output "$work/never" --set 'callbacks=[{early_stopping: {monitor: val_los}}, {model_checkpoint: {filepath: a.h5, monitor: acc}}]'
expect_message "2 errors"
[[ $(grep -c 'monitor: there will be no' "$work/err") == 2 ]] || fail "not both monitors are named, once each"
run 1 train "$work/good.yaml" --output "$work/never" --set fit.epochs=0 --set 'callbacks=[{early_stopping: {monitor: val_los}}]'
expect_message "2 errors" # in the first round
grep -q 'monitor: there will be no' "$work/err" || fail "the monitor is not named beside other faults"
say "and what is found in the data"

cat >"$work/sweep.yaml" <<'EOF'
base: all.yaml
grids: 1
grid: {fit.batch_size: 32, fit.epochs: []}
seeds: [1, 1, y]
budget: {epoch: 3}
learning_rate: {search: {low: x, high: -1, trials: 1}}
target: {accuracy: 0.8}
evaluate: {growth: 0.5, first_samples: 0}
ranks_per_run: 0
keep: maybe
EOF
run 1 sweep "$work/sweep.yaml" --output "$work/never"
grep -c "^$work/sweep.yaml:" "$work/err" >"$work/lines" || true
for want in 2:1: 3:24: 3:40: 4:12: 4:15: 5:10: 7:10: 8:20: 8:40: 9:16: 10:7:; do
    grep -q "^$work/sweep.yaml:$want" "$work/err" || fail "nothing is said of sweep.yaml:$want"
done
[[ $(grep -c "^$work/all.yaml:" "$work/err") == "${#faults[@]}" ]] || fail "the experiment's own faults are missing"
expect_message errors
printf 'base: good.yaml\ngrid: {fit.batch_size: [1, x], fit.microbatch: [y, 2]}\n' >"$work/sweep.yaml"
run 2 sweep "$work/sweep.yaml" --output "$work/never"
expect_faults "$work/sweep.yaml" 2 2
say "sweeps: their own faults and their experiment's; one of a value is told once, however many combinations have it"
