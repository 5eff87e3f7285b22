#!/usr/bin/env bash
# The commands on files that the real Keras wrote (tests/golden/keras_files). That the numbers are Keras's:
# test_keras_files.c; here they must be the same from every format, and everything else that people do must work.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"

files=$root/tests/golden/keras_files
data=$files/data.h5

# TEXT...: each must be somewhere in the last command's output.
expect_words() {
    local text
    for text in "$@"; do
        grep -qF -- "$text" "$work/out" || fail "its output does not say '$text'"
    done
}

# CASE: summary, evaluate and predict say the same of both formats, of one on one rank and of the other on three.
same_from_both() {
    local format ranks
    for format in h5 keras; do
        ranks=$([[ $format == h5 ]] && echo 1 || echo 3)
        succeed 1 summary "$files/$1.$format"
        cp "$work/out" "$work/$format.summary"
        succeed "$ranks" predict "$files/$1.$format" --data "$data" --split "$1" --output "$work/$format.predictions.h5"
        succeed "$ranks" evaluate "$files/$1.$format" --data "$data" --split "$1"
        cp "$work/out" "$work/$format.scores"
    done
    same "$work/h5.summary" "$work/keras.summary" "the summaries of $1"
    same "$work/h5.predictions.h5" "$work/keras.predictions.h5" "the predictions of $1"
    same "$work/h5.scores" "$work/keras.scores" "the scores of $1"
}

say "summary, evaluate, predict: the same from both formats"
same_from_both graph
expect_words price_r2_score: kind_acc:
grep -qF '(None, 3)' "$work/h5.summary" || fail "no shapes in the summary"
same_from_both image
expect_words distance: mae:
same_from_both dictionary
expect_words down_loss: up_loss:
cp "$files/graph.keras" "$work/graph.yaml" # what a file is decides, not its name
succeed 1 summary "$work/graph.yaml"

say "a model compiled with a function of its program: predicts, is not evaluated"
for format in h5 keras; do
    succeed 1 predict "$files/custom.$format" --data "$data" --split custom --output "$work/custom.h5"
    refuse 2 2 "custom.$format" own_loss evaluate -- evaluate "$files/custom.$format" --data "$data" --split custom
done

say "inspect"
for format in h5 keras; do
    succeed 1 inspect "$files/graph.$format"
    expect_words "graph.$format: model file in the layout of Keras 3.15.1" "shared (Dense)" "table/embeddings" "norm/moving_variance"
done
succeed 1 inspect "$files/graph.weights.h5"
expect_words "graph.weights.h5: weights file" layers/embedding/vars/0 "optimizer:"

say "compare: every two formats hold the same bits, though none lists its layers as the other does"
succeed 1 compare "$files/graph.h5" "$files/graph.keras"
verdict=$(tail -n 1 "$work/out")
[[ $verdict == "identical: "*fingerprint* ]] || fail "no verdict"
for pair in 'graph.keras graph.h5' 'graph.weights.h5 graph.h5' 'graph.keras graph.weights.h5' 'graph.keras graph.keras' \
    'image.weights.h5 image.keras' 'image.h5 image.weights.h5' 'graph.weights.h5 graph.weights.h5' \
    'sequences.weights.h5 sequences.h5' 'attending.weights.h5 attending.h5'; do
    read -r a b <<<"$pair"
    succeed 1 compare "$files/$a" "$files/$b"
done
refuse 1 1 "different architectures" -- compare "$files/graph.keras" "$files/image.keras"
refuse 1 1 "different architectures" -- compare "$files/graph.weights.h5" "$files/image.keras"

# experiment NAME RATE WEIGHTS: a training of the model in dictionary.keras.
experiment() {
    cat >"$work/$1.yaml" <<EOF
initial_weights: $3
data:
  file: $data
  train: {x: {z_in: /dictionary/x/z_in, a_in: /dictionary/x/a_in}, y: {up: /dictionary/y/up, down: /dictionary/y/down}}
model: {file: $files/dictionary.keras}
compile: {optimizer: {sgd: {learning_rate: $2}}, loss: {up: mse, down: binary_crossentropy}}
fit: {epochs: 2, batch_size: 4, microbatch: 1}
EOF
}

