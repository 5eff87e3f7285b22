#!/usr/bin/env bash
# import, summary, inspect and compare, on data made here by hand, so that every expected number can be checked by hand.
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"

# TEXT...: each must be a whole line of the last command's output.
expect_lines() {
    local text
    for text in "$@"; do
        grep -qxF -- "$text" "$work/out" || fail "its output has no line '$text'"
    done
}

# TEXT...: each must be somewhere in the last command's output.
expect_words() {
    local text
    for text in "$@"; do
        grep -qF -- "$text" "$work/out" || fail "its output does not say '$text'"
    done
}

# NUMBER...: 32-bit big-endian, as in the header of an IDX file.
sizes() {
    local n
    for n in "$@"; do
        printf "\\x$(printf %02x $((n >> 24 & 255)))\\x$(printf %02x $((n >> 16 & 255)))"
        printf "\\x$(printf %02x $((n >> 8 & 255)))\\x$(printf %02x $((n & 255)))"
    done
}

# NUMBER...: bytes.
bytes() {
    local n
    for n in "$@"; do
        printf "\\x$(printf %02x "$n")"
    done
}

# FILE OFFSET BYTE...: overwrites.
patch() {
    local file=$1 offset=$2
    shift 2
    bytes "$@" | dd of="$file" bs=1 seek="$offset" conv=notrunc status=none
}

say "import: six pictures of 2 x 3 with the values 0 to 35, and labels 0 1 2 0 1 0; two of one value each"
{ bytes 0 0 8 3; sizes 6 2 3; bytes $(seq 0 35); } >"$work/x.idx"
{ bytes 0 0 8 1; sizes 6; bytes 0 1 2 0 1 0; } >"$work/y.idx"
{ bytes 0 0 8 3; sizes 2 2 3; bytes 7 7 7 7 7 7 9 9 9 9 9 9; } | gzip >"$work/x2.idx.gz"
{ bytes 0 0 8 1; sizes 2; bytes 2 2; } | gzip >"$work/y2.idx.gz"
splits=(--split "train=$work/x.idx,$work/y.idx" --split "test=$work/x2.idx.gz,$work/y2.idx.gz")
data=$work/data.h5
succeed 1 import idx "${splits[@]}" --output "$data" --deflate 3
printf '%s\n' 'train: x uint8 (6, 2, 3), y uint8 (6)' 'test: x uint8 (2, 2, 3), y uint8 (2)' >"$work/want"
same "$work/want" "$work/out" "what import says"
succeed 3 import idx "${splits[@]}" --output "$work/three.h5" --deflate 3
same "$work/want" "$work/out" "what import says on three ranks"
same "$data" "$work/three.h5" "the dataset file of three ranks"

mkdir "$work/none"
none=$work/none/data.h5
refuse 2 1 "there are: idx, csv" -- import
refuse 2 1 "there are: idx, csv" -- import --output "$none"
refuse 2 1 "'xml'" idx csv -- import xml --output "$none"
refuse 2 1 "--split" -- import idx --output "$none"
refuse 2 1 "--output" -- import idx "${splits[@]}"
refuse 2 1 "NAME=IMAGES,LABELS" "'train=$work/x.idx'" -- import idx --split "train=$work/x.idx" --output "$none"
refuse 2 1 "NAME=IMAGES,LABELS" -- import idx --split "train=$work/x.idx," --output "$none"
refuse 2 1 "NAME=IMAGES,LABELS" -- import idx --split "$work/x.idx,$work/y.idx" --output "$none"
refuse 2 1 "NAME=IMAGES,LABELS" -- import idx --split "train=$work/x.idx,$work/y.idx,more" --output "$none"
refuse 2 1 "split 'train'" twice -- import idx "${splits[@]}" --split "train=$work/x.idx,$work/y.idx" --output "$none"
refuse 2 2 "split 'train'" twice -- import idx "${splits[@]}" --split "train=$work/x.idx,$work/y.idx" --output "$none"
refuse 2 1 "--deflate" "'10'" -- import idx "${splits[@]}" --output "$none" --deflate 10
refuse 2 1 "'surplus'" -- import idx "${splits[@]}" --output "$none" surplus
refuse 2 1 "'preprocessing'" -- import idx --split "preprocessing=$work/x.idx,$work/y.idx" --output "$none"
refuse 1 1 "$work/absent" -- import idx --split "train=$work/absent,$work/y.idx" --output "$none"
[[ -z $(ls "$work/none") ]] || fail "a refused import left $(ls "$work/none")"
cp "$work/x.idx" "$work/kept.idx"
refuse 2 1 "$work/x.idx" input -- import idx "${splits[@]}" --output "$work/x.idx"
same "$work/x.idx" "$work/kept.idx" "the input that was named as output"

