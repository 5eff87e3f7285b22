#!/usr/bin/env bash
# A run that was stopped and goes on, on any number of ranks, ends with the files of the run that was never stopped.
# What cannot go on is refused, and nothing is touched.
#
# LS_SEED=N chooses the bytes that are damaged.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"

seed=${LS_SEED:-$RANDOM}
RANDOM=$seed

# OPTIMIZER ROWS BATCH FIT...: an experiment in which everything that can have state has some: moments of the optimizer,
# moving statistics, dropout, validation.
experiment() {
    cat <<EOF
seed: 5
data:
  file: $fashion_mnist
  train: {x: /train/x, y: /train/y, rows: [0, $2]}
  test: {x: /test/x, y: /test/y, rows: [0, 200]}
model:
  - flatten: {}
  - dense: {units: 24, activation: relu}
  - batch_normalization: {}
  - dropout: {rate: 0.25}
  - dense: {units: 10, activation: softmax}
compile:
  optimizer: $1
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
fit: {batch_size: $3, validation_data: test, ${*:4}}
EOF
}

# With 16 updates per epoch and gradients gathered over 3, an epoch ends within an accumulation.
optimizers=(
    '{adam: {learning_rate: {cosine_decay: {initial_learning_rate: 0.004, decay_steps: 50, alpha: 0.1}}, amsgrad: true,
    gradient_accumulation_steps: 3, use_ema: true, ema_momentum: 0.9, ema_overwrite_frequency: 5, clipnorm: 0.7}}'
    '{sgd: {learning_rate: {exponential_decay: {initial_learning_rate: 0.05, decay_steps: 10, decay_rate: 0.8}},
    momentum: 0.9, nesterov: true, gradient_accumulation_steps: 2, global_clipnorm: 1.0}}'
    '{rmsprop: {momentum: 0.5, centered: true, use_ema: true}}'
    nadam
)

clean_stops() {
    local i epochs dir=$work/clean pairs=(1 3 3 1 2 4 4 7)

    for i in "${!optimizers[@]}"; do
        experiment "${optimizers[i]}" 1600 100 'microbatch: 16' >"$work/clean.yaml"
        train 1 "$dir/whole" "$work/clean.yaml" --set fit.epochs=4
        for epochs in 1 3; do
            rm -rf "$dir/parts"
            train "${pairs[2 * i]}" "$dir/parts" "$work/clean.yaml" --set fit.epochs="$epochs"
            ! cmp -s "$dir/parts/fingerprint.txt" "$dir/whole/fingerprint.txt" || fail "epochs 2 to 4 change no weight"
            train "${pairs[2 * i + 1]}" "$dir/parts" "$work/clean.yaml" --set fit.epochs=4 --resume
            same_run "$dir/whole" "$dir/parts" \
                "optimizer $i, $epochs epochs on ${pairs[2 * i]} ranks, the rest on ${pairs[2 * i + 1]}"
        done
    done
}

# A signal. WHOM: all ranks, one rank that is not the first, or the process that was started (mpirun, or the only rank).
send() {
    local signal=$1 whom=$2 processes
    mapfile -t processes < <(ranks_of "$3" | sort -n)
    case $whom in
    all) kill -"$signal" "${processes[@]}" ;;
    one) kill -"$signal" "${processes[-1]}" ;;
    job) kill -"$signal" "$job" ;;
    esac
}

# RANKS SIGNAL WHOM FILE EXPERIMENT DIR: trains on until the file has been written, then stops with that signal.
stop_once() {
    local ranks=$1 signal=$2 whom=$3 file=$4 yaml=$5 dir=$6

    say "$ranks ranks, $signal to $whom after the first $file"
    touch "$work/mark"
    start "$ranks" train "$yaml" --output "$dir" --resume --verbose 2
    wait_until test "$dir/$file" -nt "$work/mark"
    send "$signal" "$whom" "$dir"
    await
    ((status == 3)) || fail "exit status $status instead of 3"
    expect_message 'stopped by a signal after update' "$dir/checkpoint.h5" '--resume'
    ! grep -q '^fingerprint' "$work/out" || fail "a stopped run prints a fingerprint"
    [[ ! -e $dir/model.h5 ]] || fail "a stopped run leaves a model.h5"
    grep -q '"stopped": true' "$dir/run.json" || fail "run.json does not say that the run was stopped"
    stopped_at=$(sed -n 's/.*after update \([0-9]*\);.*/\1/p' "$work/err")
    echo "stopped after update $stopped_at, $((stopped_at % updates_per_epoch)) into the epoch"
}

