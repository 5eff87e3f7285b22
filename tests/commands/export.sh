#!/usr/bin/env bash
# Files for Keras: the same bytes after 1, 2 and 3 ranks, from `export` on any number of ranks and from the callback
# model_checkpoint; what cannot be exported is refused, and an existing file stays.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"

# Every kind of slot; two updates an epoch and three steps an update, so that epochs end within an accumulation.
cat >"$work/export.yaml" <<EOF
seed: 9
data:
  file: $fashion_mnist
  train: {x: /train/x, y: /train/y, rows: [0, 80]}
  test: {x: /test/x, y: /test/y, rows: [0, 40]}
model:
  - flatten: {}
  - dense: {units: 16, activation: relu}
  - batch_normalization: {}
  - dense: {units: 10, activation: softmax}
compile:
  optimizer: {adam: {amsgrad: true, use_ema: true, gradient_accumulation_steps: 3}}
  loss: sparse_categorical_crossentropy
  metrics: [accuracy, {accuracy: {name: hits}}]
fit: {epochs: 2, batch_size: 40, microbatch: 8, validation_data: test}
callbacks:
  - reduce_lr_on_plateau: {monitor: loss, patience: 1, min_delta: 1000}
  - model_checkpoint: {filepath: e.h5}
  - model_checkpoint: {filepath: e.keras}
  - model_checkpoint: {filepath: e.weights.h5, save_weights_only: true}
EOF

# DIR: exports DIR/e.h5, which the callback wrote beside the other two, and compares.
exports() {
    local ranks kind
    for ranks in 1 3; do
        for kind in keras weights.h5; do
            succeed "$ranks" export "$1/e.h5" --output "$1/again.$kind"
            [[ $(cat "$work/out") == "$1/again.$kind" ]] || fail "export does not say what it wrote"
            same "$1/e.$kind" "$1/again.$kind" "export on $ranks ranks and the callback, $kind"
            rm "$1/again.$kind"
        done
    done
}

for ranks in 1 2 3; do
    say "$ranks ranks"
    train "$ranks" "$work/$ranks" "$work/export.yaml"
    exports "$work/$ranks"
    for kind in h5 keras weights.h5; do
        same "$work/1/e.$kind" "$work/$ranks/e.$kind" "$kind of $ranks ranks"
    done
done

say "what is in them"
succeed 1 export "$work/1/model.h5" --output "$work/model.keras"
for text in metadata.json config.json model.weights.h5 '"date_saved": "1980-01-01@00:00:00"' \
    '"module": "keras.optimizers", "class_name": "Adam"' '"gradient_accumulation_steps": 3' '"metrics": ["accuracy", ' \
    '"class_name": "SparseCategoricalAccuracy", "config": {"name": "hits"}'; do
    grep -qaF -- "$text" "$work/model.keras" || fail "model.keras does not hold '$text'"
done
[[ $(h5dump -d /optimizer/vars/0 "$work/1/e.weights.h5" | grep -A1 'DATA {') == *'(0): 4'* ]] ||
    fail "four steps were made, but the iteration is another"
[[ $(h5dump -d /optimizer/vars/1 "$work/1/e.weights.h5" | grep -A1 'DATA {') == *'(0): 0.0001'* ]] ||
    fail "the callback cut the rate by ten, but the file has another"
# iteration, rate; average, accumulator, momentum, velocity and the largest velocity of six weights
[[ $(h5dump -n "$work/1/e.weights.h5" | grep -c '/optimizer/vars/[0-9]') == 32 ]] || fail "not 32 variables"
succeed 1 export "$work/1/model.h5" --output "$work/legacy.h5"
[[ $(h5dump -n "$work/legacy.h5" | grep -c '^ *group  */lockstep$') == 0 ]] || fail "the legacy file has lockstep's own group"
for file in legacy.h5 model.keras; do
    succeed 1 compare "$work/1/model.h5" "$work/$file"
    succeed 2 evaluate "$work/$file" --data "$fashion_mnist"
    grep -q '^hits: ' "$work/out" || fail "$file lost the name of a metric"
done

say "what is refused"
mkdir "$work/kept"
echo old >"$work/kept/old.keras"
before=$(state_of "$work/kept")
model=$work/1/model.h5
refuse 2 2 "old.onnx" .keras .weights.h5 -- export "$model" --output "$work/kept/old.onnx"
refuse 2 1 "--output" -- export "$model"
refuse 2 1 "MODEL.h5 --output FILE is missing" -- export --output "$work/kept/old.keras"
refuse 2 1 "'--outptu'" "'--output'" -- export "$model" --outptu x.keras
refuse 2 2 "the model itself" -- export "$model" --output "$work/1/../1/model.h5"
refuse 1 3 "cannot open '$work/absent.h5'" -- export "$work/absent.h5" --output "$work/kept/old.keras"
refuse 1 2 "$fashion_mnist" "lockstep" -- export "$fashion_mnist" --output "$work/kept/old.keras"
refuse 1 1 "not an HDF5 file" -- export "$work/export.yaml" --output "$work/kept/old.keras"
refuse 1 2 "$work/absent/x.keras" -- export "$model" --output "$work/absent/x.keras"
refuse 1 1 "$work/absent/x.h5" -- export "$model" --output "$work/absent/x.h5"
refuse 1 2 "$work/model.keras" "archive" -- export "$work/model.keras" --output "$work/kept/old.keras"
refuse 1 1 "$work/legacy.h5" "no lockstep model" -- export "$work/legacy.h5" --output "$work/kept/old.keras"
mkdir "$work/directory.keras"
refuse 1 2 "$work/directory.keras" -- export "$model" --output "$work/directory.keras"
cp "$model" "$work/damaged.h5"
flip "$work/damaged.h5" $(($(offset_of "$model" '/model_weights/dense/sequential/dense/kernel') + 1000))
refuse 1 2 "damaged" -- export "$work/damaged.h5" --output "$work/kept/old.keras"
cp "$model" "$work/nan.h5"
unseal "$work/nan.h5"
printf '\x00\x00\xc0\x7f' | dd of="$work/nan.h5" bs=1 conv=notrunc status=none \
    seek="$(offset_of "$model" '/lockstep/optimizer/velocity/dense/kernel')"
refuse 1 2 "velocity" "not finite" -- export "$work/nan.h5" --output "$work/kept/old.keras"
if [[ $(id -u) != 0 ]]; then # for whom nothing is read-only
    chmod a-w "$work/kept"
    refuse 1 1 "$work/kept/old.keras" -- export "$model" --output "$work/kept/old.keras"
    chmod u+w "$work/kept"
fi
[[ $(state_of "$work/kept") == "$before" ]] || fail "a refused export touched the file that was there"
say "all the same"
