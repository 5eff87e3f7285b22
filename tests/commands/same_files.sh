#!/usr/bin/env bash
# The same files, byte for byte, whatever the number of ranks, the allreduce and the size of buckets: trained models,
# checkpoints, histories, predictions, and what evaluate prints.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"

# The last batch is short (50 samples), and so is its last microbatch (2): 100 = 6 * 16 + 4, 50 = 3 * 16 + 2. With
# buckets of 1, 64 and 4096 KiB the gradients travel in about a hundred pieces, in a few, and in one.
experiment() {
    cat <<EOF
name: same-files
seed: 11
data:
  file: $fashion_mnist
  train: {x: /train/x, y: /train/y, rows: [0, 1550]}
  test: {x: /test/x, y: /test/y, rows: [0, 505]}
model:
  - flatten: {}
  - dense: {units: ${2:-32}, activation: relu}
  - batch_normalization: {}
  - dropout: {rate: 0.2}
  - dense: {units: 10, activation: softmax}
compile:
  optimizer: $1
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
fit: {epochs: 2, batch_size: 100, microbatch: 16, validation_data: test}
EOF
}

# FILE: run.json without what may differ: the time, the ranks, the hosts they were on, how they add up, the seconds.
without_circumstances() {
    sed -E 's/"finished": "[0-9TZ:-]+"//; s/"hosts": \[[^]]*\]//; s/"ranks": [0-9]+//; s/"seconds": [0-9.e+-]+//; s/"allreduce": "[^"]*"//' "$1"
}

# OPTIMIZER RANKS ALLREDUCE BUCKET_KIB: trains, and compares with one rank's run with defaults, in $work/OPTIMIZER/1.
compare() {
    local dir=$work/$1/$2-$3-$4 reference=$work/$1/1 what="$1, $2 ranks, $3, buckets of $4 KiB"

    train "$2" "$dir" "$work/$1.yaml" --set distributed.allreduce="$3" --set distributed.bucket_kib="$4"
    same_run "$reference" "$dir" "$what"
    grep -q "\"ranks\": $2," "$dir/run.json" || fail "$what: run.json does not say $2 ranks"
    [[ $(without_circumstances "$dir/run.json") == $(without_circumstances "$reference/run.json") ]] ||
        fail "$what: run.json differs in more than time, ranks, hosts, allreduce and seconds: $(cat "$dir/run.json")" \
            "against $(cat "$reference/run.json")"
    [[ -e $work/$1/$3-$4.yaml ]] || cp "$dir/experiment.yaml" "$work/$1/$3-$4.yaml"
    same "$work/$1/$3-$4.yaml" "$dir/experiment.yaml" "$what: experiment.yaml"
    rm -r "$dir"
}

for optimizer in '{sgd: {learning_rate: 0.05, momentum: 0.9, nesterov: true}}' '{rmsprop: {centered: true}}' adam; do
    name=$(tr -d '{' <<<"${optimizer%%:*}")
    mkdir "$work/$name"
    experiment "$optimizer" >"$work/$name.yaml"
    train 1 "$work/$name/1" "$work/$name.yaml"
    say "$name: one rank gives $(cat "$work/$name/1/fingerprint.txt")"
done
# run.json against the history, whose validation is the test split: columns epoch, accuracy, loss, val_accuracy, val_loss.
for name in sgd rmsprop adam; do
    want=$(tr -d '\r' <"$work/$name/1/history.csv" | awk -F, 'NR > 1 && (!best || $5 < least) { best = NR - 1; least = $5 }
        END { printf "\"best\": {\"epoch\": %d, \"monitor\": \"val_loss\", \"value\": %s}, ", best, least
              printf "\"test\": {\"loss\": %s, \"accuracy\": %s}", $5, $4 }')
    grep -qF "$want" "$work/$name/1/run.json" || fail "$name: run.json has no $want"
done
[[ $(cat "$work"/{sgd,rmsprop,adam}/1/fingerprint.txt | sort -u | wc -l) == 3 ]] ||
    fail "three optimizers do not give three fingerprints"

say "adam: every number of ranks, allreduce and bucket size"
for ranks in 1 2 3 4 7; do
    for allreduce in ring mpi; do
        for bucket_kib in 1 64 4096; do
            compare adam "$ranks" "$allreduce" "$bucket_kib"
        done
    done
done

say "a layer that is summed in two parts: the first is under way before the second is there"
mkdir "$work/wide"
experiment sgd 200 >"$work/wide.yaml"
train 1 "$work/wide/1" "$work/wide.yaml"
compare wide 2 ring 64
compare wide 3 ring 1

# All pairs of ranks and bucket size, of allreduce and bucket size; the sets above are whole.
say "sgd and rmsprop: all pairs of settings"
turn=0
for name in sgd rmsprop; do
    for ranks in 2 3 4 7; do
        for bucket_kib in 1 64 4096; do
            allreduce=(ring mpi)
            compare "$name" "$ranks" "${allreduce[turn++ % 2]}" "$bucket_kib"
        done
    done
done

say "evaluate and predict"
model=$work/adam/1/model.h5
for options in '' '--batch-size 37'; do
    for ranks in 1 2 3; do
        # shellcheck disable=SC2086
        succeed "$ranks" evaluate "$model" --data "$fashion_mnist" $options
        grep -q '^accuracy: 0\.[0-9]*$' "$work/out" || fail "evaluate does not print the accuracy"
        [[ -e $work/evaluate.txt ]] || cp "$work/out" "$work/evaluate.txt"
        same "$work/evaluate.txt" "$work/out" "evaluate $options on $ranks ranks"
        # shellcheck disable=SC2086
        succeed "$ranks" predict "$model" --data "$fashion_mnist" --output "$work/predictions-$ranks.h5" $options
        grep -q '^505 predictions ' "$work/out" || fail "predict does not say 505 predictions"
        same "$work/predictions-1.h5" "$work/predictions-$ranks.h5" "predictions of $ranks ranks"
    done
    [[ -n $options ]] || validated=$(cat "$work/evaluate.txt")
    rm "$work/evaluate.txt" "$work"/predictions-*.h5
done
# Training saw the same numbers after its last epoch: columns epoch, accuracy, loss, val_accuracy, val_loss.
history=$(tail -n 1 "$work/adam/1/history.csv" | tr -d '\r' | awk -F, '{printf "loss: %.9g\naccuracy: %.9g", $5, $4}')
[[ $validated == "$history" ]] || fail "evaluate says '$validated', but history.csv '$history'"
say "all the same"
