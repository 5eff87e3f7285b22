#!/usr/bin/env bash
# What users get wrong, and what machines do to them: one message that says where and what, the right exit status, no
# hang, nothing overwritten. On one rank and on three alike.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"

# --- data: 40 samples of 4 numbers that depend on the sample, and labels 0, 1, 2 --------------------------------------

# TYPE SIZE...: the header of an IDX file.
idx_header() {
    # shellcheck disable=SC2059
    printf "\\x00\\x00\\x$1\\x0$(($# - 1))"
    shift
    # shellcheck disable=SC2059
    printf "\\x00\\x00\\x00\\x$(printf '%02x' "$1")"
    shift
    (($# == 0)) || printf '\x00\x00\x00\x04'
}

# SAMPLES [BAD]: big-endian float32, 4 per sample; element 2 of sample BAD is a NaN.
idx_images() {
    local values=('\x3f\x80\x00\x00' '\xbf\x00\x00\x00' '\x40\x00\x00\x00' '\x00\x00\x00\x00' '\xc0\x20\x00\x00') i
    idx_header 0d "$1" 4
    for ((i = 0; i < 4 * $1; i++)); do
        # shellcheck disable=SC2059
        if ((i == 4 * ${2:--1} + 2)); then
            printf '\x7f\xc0\x00\x00'
        else
            printf "${values[i * i % 5]}"
        fi
    done
}

# SAMPLES [BAD]: labels; that of sample BAD is 7.
idx_labels() {
    local i
    idx_header 08 "$1"
    for ((i = 0; i < $1; i++)); do
        # shellcheck disable=SC2059
        printf "\\x0$((i == ${2:--1} ? 7 : i % 3))"
    done
}

# NAME IMAGES LABELS: $work/NAME.h5 from two IDX files.
import() {
    succeed 1 import idx --split "train=$2,$3" --output "$work/$1.h5"
}

make_data() {
    idx_images 40 >"$work/images"
    idx_labels 40 >"$work/labels"
    import good "$work/images" "$work/labels"
    idx_images 40 23 >"$work/nan-images"
    import nan "$work/nan-images" "$work/labels"
    idx_labels 40 31 >"$work/bad-labels"
    import label "$work/images" "$work/bad-labels"
    head -c 900 "$work/good.h5" >"$work/truncated.h5"
    head -c -1 "$work/good.h5" >"$work/shorter.h5"
    : >"$work/empty.h5"
    echo 'sample,label' >"$work/text.h5"
}

experiment() {
    cat >"$work/good.yaml" <<'EOF'
seed: 2
data:
  file: good.h5
  train: {x: /train/x, y: /train/y}
model:
  - dense: {units: 8, activation: relu, name: hidden}
  - dense: {units: 3, activation: softmax}
compile:
  optimizer: {sgd: {learning_rate: 0.1}}
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
fit: {epochs: 2, batch_size: 10, microbatch: 3}
EOF
}

# NAME SED...: $work/NAME.yaml is the good experiment, changed.
changed() {
    sed -E "${@:2}" "$work/good.yaml" >"$work/$1.yaml"
    ! cmp -s "$work/good.yaml" "$work/$1.yaml" || fail "sed ${*:2} changes nothing"
}

# STATUS WHAT SED TEXT...: the experiment changed by SED must be refused with that status and a message with all TEXTs,
# before anything is written.
bad() {
    local want=$1 what=$2 change=$3 ranks
    changed bad "$change"
    for ranks in 1 3; do
        say "$what, $ranks ranks"
        refuse "$want" "$ranks" "${@:4}" -- train "$work/bad.yaml" --output "$work/never"
        [[ ! -e $work/never ]] || fail "a refused experiment leaves a run directory"
        sed -n 's/^lockstep: /   /p' "$work/err"
    done
}

# STATUS WHAT TEXT... -- ARGUMENT...: the same for a whole command line.
wrong() {
    local want=$1 what=$2 ranks
    for ranks in 1 3; do
        say "$what, $ranks ranks"
        refuse "$want" "$ranks" "${@:3}"
        sed -n 's/^lockstep: /   /p' "$work/err"
    done
}

bad_experiments() {
    bad 2 'unknown key' 's/batch_size/bach_size/' 'bad.yaml:12:' 'bach_size' 'batch_size'
    bad 2 'unknown key at the top' 's/^fit:/fitt:/' 'bad.yaml:12:1' 'fitt' "'fit'"
    bad 2 'unknown key of a layer' 's/units: 8/unit: 8/' 'bad.yaml:6:' "'unit'" "'units'"
    bad 2 'unknown layer' 's/dense: (.units: 8)/dence: \1/' 'bad.yaml:6:' 'dence' 'dense'
    bad 2 'unknown activation' 's/relu/rellu/' 'bad.yaml:6:' 'rellu' 'relu'
    bad 2 'unknown optimizer' 's/sgd/sdg/' 'bad.yaml:9:' 'sdg' 'sgd'
    bad 2 'unknown loss' 's/sparse_cat/sparse_kat/' 'bad.yaml:10:' 'sparse_kat' 'sparse_categorical_crossentropy'
    bad 2 'unknown metric' 's/accuracy/acuracy/' 'bad.yaml:11:' 'acuracy' 'accuracy'
    bad 2 'text for a number' 's/units: 8/units: many/' 'bad.yaml:6:' 'many'
    bad 2 'batch of 0' 's/batch_size: 10/batch_size: 0/' 'bad.yaml:12:' 'batch_size' '0'
    bad 2 'microbatch of 0' 's/microbatch: 3/microbatch: 0/' 'bad.yaml:12:' 'microbatch' '0'
    bad 2 '0 epochs' 's/epochs: 2/epochs: 0/' 'bad.yaml:12:' 'epochs' '0'
    bad 2 'no YAML' 's/^seed: 2/seed: [2/' 'bad.yaml:'
    bad 2 'a key twice' 's/^seed: 2/seed: 2\nseed: 3/' 'bad.yaml:2:' 'seed'
    bad 2 'no layers' '/dense/d; s/^model:/model: []/' 'bad.yaml:5:' 'model'
    bad 2 'no model' '/dense/d; /^model:/d' 'model'
    bad 2 'no data' '/^data:/,/train:/d' 'data'
    bad 2 'no loss' '/^  loss:/d' 'loss'
    bad 2 'unknown split' 's/^fit: ./&validation_data: tran, /' 'bad.yaml:12:' 'tran' 'train'
    bad 2 'no training left' 's/^fit: ./&validation_split: 0.999, /' 'bad.yaml:12:' 'validation_split'
}

bad_data() {
    bad 1 'no such file' 's/good.h5/none.h5/' 'none.h5' 'No such file'
    bad 1 'no such dataset' 's,/train/x,/trian/x,' 'good.h5:/trian/x' '/train/x'
    bad 1 'a group' 's,/train/x,/train,' 'good.h5:/train' 'group'
    bad 1 'truncated HDF5' 's/good.h5/truncated.h5/' 'truncated.h5' 'truncated'
    bad 1 'HDF5 short of a byte' 's/good.h5/shorter.h5/' 'shorter.h5' 'truncated'
    bad 1 'no HDF5' 's/good.h5/text.h5/' 'text.h5' 'not an HDF5 file'
    bad 1 'an empty file' 's/good.h5/empty.h5/' 'empty.h5' 'empty'
    bad 1 'NaN in the data' 's/good.h5/nan.h5/' 'nan.h5:/train/x' 'sample 23' 'nan' 'element 2'
    bad 1 'label out of range' 's/good.h5/label.h5/' 'label.h5:/train/y' 'sample 31' 'label 7' '3 classes'
    bad 1 'too few classes' 's/units: 3/units: 2/' 'good.h5:/train/y' 'sample 2' 'label 2' '2 classes'
    bad 2 'rows beyond the end' 's,y: /train/y,&\, rows: [30\, 41],' 'good.h5' '41' '40'
    bad 2 'no rows' 's,y: /train/y,&\, rows: [30\, 30],' 'bad.yaml:4:' 'rows'
    bad 1 'x and y of different lengths' 's,train: .*,train: {x: /train/x\, y: {path: /train/y\, file: other.h5}},' \
        'other.h5:/train/y' '39' '40'
    bad 1 'targets of another shape' 's/sparse_categorical_crossentropy/mse/; s,y: /train/y,y: /train/x,; /metrics/d' \
        'mean_squared_error' '(4,)' '(3,)'
    bad 1 'input of another shape' 's/^model:/&\n  - input: {shape: [5]}/' 'good.h5:/train/x' '(4,)' '(5,)'
    bad 1 'weights of another model' 's/^seed: 2/&\ninitial_weights: good.h5/' 'good.h5'
}

bad_commands() {
    local yaml=$work/good.yaml
    wrong 2 'no experiment file' 'none.yaml' 'No such file' -- train "$work/none.yaml" --output "$work/never"
    wrong 2 'no experiment' 'EXPERIMENT.yaml' -- train --output "$work/never"
    wrong 2 'no output' 'output' -- train "$yaml"
    wrong 2 'unknown option' '--ressume' '--resume' -- train "$yaml" --ressume
    wrong 2 'unknown option value' '--verbose' "'3'" -- train "$yaml" --verbose 3
    wrong 2 'unknown setting' 'fit.epoch' 'epochs' -- train "$yaml" --output "$work/never" --set fit.epoch=3
    wrong 2 'setting without value' 'fit.epochs' -- train "$yaml" --output "$work/never" --set fit.epochs
    wrong 2 'unknown command' 'trian' 'train' -- trian "$yaml"
    wrong 1 'no model file' 'none.h5' 'No such file' -- evaluate "$work/none.h5" --data "$work/good.h5"
    wrong 1 'no model in the file' 'good.h5' 'lockstep model' -- evaluate "$work/good.h5" --data "$work/good.h5"
    wrong 2 'no data' '--data' -- predict "$work/good.h5" --output "$work/never"
    [[ ! -e $work/never ]] || fail "a refused command leaves files"
}

bad_model_files() {
    train 1 "$work/run" "$work/good.yaml"
    wrong 1 'no such split' '/test/x' -- evaluate "$work/run/model.h5" --data "$work/good.h5"
    wrong 1 'label out of range' 'sample 31' -- evaluate "$work/run/model.h5" --data "$work/label.h5" --split train
    wrong 1 'predict on NaN' 'sample 23' -- predict "$work/run/model.h5" --data "$work/nan.h5" --split train \
        --output "$work/never"
    wrong 1 'predictions to nowhere' "$work/none/out.h5" 'No such file' -- \
        predict "$work/run/model.h5" --data "$work/good.h5" --split train --output "$work/none/out.h5"
    cp "$work/run/model.h5" "$work/flipped.h5"
    flip "$work/flipped.h5" "$(offset_of "$work/flipped.h5" "/model_weights/hidden/.*kernel.*")"
    wrong 1 'a model with one wrong bit' 'flipped.h5' 'damaged' -- \
        evaluate "$work/flipped.h5" --data "$work/good.h5" --split train
    head -c 5000 "$work/run/model.h5" >"$work/cut.h5"
    wrong 1 'truncated model' 'cut.h5' 'truncated' -- evaluate "$work/cut.h5" --data "$work/good.h5" --split train
    [[ ! -e $work/never ]] || fail "a refused command leaves files"
    say 'numbers that nobody gets'
    status=0
    "$lockstep" evaluate "$work/run/model.h5" --data "$work/good.h5" --split train >/dev/full 2>"$work/err" || status=$?
    ((status == 1)) || fail "exit status $status instead of 1"
    expect_message 'standard output' 'No space left on device'
}

# Surplus ranks change nothing, and one line says that they are idle.
idle_ranks() {
    local ranks
    say 'more ranks than microbatches'
    for ranks in 5 7; do
        train "$ranks" "$work/idle" "$work/good.yaml"
        same_run "$work/run" "$work/idle" "$ranks ranks for 4 microbatches"
        expect_message 'warning' "$ranks ranks" '4 microbatches' "$((ranks - 4)) ranks"
        rm -r "$work/idle"
    done
    train 4 "$work/idle" "$work/good.yaml"
    ! grep -q '^lockstep:' "$work/err" || fail "4 ranks for 4 microbatches give a warning"
}

bad_outputs() {
    local before
    echo precious >"$work/file"
    before=$(state_of "$work/run")
    wrong 1 'a file instead of the run directory' "$work/file" 'not a directory' -- \
        train "$work/good.yaml" --output "$work/file"
    wrong 1 'a file on the way' "$work/file" -- train "$work/good.yaml" --output "$work/file/run"
    wrong 1 'a file on the way, with a trace' "$work/file" -- \
        train "$work/good.yaml" --output "$work/file/run" --trace
    [[ $(cat "$work/file") == precious ]] || fail "the file was overwritten"
    if [[ $(id -u) == 0 ]]; then
        say 'root may write everywhere: no test of a read-only directory'
    else
        chmod a-w "$work/run"
        wrong 1 'a read-only directory' "$work/run" 'Permission denied' -- train "$work/good.yaml" --output "$work/run" --overwrite
        chmod u+w "$work/run"
    fi
    mkdir -p "$work/taken/model.h5"
    wrong 1 'a directory instead of the model' 'model.h5' 'directory' -- train "$work/good.yaml" --output "$work/taken" --overwrite
    [[ $(state_of "$work/run") == "$before" ]] || fail "another run was touched"
}

# The old checkpoint, model and history must survive a disk that fills up, whole.
full_disk() {
    local disk=$work/disk ranks before size free
    mkdir "$disk"
    if ! mount -t tmpfs -o size=256k lockstep-test "$disk" 2>/dev/null; then
        say 'cannot mount a tmpfs: no test of a full disk'
        return
    fi
    train 1 "$disk/run" "$work/good.yaml"
    before=$(cd "$disk/run" && sha256sum ./*.h5)
    cp "$disk/run/history.csv" "$work/history.csv"
    for free in 0 8; do
        size=$(($(df --output=avail -k "$disk" | tail -n 1) - free))
        head -c "${size}K" /dev/zero >"$disk/ballast"
        for ranks in 1 3; do
            say "a disk with $free KiB left, $ranks ranks"
            refuse 1 "$ranks" "cannot write '$disk/run/" 'No space left on device' 'free some space' -- \
                train "$work/good.yaml" --output "$disk/run" --resume --set fit.epochs=4
            [[ $(cd "$disk/run" && sha256sum ./*.h5) == "$before" ]] ||
                fail "a full disk spoils the files that were there"
            # Perhaps with a row more: it is small, and written first.
            cmp -s -n "$(stat -c %s "$work/history.csv")" "$work/history.csv" "$disk/run/history.csv" ||
                fail "a full disk spoils the history"
            [[ -z $(find "$disk" -name '*.tmp*') ]] || fail "a temporary file stays"
        done
        rm "$disk/ballast"
    done
    train 3 "$disk/run" "$work/good.yaml" --resume --set fit.epochs=4
    train 1 "$work/enough" "$work/good.yaml" --set fit.epochs=4
    same_run "$work/enough" "$disk/run" "resumed once there was room"
    umount "$disk"
}

divergence() {
    local ranks
    changed diverging 's/learning_rate: 0.1/learning_rate: 1e30/'
    for ranks in 1 3; do
        say "training that diverges, $ranks ranks"
        refuse 1 "$ranks" 'epoch 1, batch ' 'update ' "layer '" 'lower the learning rate' -- \
            train "$work/diverging.yaml" --output "$work/diverging"
        [[ ! -e $work/diverging/model.h5 ]] || fail "a failed training leaves a model.h5"
        sed -n 's/^lockstep: //p' "$work/err" >"$work/diverging-$ranks"
        cat "$work/diverging-$ranks"
    done
    same "$work/diverging-1" "$work/diverging-3" 'the message of a training that diverges'
}

# A rank that hangs ends the job.
hanging_rank() {
    local which ranks begun
    # shellcheck disable=SC2016
    changed long 's/epochs: 2/epochs: 1000000/; $a distributed: {timeout: 3}'
    for which in 0 2; do
        say "a rank that hangs"
        start 3 train "$work/long.yaml" --output "$work/long" --verbose 2
        wait_until test -e "$work/long/history.csv"
        mapfile -t ranks < <(ranks_of "$work/long" | sort -n)
        kill -STOP "${ranks[which]}"
        begun=$SECONDS
        await
        ((status == 1)) || fail "exit status $status instead of 1"
        ((SECONDS - begun <= 15)) || fail "ended only $((SECONDS - begun)) s after a rank was stopped"
        ((SECONDS - begun >= 2)) || fail "ended $((SECONDS - begun)) s after a rank was stopped, before the time was up"
        expect_message 'rank ' 'no progress for 3 s after update ' ', while ' 'distributed.timeout'
        [[ -z $(ranks_of) ]] || fail "these ranks go on: $(ranks_of | tr '\n' ' ')"
        sed -n 's/^lockstep: /   /p' "$work/err"
        rm -r "$work/long"
    done
}

experiment
make_data
idx_images 39 >"$work/images"
idx_labels 39 >"$work/labels"
import other "$work/images" "$work/labels"
bad_experiments
bad_data
bad_commands
bad_model_files
idle_ranks
bad_outputs
full_disk
divergence
hanging_rank
say "all refused as they should be"
