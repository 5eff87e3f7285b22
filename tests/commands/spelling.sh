#!/usr/bin/env bash
# Experiments as people write them from memory mean what the long form says: the same weights, the same resolved file.
# Where a short form cannot be meant, the message says how it is written.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"

data="data: {file: $fashion_mnist, train: {x: /train/x, y: /train/y, rows: [0, 60]}}"
{
    echo "$data"
    cat <<'EOF'
seed: 1
model:
  - reshape: {target_shape: [28, 28, 1]}
  - {name: c, conv2d: {filters: 3, kernel_size: 5}}
  - activation: {activation: relu}
  - average_pooling2d: {pool_size: 2}
  - flatten
  - {name: h, dense: {units: 8, activation: tanh}}
  - dropout: {rate: 0.5}
  - dense: {units: 10}
compile:
  optimizer: {adam: {learning_rate: 0.01}}
  loss: {sparse_categorical_crossentropy: {from_logits: true}}
  metrics: [accuracy]
fit: {epochs: 2, batch_size: 20, microbatch: 5}
callbacks:
  - csv_logger: {filename: log.csv}
EOF
} >"$work/long.yaml"
{
    echo "$data"
    cat <<'EOF'
seed: 1
model:
  - reshape: [28, 28, 1]
  - {name: c, conv2d: [3, 5]}
  - activation: relu
  - average_pooling2d: {pool_size: 2}
  - flatten
  - {name: h, dense: {units: 8, activation: tanh}}
  - dropout: 0.5
  - dense: 10
optimizer: {adam: {lr: 0.01}}
loss: {sparse_categorical_crossentropy: {from_logits: true}}
metrics: [accuracy]
fit:
  epochs: 2
  batch_size: 20
  microbatch: 5
  callbacks:
    - csv_logger: {filename: log.csv}
EOF
} >"$work/short.yaml"

train 1 "$work/long" "$work/long.yaml"
train 3 "$work/short" "$work/short.yaml"
same "$work/long/fingerprint.txt" "$work/short/fingerprint.txt" "the short form"
same "$work/long/log.csv" "$work/short/log.csv" "the short form: the callback under fit"
train 1 "$work/again" "$work/short/experiment.yaml"
same "$work/long/fingerprint.txt" "$work/again/fingerprint.txt" "the resolved form"
train 2 "$work/short" "$work/long.yaml" --resume --set fit.epochs=3
train 1 "$work/long" "$work/long.yaml" --resume --set fit.epochs=3
same "$work/long/fingerprint.txt" "$work/short/fingerprint.txt" "the long form goes on from the short one"
train 1 "$work/set" "$work/short.yaml" --set compile.optimizer.learning_rate=0.02
train 1 "$work/set2" "$work/long.yaml" --set compile.optimizer.adam.learning_rate=0.02
same "$work/set/fingerprint.txt" "$work/set2/fingerprint.txt" "a setting of the short form"
succeed 1 summary "$work/short.yaml"
say "the short form is the long one"

# LINE | TEXT: put in the place of the last layer, or at the end, refused with that text.
while IFS='|' read -r line text; do
    if [[ $line == '  - '* ]]; then
        awk -v line="$line" '/^  - dense: 10$/ { print line; next } { print }' "$work/short.yaml" >"$work/wrong.yaml"
    else
        { cat "$work/short.yaml" && echo "$line"; } >"$work/wrong.yaml"
    fi
    for ranks in 1 2; do
        refuse 2 $ranks "wrong.yaml:" "$text" -- train "$work/wrong.yaml" --output "$work/never"
    done
