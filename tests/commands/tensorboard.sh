#!/usr/bin/env bash
# The tensorboard callback of the program: what it refuses, a run that is killed, a disk that is full.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"

cat >"$work/plain.yaml" <<EOF
seed: 4
data:
  file: $fashion_mnist
  train: {x: /train/x, y: /train/y, rows: [0, 600]}
  test: {x: /test/x, y: /test/y, rows: [0, 200]}
model:
  - flatten: {}
  - dense: {units: 16, activation: relu}
  - dense: {units: 10, activation: softmax}
compile: {optimizer: sgd, loss: sparse_categorical_crossentropy, metrics: [accuracy]}
fit: {epochs: 3, batch_size: 40, microbatch: 10, validation_data: test}
EOF

# NAME ARGUMENTS: an experiment with the callback.
with() {
    (cat "$work/plain.yaml" && printf 'callbacks:\n  - tensorboard: {%s}\n' "$2") >"$work/$1.yaml"
}

# DIR TAG: how many events of that tag the files in it hold. Tags lie in them as text.
count() {
    cat "$1"/*tfevents* | { grep -aoF "$2" || true; } | wc -l
}

# WANT DIR TAG
expect() {
    local n
    n=$(count "$2" "$3")
    ((n == $1)) || fail "$n events of '$3' in $2 instead of $1"
}

say "defaults, as Keras's"
train 1 "$work/plain" "$work/plain.yaml"
with default ''
train 2 "$work/default" "$work/default.yaml"
same "$work/plain/fingerprint.txt" "$work/default/fingerprint.txt" "with the callback"
same "$work/plain/history.csv" "$work/default/history.csv" "with the callback"
boards=$work/default/tensorboard
expect 1 "$boards/train" graph_keras_model
for tag in epoch_loss epoch_accuracy epoch_learning_rate; do
    expect 3 "$boards/train" "$tag"
done
for tag in epoch_loss epoch_accuracy evaluation_loss_vs_iterations evaluation_accuracy_vs_iterations; do
    expect 3 "$boards/validation" "$tag"
done
expect 0 "$boards/train" batch_loss
expect 0 "$boards/train" histogram
expect 0 "$boards/train" steps_per_second
(cat "$work/plain.yaml" && printf 'callbacks: [tensorboard]\n') >"$work/name.yaml"
train 1 "$work/name" "$work/name.yaml" --set fit.epochs=1
expect 1 "$work/name/tensorboard/train" epoch_loss

say "all that there is, in another directory"
with all "log_dir: $work/logs, histogram_freq: 2, write_graph: false, write_steps_per_second: true, update_freq: 4, \
write_images: false, profile_batch: 0, embeddings_freq: 0, embeddings_metadata: null, histogram_gradients: true"
train 3 "$work/all" "$work/all.yaml"
same "$work/plain/fingerprint.txt" "$work/all/fingerprint.txt" "with all of the callback"
[[ ! -e $work/all/tensorboard ]] || fail "log_dir is ignored"
expect 0 "$work/logs/train" graph_keras_model
expect 11 "$work/logs/train" batch_loss # of 45 updates
expect 11 "$work/logs/train" batch_steps_per_second
expect 3 "$work/logs/train" epoch_steps_per_second
for weight in dense/kernel dense/bias dense_1/kernel dense_1/bias; do
    expect 2 "$work/logs/train" "sequential/$weight/histogram"
    expect 2 "$work/logs/train" "sequential/$weight/gradient/histogram"
done

say "what it refuses"
refused() {
    with wrong "$1"
    shift
    refuse 2 2 'wrong.yaml:13:' "$@" -- train "$work/wrong.yaml" --output "$work/none"
}
refused 'write_images: true' write_images images
refused 'profile_batch: [10, 20]' profile_batch profiler
refused 'embeddings_freq: 1' embeddings_freq projector
refused 'embeddings_metadata: words.tsv' embeddings_metadata projector
refused 'update_freq: 0' update_freq 'epoch, batch or a number'
refused 'update_freq: often' update_freq 'epoch, batch or a number'
refused 'histogram_freq: -1' histogram_freq
refused 'histogram_gradients: true' histogram_gradients histogram_freq
refused 'histogram_frequency: 1' histogram_frequency "did you mean 'histogram_freq'"
refused 'log_dir: model.h5' model.h5 'another name'
[[ ! -e $work/none ]] || fail "a refused run made its directory"

say "killed, and resumed on other ranks: no batch is missing, none is there twice"
with long 'update_freq: batch, histogram_freq: 1'
long=(--set 'data.train.rows=[0, 6000]' --set fit.batch_size=12 --set fit.microbatch=4 --set fit.checkpoint_every=70 --set fit.checkpoint_seconds=0)
train 1 "$work/whole" "$work/long.yaml" "${long[@]}"
for ranks in 1 2; do
    touch "$work/mark"
    start "$ranks" train "$work/long.yaml" "${long[@]}" --output "$work/parts" --resume --verbose 2
    wait_until test "$work/parts/checkpoint.h5" -nt "$work/mark"
    # shellcheck disable=SC2046
    kill -KILL $(ranks_of)
    await
done
train 3 "$work/parts" "$work/long.yaml" "${long[@]}" --resume
same_run "$work/whole" "$work/parts" "killed twice"
for tag in batch_loss batch_accuracy epoch_loss epoch_learning_rate graph_keras_model dense_1/bias/histogram; do
    expect "$(count "$work/whole/tensorboard/train" "$tag")" "$work/parts/tensorboard/train" "$tag"
done
expect 1500 "$work/parts/tensorboard/train" batch_loss
expect 3 "$work/parts/tensorboard/validation" evaluation_loss_vs_iterations

say "nowhere to write"
echo 'no directory' >"$work/taken"
with taken "log_dir: $work/taken"
for ranks in 1 3; do
    refuse 1 "$ranks" "$work/taken/train" 'directory' -- train "$work/taken.yaml" --output "$work/no$ranks"
done
disk=$work/disk
mkdir "$disk"
if mount -t tmpfs -o size=64k lockstep-test "$disk" 2>/dev/null; then
    with full "log_dir: $disk, histogram_freq: 1"
    for ranks in 1 3; do
        rm -rf "${disk:?}"/*
        head -c 56K /dev/zero >"$disk/ballast"
        refuse 1 "$ranks" "cannot write '$disk/" 'No space left on device' 'free some space' -- \
            train "$work/full.yaml" --output "$work/full$ranks"
        rm "$disk/ballast"
        train 2 "$work/full$ranks" "$work/full.yaml" --resume
        same "$work/plain/fingerprint.txt" "$work/full$ranks/fingerprint.txt" "resumed once there was room"
    done
    umount "$disk"
else
    say 'cannot mount a tmpfs: no test of a full disk'
fi
say "all the same"
