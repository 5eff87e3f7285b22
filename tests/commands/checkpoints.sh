#!/usr/bin/env bash
# The checkpoints of a run directory: how many stay, which one a damaged run goes back to, how often they are written,
# and that nothing of a killed writer stays.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"

yaml=$work/experiment.yaml
cat >"$yaml" <<EOF
seed: 2
data: {file: $fashion_mnist, train: {x: /train/x, y: /train/y, rows: [0, 200]}}
model:
  - flatten: {}
  - dense: {units: 8, activation: relu}
  - dense: {units: 10, activation: softmax}
compile: {optimizer: adam, loss: sparse_categorical_crossentropy}
fit: {epochs: 8, batch_size: 50, microbatch: 10, checkpoint_keep: 3, checkpoint_seconds: 0}
EOF
dir=$work/run

# NAME...: the checkpoints in the directory, and no others.
expect_checkpoints() {
    local found
    found=$(cd "$dir" && ls checkpoint*)
    [[ $found == "$(printf '%s\n' "$@" | sort)" ]] || fail "the checkpoints are $(tr '\n' ' ' <<<"$found")instead of $*"
}

# TEXT...: one line of warning holds them all.
expect_warning() {
    local text n
    n=$(grep -c '^lockstep: warning: ' "$work/err" || true)
    ((n == 1)) || fail "$n warnings instead of 1"
    for text in "$@"; do
        grep '^lockstep: warning: ' "$work/err" | grep -qF -- "$text" || fail "the warning does not say '$text'"
    done
}

# FILE: damages it where it matters.
damage() {
    flip "$1" "$(offset_of "$1" '/model_weights/dense/.*kernel.*')"
}

# [--set KEY=VALUE]...: goes on from what is there, on 2 ranks; must end as the run that nothing happened to.
go_on() {
    train 2 "$dir" "$yaml" --resume "$@"
    same "$work/whole/fingerprint.txt" "$dir/fingerprint.txt" 'resumed'
    same "$work/whole/history.csv" "$dir/history.csv" 'resumed'
}

say 'the last three stay'
train 1 "$dir" "$yaml"
expect_checkpoints checkpoint.h5 checkpoint-update24.h5 checkpoint-update28.h5
cp -r "$dir" "$work/whole"
train 3 "$work/three" "$yaml"
for file in checkpoint.h5 checkpoint-update24.h5 checkpoint-update28.h5; do
    same "$dir/$file" "$work/three/$file" 'on 3 ranks'
done

say 'a damaged checkpoint: the one before it, and a word about it'
damage "$dir/checkpoint.h5"
go_on
expect_warning "'$dir/checkpoint.h5' is damaged" "going back to '$dir/checkpoint-update28.h5'"
same "$work/whole/checkpoint.h5" "$dir/checkpoint.h5" 'written again'
expect_checkpoints checkpoint.h5 checkpoint-update24.h5 checkpoint-update28.h5

say 'no checkpoint.h5, the next one cut short'
rm "$dir/checkpoint.h5"
truncate -s 1000 "$dir/checkpoint-update28.h5"
go_on
[[ $(grep -c '^lockstep: warning: ' "$work/err") == 2 ]] || fail 'not one warning for each'
grep -q "there is no '$dir/checkpoint.h5'" "$work/err" || fail 'no word about the missing one'
grep -q "going back to '$dir/checkpoint-update24.h5'" "$work/err" || fail 'no word about the one it goes on from'
same "$work/whole/checkpoint-update28.h5" "$dir/checkpoint-update28.h5" 'written again'

say 'all of them damaged: refused, and nothing touched'
for file in "$dir"/checkpoint*; do
    truncate -s 1000 "$file"
done
before=$(state_of "$dir")
refuse_all() {
    run 2 train "$yaml" --output "$dir" --resume
    ((status == 1)) || fail "exit status $status instead of 1"
    [[ $(grep -c '^lockstep: ' "$work/err") == 3 ]] || fail 'not two warnings and one message'
    grep -q "^lockstep: no checkpoint in '$dir' is whole: .*checkpoint-update24.h5" "$work/err" || fail 'another message'
}
refuse_all
[[ $(state_of "$dir") == "$before" ]] || fail 'a refused resume touched the directory'

say 'one that belongs to another experiment is not passed over'
cp "$work/whole"/checkpoint* "$dir"
damage "$dir/checkpoint.h5"
run 1 train "$yaml" --output "$dir" --resume --set seed=3
((status == 1)) || fail 'went on from another experiment'
grep -q '^lockstep: .*seed: 2.*seed: 3' "$work/err" || fail 'another message'

