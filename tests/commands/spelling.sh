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

# What people who come from Keras write: SED | what the message says to write instead.
cat >"$work/plain.yaml" <<EOF
$data
model:
  - flatten
  - dense: 10
optimizer: adam
loss: mse
metrics: [mae]
fit: {epochs: 2, batch_size: 16}
EOF
while IFS='|' read -r change text; do
    sed -E "$change" "$work/plain.yaml" >"$work/wrong.yaml"
    ! cmp -s "$work/plain.yaml" "$work/wrong.yaml" || fail "sed $change changes nothing"
    run 1 train "$work/wrong.yaml" --output "$work/never"
    ((status == 1 || status == 2)) || fail "$change: exit status $status"
    grep -qF -- "$text" "$work/err" || fail "$change: nothing says '$text'"
done <<'EOF'
s/- dense: 10/- dense(10)/|write - dense: {units: 10}
s/- dense: 10/- Dense(10, activation="softmax")/|write - dense: {units: 10, activation: "softmax"}
s/- dense: 10/- dense 10/|write - dense: {units: 10}
s/- dense: 10/- dense: {unit: 10}/|did you mean 'units'
s/- dense: 10/- dense: units=10/|units must be an integer
s/- dense: 10/- dense: {units: 10, activation: Relu}/|did you mean 'relu'
s/- dense: 10/- dense: {units: 10, input_shape: [28, 28]}/|write - input: {shape: [28, 28]}
s/- dense: 10/- dense: {units: 10, input_dim: 784}/|write - input: {shape: [784]}
s/- dense: 10/- {type: dense, units: 10}/|write - dense: {units: ...}
s/- dense: 10/- layer: dense/|write - dense: {units: ...}
s/- dense: 10/- fc: 10/|did you mean 'dense'
s/- dense: 10/- batchnorm/|did you mean 'batch_normalization'
s/- dense: 10/- maxpool2d/|did you mean 'max_pooling2d'
s/- dense: 10/- dropout/|needs 'rate'
s/optimizer: adam/optimizer: Adam(0.001, beta_1=0.8)/|write {adam: {learning_rate: 0.001, beta_1: 0.8}}
s/optimizer: adam/optimizer: {name: adam, learning_rate: 0.01}/|write optimizer: {adam: {learning_rate: 0.01}}
s/optimizer: adam/optimizer: {adam: 0.01}/|write optimizer: {adam: {learning_rate: 0.01}}
s/optimizer: adam/learning_rate: 0.01/|write optimizer: {rmsprop: {learning_rate: 0.01}}
s/optimizer: adam/optimizer: adam_optimizer/|did you mean 'adam'
s/optimizer: adam/optimizer: radam/|adam does with a warm-up
s/loss: mse/loss: cross_entropy/|say which: binary_crossentropy
s/loss: mse/loss: hinge_loss/|did you mean 'hinge'
s/loss: mse/loss: categorical_cross_entropy/|did you mean 'categorical_crossentropy'
s/metrics: .mae./metrics: accuracy, mae/|write [accuracy, mae]
s/metrics: .mae./metrics: [f1]/|did you mean 'f1_score'
s/fit: .*/epochs: 2/|write fit: {epochs: 2}
s/fit: .*/train: {epochs: 2}/|write fit: {epochs: 2}
s/fit: .*/fit: {batchsize: 16}/|did you mean 'batch_size'
s/fit: .*/fit: {callbacks: early_stopping}/|write callbacks: [early_stopping]
s/fit: .*/fit: {callbacks: [EarlyStopping(patience=3)]}/|write {early_stopping: {patience: 3}}
s/fit: .*/fit: {validation_data: [x_val, y_val]}/|write validation_data: test
s/fit: .*/fit: {validation_data: validation}/|there is train
s/fit: .*/fit: {validation_split: 20}/|write validation_split: 0.2
s/fit: .*/fit: {verbose: 1}/|write lockstep train --verbose 2
s/fit: .*/fit: {x: x_train}/|write data: {file: FILE.h5, train: {x: /train/x, y: /train/y}}
s/fit: .*/fit: {lr: 0.1}/|write optimizer: {adam: {learning_rate: 0.1}}
s/fit: .*/fit: {epochs: 1e2}/|write 100
s/fit: .*/fit: {shuffle: 100}/|write shuffle: true
s/data: .*/data: {train: d.h5}/|write train: {file: d.h5, x: /x, y: /y}
s/data: .*/data: {path: d.h5}/|write data: {file: d.h5}
s/data: .*/data: {file: d.h5, x: a, y: b}/|write train: {x: a, y: b}
s/data: .*/dataset: d.h5/|did you mean 'data'
s/data: .*/data: wrong.yaml/|wrong.yaml:1:7
s/model:/layers:/|write model:
s/optimizer: adam/device: gpu/|mpirun -n 4 lockstep train
EOF
say "what is written from memory is answered with the line as it should read"
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