done <<'EOF'
  - dense: many|units must be an integer
  - dense: [10, relu]|write - dense: {units: ..., activation: ...}
  - dense: 0|units must be an integer from 1
  - dropout: 1.5|rate must be a finite number from 0 to 1
  - activation: rellu|did you mean 'relu'
  - reshape: [28, x]|target_shape must be an integer
  - dence: 10|did you mean 'dense'
  - flatten: [channels_last, 2]|write - flatten: {data_format: ...}
  - max_pooling2d: 2|write - max_pooling2d: {pool_size: ...
compile: {optimizer: sgd}|'optimizer' stands at the top and in compile, too
compile: {loss: mse}|'loss' stands at the top and in compile, too
compile: {metrics: []}|'metrics' stands at the top and in compile, too
callbacks: []|'callbacks' stands at the top and in fit, too
EOF
sed 's/lr: 0.01/lr: 0.01, learning_rate: 0.1/' "$work/short.yaml" >"$work/wrong.yaml"
refuse 2 1 'wrong.yaml:' 'lr and learning_rate are the same' -- train "$work/wrong.yaml" --output "$work/never"
say "what cannot be meant is refused, with the words to write"

awk 'BEGIN { print "a,b,y"; for (i = 0; i < 60; i++) print i % 7 "," i % 5 "," i % 2 }' >"$work/t.csv"
succeed 1 import csv "$work/t.csv" --array x=a,b --array y=y --split train=0.5 --split valid=0.25 --split test=0.25 --output "$work/t.h5"
succeed 1 import csv "$work/t.csv" --array x_train=a,b --array y_train=y --split all=1 --output "$work/other.h5"
rest="model: [{dense: 2}]
loss: {sparse_categorical_crossentropy: {from_logits: true}}"
write() {
    printf '%s\n%s\n%s\n' "$1" "$rest" "${3-}" >"$work/$2.yaml"
}
write 'data: {file: t.h5, train: {x: /train/x, y: /train/y}, valid: {x: /valid/x, y: /valid/y}, test: {x: /test/x, y: /test/y}}' \
    named 'fit: {validation_data: valid}'
write 'data: t.h5' found
write 'data: {file: t.h5, memory: 1GB}' limited 'fit: {epochs: 1}'
write 'data: t.h5' without 'fit: {validation_split: 0.1}'
train 1 "$work/named" "$work/named.yaml"
grep '^test loss' "$work/out" >"$work/test.loss"
for name in found limited; do
    train 2 "$work/$name" "$work/$name.yaml"
    same "$work/named/history.csv" "$work/$name/history.csv" "data of a file alone: $name"
    same "$work/named/fingerprint.txt" "$work/$name/fingerprint.txt" "data of a file alone: $name"
    grep '^test loss' "$work/out" | cmp - "$work/test.loss" || fail "another test loss: $name"
done
succeed 1 train "$work/without.yaml" --output "$work/without"
write 'data: other.h5' wrong
refuse 2 2 'wrong.yaml:1:7' 'has no /train/x' '/all/x_train, /all/y_train' \
    'write data: {file: other.h5, train: {x: /all/x_train, y: /all/y_train}}' -- train "$work/wrong.yaml" --output "$work/never"
write 'data: nowhere.h5' wrong
refuse 1 1 'wrong.yaml:1:7' 'nowhere.h5' -- train "$work/wrong.yaml" --output "$work/never"
write 'data: [t.h5]' wrong
refuse 2 1 'wrong.yaml:1:7' 'data must be' -- train "$work/wrong.yaml" --output "$work/never"
say "data of a file alone: its splits are found"

printf 'base: %s.yaml\ngrid: {compile.optimizer.adam.learning_rate: [0.01, 0.02]}\n' short >"$work/sweep.yaml"
succeed 1 sweep "$work/sweep.yaml" --output "$work/sweep"
cp "$work/sweep/trials.csv" "$work/short.csv"
sed -i 's/short/long/' "$work/sweep.yaml"
rm -r "$work/sweep"
succeed 2 sweep "$work/sweep.yaml" --output "$work/sweep"
[[ $(grep -oE '\b[0-9a-f]{32}\b' "$work/short.csv") == $(grep -oE '\b[0-9a-f]{32}\b' "$work/sweep/trials.csv") ]] ||
    fail "a sweep of the short form ends elsewhere"
say "and so it is in sweeps"
