#!/usr/bin/env bash
# A run that goes on in another way, where that can be meant: another learning rate, more epochs, other callbacks. It is
# said, it stands in run.json and in the checkpoint, and the result is the same on any number of ranks. Without a change
# not a bit differs; what would change the meaning of work that is done is refused.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"

cat >"$work/e.yaml" <<EOF
seed: 3
data:
  file: $fashion_mnist
  train: {x: /train/x, y: /train/y, rows: [0, 200]}
  test: {x: /test/x, y: /test/y, rows: [0, 50]}
model: [flatten: {}, dense: {units: 4}, batch_normalization: {}, dense: {units: 10}]
compile:
  optimizer: {sgd: {learning_rate: 0.1, momentum: 0.9}}
  loss: {sparse_categorical_crossentropy: {from_logits: true}}
  metrics: [accuracy]
fit: {batch_size: 20, microbatch: 5, epochs: 6, validation_data: test}
callbacks:
  - early_stopping: {patience: 50, restore_best_weights: true}
  - csv_logger: {filename: log.csv}
EOF
rate=compile.optimizer.learning_rate

# RANKS DIR SETTING...: goes on with a copy of the run of two epochs.
go_on() {
    local ranks=$1 dir=$2 settings=()
    shift 2
    for setting in "$@"; do settings+=(--set "$setting"); done
    rm -rf "$dir"
    cp -r "$work/two" "$dir"
    train "$ranks" "$dir" "$work/e.yaml" --resume ${settings[@]+"${settings[@]}"}
}

# DIR TEXT...: run.json must hold them.
expect_facts() {
    local text
    for text in "${@:2}"; do
        grep -qF -- "$text" "$1/run.json" || fail "run.json of $1 does not say '$text'"
    done
}

# TEXT...: a warning of the last command must hold them.
expect_warning() {
    local text
    for text in "$@"; do
        grep '^lockstep: warning: ' "$work/err" | grep -qF -- "$text" || fail "no warning says '$text'"
    done
}

train 1 "$work/whole" "$work/e.yaml"
train 2 "$work/two" "$work/e.yaml" --set fit.epochs=2
go_on 1 "$work/same"
same_run "$work/whole" "$work/same" "nothing changed but the epochs"
same "$work/whole/log.csv" "$work/same/log.csv" "nothing changed but the epochs: log.csv"
expect_facts "$work/same" '"changes": [{"update": 20, "key": "fit.epochs", "from": "2", "to": "6"}]'
! grep -q warning "$work/err" || fail "more epochs are worth a warning"
go_on 3 "$work/written" 'compile.optimizer={SGD: {momentum: 0.9, learning_rate: 0.1}}'
same "$work/whole/fingerprint.txt" "$work/written/fingerprint.txt" "the same optimizer in other words"
say "no change, no other bit"

for ranks in 1 3; do
    go_on $ranks "$work/slow$ranks" $rate=0.02
    expect_warning "after update 20 $rate is 0.02, it was 0.1"
    expect_facts "$work/slow$ranks" "{\"update\": 20, \"key\": \"$rate\", \"from\": \"0.1\", \"to\": \"0.02\"}"
done
same_run "$work/slow1" "$work/slow3" "another learning rate on 1 and on 3 ranks"
! cmp -s "$work/whole/fingerprint.txt" "$work/slow1/fingerprint.txt" || fail "the learning rate changes no weight"
h5dump -a /lockstep/changes "$work/slow1/checkpoint.h5" | grep -q learning_rate || fail "the checkpoint does not say it"
! h5dump -a /lockstep/changes "$work/whole/checkpoint.h5" >/dev/null 2>&1 || fail "a run without changes lists some"
h5dump -a /lockstep/learning_rate "$work/slow1/checkpoint.h5" | grep -q 0.02 || fail "the rate in the checkpoint is another"
# The same file again: that is no further change, and the list is kept. A second change is added to it.
train 2 "$work/slow1" "$work/e.yaml" --resume --set $rate=0.02 --set fit.epochs=7
expect_facts "$work/slow1" "\"update\": 20, \"key\": \"$rate\"" '"update": 60, "key": "fit.epochs"'
train 1 "$work/slow1" "$work/e.yaml" --resume --set $rate=0.01 --set fit.epochs=8
expect_facts "$work/slow1" "\"update\": 20, \"key\": \"$rate\"" "\"update\": 70, \"key\": \"$rate\", \"from\": \"0.02\", \"to\": \"0.01\""
go_on 2 "$work/schedule" "$rate={exponential_decay: {initial_learning_rate: 0.05, decay_steps: 10, decay_rate: 0.5}}"
expect_warning 'exponential_decay'
say "another learning rate, or a schedule"

