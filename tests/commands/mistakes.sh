#!/usr/bin/env bash
# Numbers that would be wrong without a word, and names that are taken for others: each is refused or said.
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"

# TEXT...: warnings of the last command: lines on standard error that hold them.
expect_warnings() {
    local text
    for text in "$@"; do
        grep '^lockstep: warning: ' "$work/err" | grep -qF -- "$text" || fail "no warning says '$text'"
    done
}

# STATUS SETTING... -- TEXT...: training the experiment with these settings must fail so, saying the TEXTs.
wrong() {
    local want=$1 settings=() texts=()
    shift
    while [[ $1 != -- ]]; do
        settings+=(--set "$1")
        shift
    done
    shift
    rm -rf "$work/wrong"
    refuse "$want" 1 "$@" -- train "$work/e.yaml" --output "$work/wrong" --verbose 0 "${settings[@]}"
}

say "data: 8 rows; i and j are indices, far has one target of 1e25, byte is 0 or 255"
{
    echo a,b,i,j,y,far,byte,class,w
    for k in 0 1 2 3 4 5 6 7; do
        echo "0.$k,-0.$((k * 3 % 8)),$k,$((k % 3)),$((k - 3)),$((k == 5))e25,$((k % 2 * 255)),$((k % 3)),$((k % 2 + 1))"
    done
} >"$work/t.csv"
succeed 1 import csv "$work/t.csv" --array x=a,b --array i=i,j --array y=y --array far=far --array byte=byte \
    --array class=class --array w=w --output "$work/data.h5"
cat >"$work/e.yaml" <<'YAML'
data: {file: data.h5, train: {x: /train/x, y: /train/y}}
model: [dense: {units: 1}]
compile: {loss: mse, metrics: [mae]}
fit: {epochs: 2, batch_size: 4, microbatch: 1}
YAML

say "a target of 1e25: an infinite loss on any number of ranks, and callbacks that go on from it"
for ranks in 1 2 3; do
    train "$ranks" "$work/far$ranks" "$work/e.yaml" --set 'data.val={x: /train/x, y: /train/far}' --set fit.validation_data=val \
        --set 'callbacks=[early_stopping: {patience: 1, restore_best_weights: true}]'
    [[ $(cut -d, -f4 "$work/far$ranks/history.csv" | sort -u | tr '\n' ' ') == 'inf val_loss ' ]] || fail "val_loss is not inf"
    succeed "$ranks" evaluate "$work/far1/model.h5" --data "$work/data.h5" --split val
    grep -qx 'loss: inf' "$work/out" || fail "the loss is not inf"
done
same_run "$work/far1" "$work/far3" "three ranks"

say "targets that a loss cannot be meant for, and weights of classes that the model does not have"
wrong 1 compile.loss=hinge -- data.h5:/train/y "sample 0" "target -3" "labels -1 and 1" mse
wrong 1 compile.loss=squared_hinge data.train.y=/train/class -- data.h5:/train/class "target 2"
wrong 1 compile.loss=poisson -- data.h5:/train/y "sample 0" "target -3" "0 or more" mse
wrong 1 compile.loss=kl_divergence data.train.y=/train/byte -- data.h5:/train/byte "target 255" "probabilities, 0 to 1"
succeed 1 train "$work/e.yaml" --output "$work/counts" --set compile.loss=poisson --set data.train.y=/train/class --verbose 0 \
    --set 'model=[{dense: {units: 1, activation: exponential}}]'
succeed 1 train "$work/e.yaml" --output "$work/signs" --set compile.loss=hinge --verbose 0 \
    --set 'data.train.y={path: /train/byte, scale: 0.00392156862745098}'
wrong 2 'model=[{dense: 3}]' 'compile.loss={sparse_categorical_crossentropy: {from_logits: true}}' data.train.y=/train/class \
    'compile.metrics=[]' 'fit.class_weight={0: 1, 3: 2, -1: 2}' -- "2 errors"
grep -q "the classes 0 to 2, and none of the number 3" "$work/err" || fail "the class 3 is not named"
grep -q "none of the number -1" "$work/err" || fail "the class -1 is not named"

say "indices that a table does not have: file, dataset, row, value and rows of the table"
table='model=[{embedding: {input_dim: 8, output_dim: 2}}, {flatten: {}}, {dense: {units: 1}}]'
train 1 "$work/table" "$work/e.yaml" --set "$table" --set data.train.x=/train/i
small=${table/8/7}
wrong 1 "$small" data.train.x=/train/i -- data.h5:/train/i "sample 7" "value 7" "7 rows" "0 to 6"
wrong 1 "$table" 'data.train.x={path: /train/i, scale: 0.5}' -- data.h5:/train/i "sample 1" "value 0.5" integers
wrong 1 "${small/\[/[\{reshape: \{target_shape: [2, 1]\}\}, \{flatten: \{\}\}, }" data.train.x=/train/i -- data.h5:/train/i "sample 7"
computed='model=[{dense: {units: 1, kernel_initializer: ones, trainable: false}}, {embedding: {input_dim: 8, output_dim: 2}}, {flatten: {}}, {dense: {units: 1}}]'
wrong 1 "$computed" data.train.x=/train/i -- "'embedding'" "is asked for row" "8 rows" "0 to 7"
printf 'i,j,y\n1,2,0\n3,8,0\n' >"$work/u.csv"
succeed 1 import csv "$work/u.csv" --array i=i,j --array y=y --output "$work/bad.h5"
for ranks in 1 2; do
    refuse 1 "$ranks" bad.h5:/train/i "sample 1" "value 8" "8 rows" -- evaluate "$work/table/model.h5" --data "$work/bad.h5" --split train
    refuse 1 "$ranks" bad.h5:/train/i "sample 1" -- predict "$work/table/model.h5" --data "$work/bad.h5" --split train --output "$work/p.h5"