say 'a fresh run in the same directory replaces them all'
train 2 "$dir" "$yaml" --set fit.epochs=3
expect_checkpoints checkpoint.h5 checkpoint-update4.h5 checkpoint-update8.h5
go_on
expect_checkpoints checkpoint.h5 checkpoint-update24.h5 checkpoint-update28.h5

say 'at least so many seconds between checkpoints: the last one is written always; older ones of another run go'
train 2 "$dir" "$yaml" --set fit.checkpoint_seconds=1000 --set fit.checkpoint_every=1
expect_checkpoints checkpoint.h5
same "$work/whole/fingerprint.txt" "$dir/fingerprint.txt" 'with few checkpoints'
same "$work/whole/history.csv" "$dir/history.csv" 'with few checkpoints'
rm -r "$dir"
train 2 "$dir" "$yaml" --set fit.checkpoint_seconds=1000 --set fit.epochs=4
go_on --set fit.checkpoint_seconds=1000

say 'stopped by a signal: the checkpoint is of the last update, whatever the clock says'
rm -r "$dir"
start 2 train "$yaml" --output "$dir" --set fit.checkpoint_seconds=1000 --set fit.epochs=100000 --verbose 2
wait_until grep -q '^Epoch 3/' "$work/out"
kill -USR1 "$job"
await
((status == 3)) || fail "exit status $status instead of 3"
expect_checkpoints checkpoint.h5
update=$(sed -n 's/.*after update \([0-9]*\);.*/\1/p' "$work/err")
h5dump -a /lockstep/update "$dir/checkpoint.h5" | grep -q ": $update\$" || fail "not the checkpoint of update $update"

say 'inspect says whether a checkpoint is whole'
succeed 1 inspect "$dir/checkpoint.h5"
grep -q '^    checksum       holds$' "$work/out" || fail 'the checksum of a good checkpoint does not hold'
for array in /lockstep/exponents/E '/lockstep/optimizer/velocity/dense/.*bias.*' /lockstep/history/value; do
    cp "$dir/checkpoint.h5" "$work/flipped.h5"
    flip "$work/flipped.h5" "$(offset_of "$work/flipped.h5" "$array")"
    refuse 1 1 flipped.h5 'the checksum of the file does not hold' -- inspect "$work/flipped.h5"
    unseal "$work/flipped.h5" # a file without a seal is looked into
    succeed 1 inspect "$work/flipped.h5"
    grep -q '^    checksum       does not hold: the state was changed or is damaged$' "$work/out" || fail "$array: not seen"
done
cp "$dir/checkpoint.h5" "$work/flipped.h5"
train 2 "$work/everything" "$yaml" --set fit.noise_scale=true
succeed 1 inspect "$work/everything/checkpoint.h5"
grep -q '^    checksum       holds$' "$work/out" || fail 'the checksum of a checkpoint with a noise scale does not hold'
damage "$work/flipped.h5"
unseal "$work/flipped.h5"
succeed 1 inspect "$work/flipped.h5"
grep -q 'was recorded: the weights were changed or are damaged$' "$work/out" || fail 'damaged weights are not seen'

say 'warnings come from one rank'
train 3 "$dir" "$yaml" --set fit.steps_per_epoch=3
[[ $(grep -c '^lockstep: warning: ' "$work/err") == 1 ]] || fail 'not one warning'
grep -q 'fit.steps_per_epoch is 3, and the training data have 4 batches: one epoch in 2 has what is left, 1' "$work/err" ||
    fail 'another warning'

say 'what goes to a file is plain lines: two per epoch and the fingerprint'
line='[0-9]+/[0-9]+ - [0-9]+s - [0-9]+(us|ms|s)/step - loss: [0-9.e+-]+'
grep -vxE "Epoch [0-9]+/8|$line|fingerprint: [0-9a-f]{32}" "$work/out" >"$work/strange" || true
[[ ! -s $work/strange ]] || fail "strange lines: $(od -c "$work/strange" | head -n 5)"
(($(wc -l <"$work/out") == 17)) || fail "$(wc -l <"$work/out") lines instead of 17"

say 'what a killed writer left is gone, and nothing else'
rm -r "$dir"
mkdir "$dir"
sleep 0 & # a process that is gone
gone=$!
wait
touch "$dir/checkpoint.h5.$gone.tmp" "$dir/history.csv.$gone.tmp" "$dir/notes.tmp" "$dir/7.tmp" "$dir/x.h5.$$.tmp"
train 2 "$dir" "$yaml"
[[ -e $dir/notes.tmp && -e $dir/7.tmp ]] || fail 'a file of the user is gone'
[[ -e $dir/x.h5.$$.tmp ]] || fail 'a file of a process that lives is gone'
[[ ! -e $dir/checkpoint.h5.$gone.tmp && ! -e $dir/history.csv.$gone.tmp ]] || fail 'a leftover is still there'
say 'all as it should be'
