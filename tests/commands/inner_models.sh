#!/usr/bin/env bash
# Models within the model: named blocks, towers, a part of a model of Keras's with its weights, frozen; the same bits on
# 1, 2 and 3 ranks, what files keep, and what is refused where.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"

cp "$root/tests/golden/keras_files/image.keras" "$work/base.keras"
cat >"$work/inner.yaml" <<EOF
seed: 5
data:
  file: $root/tests/golden/keras_files/data.h5
  train: {x: /image/x, y: /image/y}
blocks:
  residual:
    inputs: {r: {}}
    layers:
      - {name: a, dense: {units: 4, activation: tanh}, inputs: [r]}
      - {name: norm, batch_normalization: {}, inputs: [a]}
      - {name: out, add: {}, inputs: [r, norm]}
    outputs: out
  ending: [residual, dense: {units: 3, activation: softmax}]
model:
  - model: {file: base.keras, until: global_average_pooling2d, trainable: false, name: base}
  - residual
  - residual: {repeat: 2, name: tower}
  - model: {layers: [dense: 5, {name: wide, dense: 4}]}
  - ending
compile: {optimizer: adam, loss: categorical_crossentropy}
fit: {epochs: 2, batch_size: 6, microbatch: 2}
EOF

for ranks in 1 2 3; do
    train "$ranks" "$work/$ranks" "$work/inner.yaml"
    same "$work/1/model.h5" "$work/$ranks/model.h5" "model.h5 of $ranks ranks"
done

say "the frozen part is Keras's, bit for bit, and every part is where Keras looks for it"
succeed 1 export "$work/1/model.h5" --output "$work/m.weights.h5"
base=$root/tests/golden/keras_files/image.weights.h5
for weights in conv2d/vars/0 conv2d_1/vars/0 batch_normalization/vars/2 layer_normalization/vars/0; do
    in_model=$(h5dump -d "/layers/sequential/layers/$weights" "$work/m.weights.h5" | tail -n +3)
    [[ $in_model == "$(h5dump -d "/layers/$weights" "$base" | tail -n +3)" ]] ||
        fail "$weights of the frozen model is not the file's"
done
for place in functional/layers/dense sequential_1/layers/functional/layers/batch_normalization \
    sequential_1/layers/functional_1/layers/dense sequential_2/layers/dense_1 sequential_3/layers/functional/layers/dense; do
    h5dump -H -d "/layers/$place/vars/0" "$work/m.weights.h5" >/dev/null || fail "no weights in $place"
done

# SED TEXT...: the experiment, changed so, is refused with these words.
refused() {
    local edit=$1 text
    shift
    sed "$edit" "$work/inner.yaml" >"$work/bad.yaml"
    ! cmp -s "$work/inner.yaml" "$work/bad.yaml" || fail "'$edit' changes nothing"
    run 1 train "$work/bad.yaml" --output "$work/bad"
    ((status != 0 && status != 3)) || fail "'$edit' ends with $status"
    for text in "$@"; do
        grep -qF -- "$text" "$work/err" || fail "'$edit': no '$text'"
    done
}

say "mistakes"
refused 's/- residual$/- residua/' bad.yaml:16:5 "'residua'"
refused 's/until: global_average_pooling2d/until: global_averag_pooling2d/' bad.yaml:15: "'global_averag_pooling2d'"
refused 's/repeat: 2/repeat: 0/' model.repeat 1000
refused 's/base.keras/nowhere.keras/' bad.yaml:15: nowhere.keras
refused 's/ending: \[residual/ending: [ending/' 'does a block name itself'
refused 's/name: tower/nam: tower/' "'nam'" "'name'"
refused 's/  ending: /  dense: /' bad.yaml:13:3 "'dense'"
refused 's/- ending$/- model: {}/' 'base.keras'
refused 's/- ending$/- model: {block: endin}/' "'endin'" "'ending'"
refused 's/inputs: {r: {}}/inputs: {r: {shape: [7]}}/' "(7,)" "(4,)"
refused 's/inputs: {r: {}}/inputs: {r: {}, s: {}}/' '2 inputs'
refused 's/- ending$/- model: {block: ending, file: base.keras}/' 'not both'