say "inspect: the dataset file"
succeed 1 inspect "$data"
expect_lines "$data: 4 datasets" '/train/x  uint8 (6, 2, 3)' '/test/y  uint8 (2)' '    values 0 to 35' \
    '    values 7 to 9' '    @scale 0.00392156862745098' '    labels 0: 3, 1: 2, 2: 1' '    labels 2: 2'
expect_words 'chunks of (6, 2, 3), shuffle, deflate 3, fletcher32; ' ' on disk for 36.00 B'
cp "$work/out" "$work/alone"
succeed 3 inspect "$data"
same "$work/alone" "$work/out" "what inspect says on three ranks"

say "inspect: more values than are read at a time"
{ bytes 0 0 8 1; sizes 600000; head -c 599999 /dev/zero; bytes 5; } >"$work/long.idx"
succeed 1 import idx --split "train=$work/long.idx,$work/long.idx" --output "$work/long.h5"
succeed 1 inspect "$work/long.h5"
expect_lines '/train/y  uint8 (600000)' '    labels 0: 599999, 5: 1'

# The first layer stays as it begins: 6 x 3 times 1.25, whose bits are 3fa00000.
cat >"$work/experiment.yaml" <<EOF
name: commands
seed: 3
data:
  file: $data
  train: {x: /train/x, y: /train/y}
model:
  - flatten
  - dense: {name: fixed, units: 3, kernel_initializer: {constant: {value: 1.25}}, trainable: false}
  - dense: {units: 3, activation: softmax}
compile: {optimizer: {sgd: {learning_rate: 0.5, momentum: 0.5}}, loss: sparse_categorical_crossentropy}
fit: {epochs: 2, batch_size: 4}
EOF
train 1 "$work/run" "$work/experiment.yaml"
model=$work/run/model.h5

say "summary: of an experiment, whose input shape the data say, and of a model; the picture"
succeed 1 summary "$work/experiment.yaml"
cp "$work/out" "$work/table"
expect_lines 'Model: "sequential"' \
    '│ flatten (Flatten)               │ (None, 6)              │             0 │' \
    '│ fixed (Dense)                   │ (None, 3)              │            21 │' \
    '│ dense (Dense)                   │ (None, 3)              │            12 │' \
    ' Total params: 33 (132.00 B)' ' Trainable params: 12 (48.00 B)' ' Non-trainable params: 21 (84.00 B)'
cp "$model" "$work/model.yaml" # what a file is decides, not its name
succeed 2 summary "$work/model.yaml" --dot "$work/model.dot"
same "$work/table" "$work/out" "the summary of the model file"
succeed 1 summary "$work/experiment.yaml" --dot "$work/experiment.dot"
same "$work/model.dot" "$work/experiment.dot" "the picture of the model file"
grep -qxF 'digraph model {' "$work/model.dot" || fail "model.dot is no digraph"
grep -qF 'fixed\ (Dense)|{input:\ (None,\ 6)|output:\ (None,\ 3)}|21\ parameters' "$work/model.dot" ||
    fail "model.dot does not show the layer 'fixed'"
refuse 2 1 "overwrite" -- summary "$work/experiment.yaml" --dot "$work/run/../experiment.yaml"
sha256sum "$data" "$model" >"$work/inputs"
refuse 2 2 "overwrite '$data'" -- summary "$work/experiment.yaml" --dot "$data"
refuse 2 1 "overwrite '$data'" -- predict "$model" --data "$data" --output "$data"
refuse 2 2 "overwrite '$work/run/../run/model.h5'" -- predict "$model" --data "$data" --output "$work/run/../run/model.h5"
sha256sum --check --quiet "$work/inputs" || fail "an input was overwritten"
refuse 2 1 "'--dott'" "'--dot'" -- summary "$work/experiment.yaml" --dott x
refuse 1 1 "$data" -- summary "$data"
refuse 1 1 "$work/absent/x.dot" -- summary "$work/experiment.yaml" --dot "$work/absent/x.dot"

