#!/usr/bin/env bash
# Callbacks decide the same on any number of ranks, and in a run that was stopped in the middle of a decision: weights,
# files and learning rates are those of the run that was never stopped.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"

# A rate that overshoots, so that the validation loss rises and falls: patience runs, the rate is cut, the run stops.
cat >"$work/callbacks.yaml" <<EOF
seed: 4
data:
  file: $fashion_mnist
  train: {x: /train/x, y: /train/y, rows: [0, 600]}
  test: {x: /test/x, y: /test/y, rows: [0, 200]}
model:
  - flatten: {}
  - dense: {units: 16, activation: relu}
  - batch_normalization: {}
  - dense: {units: 10, activation: softmax}
compile:
  optimizer: {sgd: {learning_rate: 0.5, momentum: 0.9}}
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
fit: {epochs: 30, batch_size: 40, microbatch: 10, validation_data: test, checkpoint_every: 4, checkpoint_seconds: 0}
callbacks:
  - early_stopping: {patience: 4, restore_best_weights: true, verbose: 1}
  - reduce_lr_on_plateau: {patience: 2, factor: 0.5, cooldown: 1}
  - model_checkpoint: {filepath: best.h5, save_best_only: true, monitor: val_accuracy}
  - model_checkpoint: {filepath: 'w.{epoch:02d}-{batch:02d}.weights.h5', save_weights_only: true, save_freq: 22}
  - csv_logger: {filename: log.csv}
EOF

# DIR: the files that callbacks wrote, with their hashes.
callback_files() {
    (cd "$1" && sha256sum best.h5 log.csv w.*.weights.h5)
}

# REFERENCE DIR WHAT: the run in DIR must have ended as the one in REFERENCE.
same_callbacks() {
    same_run "$1" "$2" "$3"
    [[ $(callback_files "$2") == "$(callback_files "$1")" ]] || fail "$3: other files of callbacks"
}

say "a run that early_stopping ends"
train 1 "$work/whole" "$work/callbacks.yaml" --verbose 2
epochs=$(($(wc -l <"$work/whole/history.csv") - 1))
grep -q "^Epoch $epochs: early stopping\$" "$work/out" || fail "not stopped by early_stopping, after $epochs epochs"
grep -q "^Restoring model weights from the end of the best epoch: $((epochs - 4))\.\$" "$work/out" ||
    fail "the best epoch is not 4 before the last, $epochs"
((epochs > 6 && epochs < 30)) || fail "stopped after $epochs epochs: this tests nothing"
head -n 1 "$work/whole/history.csv" | grep -q '^epoch,accuracy,learning_rate,' || fail "no learning rate in the history"
rates=$(cut -d, -f3 "$work/whole/history.csv" | tail -n +2 | sort -u | wc -l)
((rates > 1)) || fail "the learning rate was never reduced"
run 1 compare "$work/whole/checkpoint.h5" "$work/whole/model.h5"
((status == 1)) || fail "no weights were restored"

say "the same on 3 and 7 ranks"
for ranks in 3 7; do
    train "$ranks" "$work/ranks" "$work/callbacks.yaml"
    same_callbacks "$work/whole" "$work/ranks" "$ranks ranks"
    rm -r "$work/ranks"
done

say "ended at every epoch of its patience, resumed on other ranks"
for ((stop = epochs - 4; stop < epochs; stop++)); do
    train $((stop % 3 + 1)) "$work/parts" "$work/callbacks.yaml" --set fit.epochs="$stop"
    train $(((stop + 1) % 4 + 1)) "$work/parts" "$work/callbacks.yaml" --resume
    # The experiment in best.h5 may be the one with fewer epochs.
    run 1 compare "$work/parts/best.h5" "$work/whole/best.h5"
    ((status == 0)) || fail "stopped after epoch $stop: another best.h5"
    cp "$work/whole/best.h5" "$work/parts"
    same_callbacks "$work/whole" "$work/parts" "stopped after epoch $stop"
    rm -r "$work/parts"
done

say "stopped by signals" # at which a run saves itself: checkpoints on the way would only take time
sed -i 's/0, 600/0, 3600/; s/batch_size: 40, microbatch: 10/batch_size: 12, microbatch: 4/' "$work/callbacks.yaml"
sed -i 's/checkpoint_every: 4/checkpoint_every: 100/' "$work/callbacks.yaml"
sed -i 's/rate: 0.5/rate: 0.1/; s/save_freq: 22/save_freq: 511/' "$work/callbacks.yaml"
train 1 "$work/slow" "$work/callbacks.yaml" --verbose 2
grep -q ': early stopping$' "$work/out" || fail "not stopped by early_stopping"
for ranks in 2 1 3; do
    touch "$work/mark"
    start "$ranks" train "$work/callbacks.yaml" --output "$work/parts" --resume --verbose 2
    wait_until test "$work/parts/history.csv" -nt "$work/mark"
    # shellcheck disable=SC2046
    kill -TERM $(ranks_of)
    await
    ((status == 3)) || fail "exit status $status instead of 3"
    say "$ranks ranks: $(sed -n 's/.*\(after update [0-9]*\);.*/\1/p' "$work/err")"
done
train 4 "$work/parts" "$work/callbacks.yaml" --resume
same_callbacks "$work/slow" "$work/parts" "stopped by signals"

say "a finished run trains no more"
train 2 "$work/parts" "$work/callbacks.yaml" --resume
! grep -q '^Epoch [0-9]*/' "$work/out" || fail "resuming a run that was stopped early trains"
same_callbacks "$work/slow" "$work/parts" "resumed when finished"

say "callbacks may change when a run goes on, which is said; names that are none are refused"
sed 's/patience: 4/patience: 5/' "$work/callbacks.yaml" >"$work/other.yaml"
train 2 "$work/parts" "$work/other.yaml" --resume
grep '^lockstep: warning: after update' "$work/err" | grep 'patience: 5' | grep -q 'patience: 4' || fail "nothing is said"
sed 's/early_stopping: {/early_stopping: {monitor: val_acuracy, /' "$work/callbacks.yaml" >"$work/other.yaml"
refuse 2 3 'other.yaml:17:' 'val_acuracy' 'val_accuracy' -- train "$work/other.yaml" --output "$work/none"
[[ ! -e $work/none ]] || fail "a refused run made its directory"
say "all the same"