# Stopped three times, each time on another number of ranks and in another way.
signals() {
    local i dir=$work/signal last=0 within=0 stops
    stops=('3 TERM all checkpoint.h5' '1 USR1 job checkpoint.h5' '2 USR1 job history.csv'
        '4 USR1 one checkpoint.h5' '1 TERM job checkpoint.h5' '2 USR1 all history.csv')
    updates_per_epoch=300

    for i in 0 1; do
        experiment "${optimizers[i]}" 6000 20 'microbatch: 4, epochs: 8, checkpoint_every: 70, checkpoint_seconds: 0' >"$work/signal.yaml"
        train 1 "$dir/whole" "$work/signal.yaml"
        last=0
        for stop in "${stops[@]:3 * i:3}"; do
            # shellcheck disable=SC2086
            stop_once $stop "$work/signal.yaml" "$dir/parts"
            ((stopped_at > last)) || fail "stopped after update $stopped_at, but $last were done before"
            ((stopped_at % updates_per_epoch == 0)) || within=$((within + 1))
            last=$stopped_at
        done
        [[ $i != 1 ]] || cp -r "$dir/parts" "$work/stopped"
        train 3 "$dir/parts" "$work/signal.yaml" --resume
        same_run "$dir/whole" "$dir/parts" "stopped and resumed"
        # Nothing is left to train: the same once more, from the finished run.
        train 2 "$dir/parts" "$work/signal.yaml" --resume
        ! grep -q '^Epoch' "$work/out" || fail "resuming a finished run trains"
        same_run "$dir/whole" "$dir/parts" "resumed when finished"
        mv "$dir/whole" "$work/whole-$i"
        rm -r "$dir"
    done
    ((within >= 3)) || fail "only $within of ${#stops[@]} stops were within an epoch"
}

# RANKS TEXT... -- ARGUMENT...: resuming the stopped run must be refused, and nothing touched.
refuse_resume() {
    local before dir=$work/stopped
    before=$(state_of "$dir")
    refuse 1 "$1" "$dir/checkpoint.h5" "${@:2}" --output "$dir" --resume
    [[ $(state_of "$dir") == "$before" ]] || fail "a refused resume touched $dir"
}

other_experiments() {
    local yaml=$work/signal.yaml other=$work/other.yaml

    sed 's/units: 24/units: 25/' "$yaml" >"$other"
    refuse_resume 1 'units: 24' 'units: 25' -- train "$other"
    sed 's/relu/tanh/' "$yaml" >"$other"
    refuse_resume 1 'relu' 'tanh' -- train "$other"
    sed 's/momentum: 0.9/momentum: 0.8/' "$yaml" >"$other"
    refuse_resume 2 'momentum: 0.9' 'momentum: 0.8' -- train "$other"
    sed '/^data:/,/^model:/s/rows: .0, 6000./rows: [1, 6001]/' "$yaml" >"$other"
    refuse_resume 2 'training data' 'train[0+6000]' -- train "$other"
    sed '/^data:/,/^model:/s/rows: .0, 6000./rows: [0, 5999]/' "$yaml" >"$other"
    refuse_resume 1 'training data' 'train[0+6000]' 'train[0+5999]' -- train "$other"
    refuse_resume 3 'batch_size: 20' 'batch_size: 40' -- train "$yaml" --set fit.batch_size=40
    refuse_resume 1 'microbatch: 4' 'microbatch: 5' -- train "$yaml" --set fit.microbatch=5
    refuse_resume 1 'seed: 5' 'seed: 6' -- train "$yaml" --set seed=6
    refuse_resume 1 'shuffle: true' 'shuffle: false' -- train "$yaml" --set fit.shuffle=false
    refuse_resume 2 'reduction: exact' 'reduction: fast' -- train "$yaml" --set distributed.reduction=fast
}