say "evaluate: with the sample weights of the split, as train does; the labels stand in for weights"
sed 's,^  train: .*,&\n  test: {x: /train/x\, y: /train/y\, sample_weight: /train/y},' "$work/experiment.yaml" >"$work/weighted.yaml"
train 1 "$work/weighted" "$work/weighted.yaml"
loss=$(sed -n 's/^test loss: //p' "$work/out")
succeed 2 evaluate "$work/weighted/model.h5" --data "$data"
[[ -n $loss && $(awk '/^loss: / {printf "%.4f", $2}' "$work/out") == "$loss" ]] ||
    fail "train says that the loss on the test split is $loss"
succeed 2 evaluate "$work/weighted/model.h5" --data "$data" --split train
[[ $(awk '/^loss: / {printf "%.4f", $2}' "$work/out") != "$loss" ]] || fail "the sample weights make no difference"

say "inspect: a model and a checkpoint"
for file in "$model" "$work/run/checkpoint.h5"; do
    succeed 1 inspect "$file"
    expect_words "$file: model file in the layout of Keras" 'written by lockstep' \
        'Sequential of input (InputLayer), flatten (Flatten), fixed (Dense), dense (Dense)' 'history: 2 epochs' \
        'momentum       2 arrays, 12 values'
    expect_lines 'weights: 4, 33 parameters (132.00 B)' "    fingerprint $(cat "$work/run/fingerprint.txt"), as recorded" \
        '    checksum       holds' '    stands at      update 4, before batch 1 of epoch 3 (counted from 1)' \
        '    seed           3' '    epoch          2' '    update         4' '    learning_rate  0.5'
    grep -Eqx ' +fixed/kernel +\(6, 3\) +mean +1\.25 +std +0 +min +1\.25 +max +1\.25' "$work/out" ||
        fail "no statistics of the constant weights"
done

say "compare: the same bits"
succeed 1 compare "$model" "$work/run/checkpoint.h5"
expect_lines 'fixed/kernel (6, 3): identical' 'dense/bias (3): identical'
verdict="identical: 4 weights, 33 parameters, fingerprint $(cat "$work/run/fingerprint.txt")"
[[ $(tail -n 1 "$work/out") == "$verdict" ]] ||
    fail "the last line is not the verdict with the fingerprint of the training"

say "compare: bits that were changed one by one"
kernel=$(LC_ALL=C grep -obUaP '(\x00\x00\xa0\x3f){18}' "$model" | cut -d: -f1)
[[ $kernel =~ ^[0-9]+$ ]] || fail "the 18 values of 1.25 do not lie in one place of model.h5"

# Element 13 = [4, 1] becomes the next float, element 15 = [5, 0] the third one below, element 17 the second one above.
cp "$model" "$work/ulps.h5"
unseal "$work/ulps.h5"
patch "$work/ulps.h5" $((kernel + 4 * 13)) 0x01 0x00 0xa0 0x3f
patch "$work/ulps.h5" $((kernel + 4 * 15)) 0xfd 0xff 0x9f 0x3f
patch "$work/ulps.h5" $((kernel + 4 * 17)) 0x02 0x00 0xa0 0x3f
for ranks in 1 2; do
    refuse 1 "$ranks" "differ in 1 of 4 weights" -- compare "$model" "$work/ulps.h5"
    expect_lines 'fixed/kernel (6, 3): 3 of 18 elements differ' \
        '    first at [4, 1]: 0x1.4p+0 (1.25) | 0x1.400002p+0 (1.25000012)' \
        '    largest 3 ULPs at [5, 0]: 0x1.4p+0 (1.25) | 0x1.3ffffap+0 (1.24999964)' 'fixed/bias (3): identical' \
        'different: 1 of 4 weights, 3 of 33 parameters, at most 3 ULPs apart'