done
[[ ! -e $work/p.h5 ]] || fail "predict wrote a file all the same"

say "losses that cannot be meant, and those that can"
wrong 1 compile.loss=binary_crossentropy data.train.y=/train/byte -- data.h5:/train/byte "sample 1" "255" scale
wrong 2 compile.loss=categorical_crossentropy data.train.y=/train/byte -- categorical_crossentropy binary_crossentropy
wrong 1 compile.loss=poisson 'model=[{dense: {units: 1, kernel_initializer: zeros, bias_initializer: {constant: {value: -1}}}}]' \
    data.train.y=/train/w -- poisson logarithm "negative prediction"
classes=(--set data.train.y=/train/class --set 'model=[{dense: {units: 3, activation: softmax}}]')
train 1 "$work/plain" "$work/e.yaml" "${classes[@]}" --set compile.loss=sparse_categorical_crossentropy --set compile.metrics=null
train 1 "$work/logits" "$work/e.yaml" "${classes[@]}" --set 'compile.loss={sparse_categorical_crossentropy: {from_logits: true}}' --set compile.metrics=null
expect_warnings from_logits softmax
same "$work/plain/fingerprint.txt" "$work/logits/fingerprint.txt" "from_logits after a softmax"
for last in linear relu tanh; do
    rm -rf "$work/last"
    train 1 "$work/last" "$work/e.yaml" "${classes[@]/softmax/$last}" --set compile.loss=sparse_categorical_crossentropy --set compile.metrics=null
    expect_warnings "takes probabilities" "ends with $last" "softmax, or say from_logits: true"
done
for loss in cosine_similarity kl_divergence categorical_hinge; do
    rm -rf "$work/one"
    train 1 "$work/one" "$work/e.yaml" --set 'data.train.y={path: /train/byte, scale: 0.00392156862745098}' --set "compile.loss=$loss" --set compile.metrics=null
    expect_warnings "$loss is about the numbers along the last axis"
done
for last in sigmoid hard_sigmoid; do
    rm -rf "$work/last"
    train 1 "$work/last" "$work/e.yaml" --set compile.loss=binary_crossentropy \
        --set 'data.train.y={path: /train/byte, scale: 0.00392156862745098}' --set "model=[{dense: {units: 1, activation: $last}}]"
    ! grep -q warning "$work/err" || fail "$last before binary_crossentropy is warned of"
done
train 1 "$work/sum" "$work/e.yaml" --set 'compile.loss={mse: {reduction: sum}}'
wrong 2 'compile.loss={mse: {reduction: none}}' -- reduction "'none'"

say "NaN is said: r2_score of targets that are all alike and all hit"
printf 'x,y\n1,0\n2,0\n' >"$work/zero.csv"
succeed 1 import csv "$work/zero.csv" --array x=x --array y=y --output "$work/zero.h5"
for ranks in 1 2; do
    rm -rf "$work/nan"
    succeed "$ranks" train "$work/e.yaml" --output "$work/nan" --set "data={file: $work/zero.h5, train: {x: /train/x, y: /train/y}, test: {x: /train/x, y: /train/y}}" \
        --set 'model=[{dense: {units: 1, kernel_initializer: zeros}}]' --set 'compile={loss: mse, metrics: [r2_score]}' --set fit.batch_size=2
    expect_warnings "epoch 1: r2_score is NaN" "test r2_score is NaN"
    succeed "$ranks" evaluate "$work/nan/model.h5" --data "$work/zero.h5" --split train
    expect_warnings "r2_score is NaN"
done

say "names: layers as Keras can run them, and what lockstep lacks is no misspelling"
for name in 'a b' 'a:b' 'é' 'a@b' 'a\\b' 'a/b' .; do
    wrong 2 "model=[{dense: {units: 1, name: \"$name\"}}]" -- name
done
for name in a_b a.b a-b 'a>b' 1a _a; do
    rm -rf "$work/name"
    train 1 "$work/name" "$work/e.yaml" --set "model=[{dense: {units: 1, name: \"$name\"}}]"
done
for name in lambda Lambda conv_lstm2d ConvLSTM2D mel_spectrogram; do
    wrong 2 "model=[{$name: {}}]" -- "lockstep lacks the layer '$name'"
    ! grep -q 'did you mean' "$work/err" || fail "$name is taken for a misspelling"
done
for setting in 'model=[{dense: {units: 1, activation: glu}}]' 'compile.metrics=[mean_metric_wrapper]' \
    compile.loss=crossentropy compile.optimizer=loss_scale_optimizer 'callbacks=[{lambda_callback: {}}]' \
    'model=[{dense: {units: 1, kernel_initializer: stft}}]'; do
    wrong 2 "$setting" -- "lockstep lacks the"
    ! grep -q 'did you mean' "$work/err" || fail "$setting is taken for a misspelling"
done
wrong 2 'model=[{lambda: {}}]' -- "a function of its program"
wrong 2 'model=[{dense: {units: 1, activation: sparsemax}}]' -- "do not add up to 1"
wrong 2 'model=[{tanh: {}}]' -- "'tanh' is an activation"
wrong 2 compile.optimizer=adamW -- "did you mean 'adamw'"
wrong 2 'compile.optimizer={sgd: {clipnorm: 0}}' -- "above 0"
wrong 2 'model=[{flatten: {data_format: channels_first}}, {dense: {units: 1}}]' -- "channels_first: true"
wrong 2 'data.train.sample_weight={q: /train/w}' -- "no output 'q'"
wrong 1 data.train.sample_weight=/train/x -- data.h5:/train/x "one number per sample"
wrong 2 'compile.loss=[mse, mae]' -- compile.loss "the list 2"