# Damage that must be found: in the weights, in every kind of state, at the end of the file.
damage() {
    local checkpoint=$work/stopped/checkpoint.h5 good=$work/good.h5 dataset datasets attribute type_bytes offset bytes value
    local size turn=0

    cp "$checkpoint" "$good"
    bytes=$(stat -c %s "$good")
    mapfile -t datasets < <(h5dump -n "$good" | sed -n 's/^ *dataset *\(.*\)$/\1/p')
    ((${#datasets[@]} >= 20)) || fail "the checkpoint has only ${#datasets[@]} datasets"
    for dataset in "${datasets[@]}"; do
        flip "$checkpoint" $(($(offset_of "$good" "$dataset") + RANDOM % 2)) # of a finite float: still finite
        refuse_resume $((++turn % 8 ? 1 : 2)) 'damaged' -- train "$work/signal.yaml"
        cp "$good" "$checkpoint"
    done
    say "${#datasets[@]} datasets, all guarded"

    # Where the run stands is in attributes: the name, the type and the shape in multiples of 8 bytes, then the value.
    for attribute in epoch batch update iterations learning_rate; do
        offset=$(grep -obUaP "\\x00$attribute\\x00" "$good" | tail -n 1 | cut -d: -f1)
        type_bytes=16
        [[ $attribute != learning_rate ]] || type_bytes=24
        flip "$checkpoint" $((offset + 1 + (${#attribute} / 8 + 1) * 8 + type_bytes + 8))
        value=$(h5dump -a "/lockstep/$attribute" "$good")
        [[ $(h5dump -a "/lockstep/$attribute" "$checkpoint") != "$value" ]] || fail "the value of $attribute is elsewhere"
        refuse_resume 1 'damaged' -- train "$work/signal.yaml"
        cp "$good" "$checkpoint"
    done
    say "and where the run stands"

    # The last one lacks a byte of what HDF5 reads; behind it stands the checksum, which is there twice.
    for size in 0 100 $((bytes / 2)) $((bytes - seal_bytes - 1)); do
        truncate -s "$size" "$checkpoint"
        refuse_resume 1 '' -- train "$work/signal.yaml"
        cp "$good" "$checkpoint"
    done
    head -c "$bytes" /dev/urandom >"$checkpoint"
    refuse_resume 2 'is not an HDF5 file' -- train "$work/signal.yaml"
    cp "$good" "$checkpoint"
}

# Damage anywhere: it is found, or it is in bytes that do not matter and the run ends as it should.
random_damage() {
    local dir=$work/stopped bytes found=0 i offset
    bytes=$(stat -c %s "$work/good.h5")

    cp -r "$dir" "$work/pristine"
    for ((i = 0; i < 16; i++)); do
        # Half of them in what is no array: the first bytes hold HDF5's own structures.
        offset=$(((RANDOM << 15 | RANDOM) % (i % 2 ? bytes : bytes / 8)))
        flip "$dir/checkpoint.h5" "$offset"
        cp "$dir/checkpoint.h5" "$work/flipped.h5"
        run 1 train "$work/signal.yaml" --output "$dir" --resume
        if ((status == 0)); then
            fingerprint >"$dir/fingerprint.txt"
            same_run "$work/whole-1" "$dir" "a bit of byte $offset flipped"
        else
            ((status == 1)) || fail "byte $offset flipped: exit status $status instead of 1"
            expect_message
            same "$work/flipped.h5" "$dir/checkpoint.h5" "byte $offset flipped, refused: the file must stay"
            found=$((found + 1))
        fi
        rm -r "$dir"
        cp -r "$work/pristine" "$dir"
    done
    say "of 16 bits flipped anywhere (LS_SEED=$seed), $found were found and the others did not matter"
}

say "stopped after an epoch, resumed on another number of ranks"
clean_stops
signals
say "no checkpoint: --resume starts afresh"
sed -i 's/epochs: 8/epochs: 1/' "$work/signal.yaml"
train 1 "$work/fresh/a" "$work/signal.yaml"
train 2 "$work/fresh/b" "$work/signal.yaml" --resume
same_run "$work/fresh/a" "$work/fresh/b" "resumed without a checkpoint"
sed -i 's/epochs: 1/epochs: 8/' "$work/signal.yaml"
say "checkpoints of other experiments"
other_experiments
say "damaged checkpoints (LS_SEED=$seed)"
damage
random_damage
say "all the same"