done
succeed 1 inspect "$work/ulps.h5"
expect_words "but $(cat "$work/run/fingerprint.txt") was recorded"

# 1.25 against -1.25: from 0x3fa00000 steps below zero to as many above it, 2 * 1067450368.
cp "$model" "$work/sign.h5"
unseal "$work/sign.h5"
patch "$work/sign.h5" "$kernel" 0x00 0x00 0xa0 0xbf
refuse 1 1 differ -- compare "$work/sign.h5" "$model"
expect_lines '    largest 2,134,900,736 ULPs at [0, 0]: -0x1.4p+0 (-1.25) | 0x1.4p+0 (1.25)'

cp "$model" "$work/nan.h5"
unseal "$work/nan.h5"
patch "$work/nan.h5" $((kernel + 4)) 0x00 0x00 0xc0 0x7f
refuse 1 1 differ -- compare "$work/nan.h5" "$model"
expect_lines '    first at [0, 1]: NaN (bits 0x7fc00000) | 0x1.4p+0 (1.25)' '    1 with a NaN on one side or both'
succeed 1 compare "$work/nan.h5" "$work/nan.h5" # equal bits are equal, though NaN is not equal to NaN

cp "$model" "$work/plus.h5"
cp "$model" "$work/minus.h5"
unseal "$work/plus.h5"
unseal "$work/minus.h5"
patch "$work/plus.h5" "$kernel" 0x00 0x00 0x00 0x00
patch "$work/minus.h5" "$kernel" 0x00 0x00 0x00 0x80
refuse 1 1 differ -- compare "$work/plus.h5" "$work/minus.h5"
expect_lines 'fixed/kernel (6, 3): 1 of 18 elements differ' '    first at [0, 0]: 0x0p+0 (0) | -0x0p+0 (-0)' \
    '    largest 0 ULPs: zeros of opposite sign'

say "compare: other architectures, and files without weights"
sed 's/units: 3, activation/units: 4, activation/' "$work/experiment.yaml" >"$work/wide.yaml"
train 1 "$work/wide" "$work/wide.yaml"
refuse 1 1 "different architectures" "dense/kernel (3, 3)" "dense/kernel (3, 4)" -- \
    compare "$model" "$work/wide/model.h5"
sed 's/^compile/  - dense: {units: 3}\n&/' "$work/experiment.yaml" >"$work/deep.yaml"
train 1 "$work/deep" "$work/deep.yaml"
refuse 1 1 "has 4 weights" "has 6" dense_1/kernel -- compare "$model" "$work/deep/model.h5"
refuse 1 1 "$data" "no weights" -- compare "$model" "$data"
succeed 1 predict "$model" --data "$data" --output "$work/predictions.h5"
refuse 1 2 "'$work/predictions.h5' holds no model" -- compare "$model" "$work/predictions.h5"
succeed 1 compare "$work/predictions.h5" "$work/predictions.h5"
refuse 2 1 "A.h5 B.h5" -- compare "$model"

say "files that are missing, cut off or of another kind"
head -c 3000 "$model" >"$work/cut.h5"
head -c $((kernel + 8)) "$model" >"$work/cut2.h5"
echo "not HDF5, whatever its name" >"$work/text.h5"
: >"$work/empty.h5"
for file in "$work/absent.h5" "$work/cut.h5" "$work/cut2.h5" "$work/text.h5" "$work/empty.h5" "$work"; do
    refuse 1 1 "$file" -- inspect "$file"
    [[ ! -s $work/out ]] || fail "inspect said something about a file it cannot read"
    refuse 1 1 "$file" -- compare "$file" "$model"
    refuse 1 1 "$file" -- compare "$model" "$file"
done
refuse 1 2 "$work/absent.h5" -- inspect "$work/absent.h5"
refuse 2 1 FILE.h5 -- inspect

say "help"
for command in import summary inspect compare; do
    succeed 1 "$command" --help
    expect_words "usage: lockstep $command "
done
succeed 1 import npy --help
expect_words "usage: lockstep import npy " "--channels-first ARRAY"
! grep -q cifar10 "$work/out" || fail "the help of a format shows others"