# Where nothing of the state is lost, a change is the change alone: by hand, from the two epochs on.
go_on 1 "$work/more" 'callbacks=[early_stopping: {patience: 50, restore_best_weights: true}, csv_logger: {filename: log.csv}, terminate_on_nan]'
same "$work/whole/fingerprint.txt" "$work/more/fingerprint.txt" "a callback more"
same "$work/whole/log.csv" "$work/more/log.csv" "a callback more: log.csv"
expect_warning 'after update 20 callbacks is'
go_on 2 "$work/turned" 'callbacks=[csv_logger: {filename: log.csv}, early_stopping: {patience: 50, restore_best_weights: true}]'
same "$work/whole/fingerprint.txt" "$work/turned/fingerprint.txt" "callbacks in another order"
same "$work/whole/log.csv" "$work/turned/log.csv" "callbacks in another order: log.csv"
for ranks in 1 2; do
    go_on $ranks "$work/none$ranks" 'callbacks=[]'
    [[ $(wc -l <"$work/none$ranks/log.csv") == 3 ]] || fail "the log of a callback that is gone is not what it was"
done
same_run "$work/none1" "$work/none2" "without callbacks"
train 1 "$work/none1" "$work/e.yaml" --resume --set fit.epochs=7
[[ $(wc -l <"$work/none1/log.csv") == 4 ]] || fail "a log that comes back does not go on"
for ranks in 1 3; do
    go_on $ranks "$work/plateau$ranks" 'callbacks=[reduce_lr_on_plateau: {patience: 0, min_delta: 10}]'
    head -n 1 "$work/plateau$ranks/history.csv" | grep -q learning_rate || fail "the new log has no column"
done
same_run "$work/plateau1" "$work/plateau3" "a callback that changes the rate"
same "$work/plateau1/history.csv" "$work/plateau3/history.csv" "and its history"
sed -n 2p "$work/plateau1/history.csv" | grep -q ',NA,' || fail "epochs before have a rate"
train 2 "$work/plateau1" "$work/e.yaml" --resume --set 'callbacks=[]' --set fit.epochs=7
tail -n 1 "$work/plateau1/history.csv" | grep -q ',NA,' || fail "the column is not kept"
# The state of a callback that was changed goes on where it can: here it would stop at once from what it remembers.
train 1 "$work/stopped" "$work/e.yaml" --set 'callbacks=[early_stopping: {patience: 1, min_delta: 10}]'
[[ $(wc -l <"$work/stopped/history.csv") == 3 ]] || fail "the run did not stop after two epochs"
train 1 "$work/stopped" "$work/e.yaml" --resume --set 'callbacks=[early_stopping: {patience: 4, min_delta: 10}]'
[[ $(wc -l <"$work/stopped/history.csv") == 6 ]] || fail "patience does not count on: $(wc -l <"$work/stopped/history.csv")"
say "callbacks more, less, turned around and changed"

# TEXT... -- SETTING...: refused on 1 and on 2 ranks, with nothing touched.
refuse_change() {
    local texts=() before
    while [[ $1 != -- ]]; do texts+=("$1"); shift; done
    before=$(state_of "$work/two")
    for ranks in 1 2; do
        refuse 1 $ranks "$work/two/checkpoint.h5" "${texts[@]}" -- train "$work/e.yaml" --output "$work/two" --resume --set "$2" --set $rate=0.05
    done
    [[ $(state_of "$work/two") == "$before" ]] || fail "a refused run touched the directory"
}
refuse_change 'batch_size: 20' 'batch_size: 10' -- fit.batch_size=10
refuse_change 'seed: 3' 'seed: 4' -- seed=4
refuse_change 'momentum: 0.9' 'momentum: 0.8' -- compile.optimizer.momentum=0.8
refuse_change 'units: 4' 'units: 5' -- model.1.dense.units=5
refuse_change 'training data' -- 'data.train.rows=[0, 180]'
refuse_change 'validation data' -- 'data.test.rows=[0, 40]'
refuse_change 'sgd' 'adam' -- compile.optimizer=adam
head -c $(($(stat -c %s "$work/two/checkpoint.h5") - seal_bytes)) "$work/two/checkpoint.h5" >"$work/unsealed"
cp "$work/unsealed" "$work/two/checkpoint.h5"
refuse_change 'no checksum' -- 'callbacks=[]'
say "and what makes another run is refused"