say "train: the architecture of a file, weights from every format, on any number of ranks"
experiment still 0.0 "$files/dictionary.weights.h5"
train 1 "$work/still" "$work/still.yaml"
for format in h5 keras weights.h5; do
    succeed 1 compare "$work/still/model.h5" "$files/dictionary.$format"
    experiment "from-$format" 0.1 "$files/dictionary.$format"
    train 2 "$work/$format" "$work/from-$format.yaml"
    [[ $format == h5 ]] || same "$work/h5/fingerprint.txt" "$work/$format/fingerprint.txt" "weights from .$format"
done
train 3 "$work/three" "$work/from-keras.yaml"
same "$work/h5/fingerprint.txt" "$work/three/fingerprint.txt" "three ranks"
refuse 1 1 "differ in" -- compare "$work/h5/model.h5" "$files/dictionary.keras"
expect_words "up/kernel" "d9/kernel"
train 1 "$work/again" "$work/h5/experiment.yaml" # which has the model itself in it
same "$work/h5/fingerprint.txt" "$work/again/fingerprint.txt" "the experiment as resolved"

say "the optimizer's state: from Keras and from lockstep export; refused where it is that of another one"
states=$root/tests/golden/optimizer_states
cat >"$work/on.yaml" <<EOF
initial_weights: {file: $states/adam.keras, optimizer: true}
data: {file: $states/after.h5, train: {x: /train/x, y: /train/y}}
model: {file: $states/adam.keras}
compile: {loss: mse, optimizer: {adam: {learning_rate: 0.01}}}
fit: {epochs: 2, batch_size: 4, microbatch: 1, shuffle: false}
EOF
train 1 "$work/on2" "$work/on.yaml"
train 2 "$work/on1" "$work/on.yaml" --set fit.epochs=1
succeed 1 export "$work/on1/checkpoint.h5" --output "$work/on1.weights.h5"
train 1 "$work/on1+1" "$work/on1/experiment.yaml" --set fit.epochs=1 --set "initial_weights.file=$work/on1.weights.h5"
same "$work/on2/fingerprint.txt" "$work/on1+1/fingerprint.txt" "two epochs, and one after the other through a file of Keras"
no_state() { refuse "$1" 2 "${@:3}" -- train "$work/on.yaml" --output "$work/bad" --set "$2"; }
no_state 1 compile.optimizer=rmsprop adam.keras "that of adam" "trains with rmsprop" "compile.optimizer adam"
no_state 1 'compile.optimizer={adam: {amsgrad: true}}' adam.keras "is missing" velocity_hat "must be as in Keras"
no_state 1 'compile.optimizer={adam: {use_ema: true}}' adam.keras /optimizer/vars "average" "must be as in Keras"
no_state 1 "initial_weights.file=$work/on1/model.h5" model.h5 "no state of an optimizer" .keras --resume
no_state 2 initial_weights.optimiser=true "unknown key 'optimiser'" optimizer
no_state 2 initial_weights.optimizer=adam "initial_weights.optimizer" true

say "what cannot be read"
experiment bad 0.1 "$files/graph.weights.h5"
for ranks in 1 2; do
    refuse 1 $ranks graph.weights.h5 "the model has 4" -- train "$work/bad.yaml" --output "$work/bad"
done
head -c 20000 "$files/graph.keras" >"$work/cut.keras"
head -c 20000 "$files/graph.h5" >"$work/cut.h5"
for file in "$work/cut.keras" "$work/cut.h5" "$work/absent.keras"; do
    [[ $file == *absent* ]] || refuse 1 1 "$file" -- summary "$file"
    refuse 1 1 "$file" -- inspect "$file"
    refuse 1 1 "$file" -- compare "$file" "$files/graph.keras"
    refuse 1 2 "$file" -- evaluate "$file" --data "$data" --split graph
done
refuse 1 1 "weights only" -- summary "$files/graph.weights.h5"
refuse 1 1 "weights only" -- evaluate "$files/graph.weights.h5" --data "$data" --split graph
refuse 1 2 "'/absent/x'" -- predict "$files/graph.keras" --data "$data" --split absent --output "$work/none.h5"
refuse 2 1 "2 errors" -- predict "$files/graph.keras" --data "$data" --split image --output "$work/none.h5"
grep -q 'the model has 3 inputs' "$work/err" || fail "it does not say how many inputs the model has"
[[ ! -e $work/none.h5 ]] || fail "a refused prediction left a file"
