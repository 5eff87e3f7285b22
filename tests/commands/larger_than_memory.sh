#!/usr/bin/env bash
# Data larger than memory: the same files as in memory, on any number of ranks, stopped and resumed in the middle of an
# epoch; within the limit; and data that fit are held once per node.
#
# LARGE=1: with 512 MB of data and a limit of 64 MB instead of 47 MB and 6 MB.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"

rows=20480 side=48 limit_mb=6 window=2
[[ -z ${LARGE-} ]] || { rows=65536 side=88 limit_mb=64 window=5; }
bytes=$((rows * side * side))

# VALUE: as four bytes, the first the highest.
big_endian() {
    # shellcheck disable=SC2059
    printf "$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($1 >> 24 & 255)) $(($1 >> 16 & 255)) $(($1 >> 8 & 255)) $(($1 & 255)))"
}

# ROWS SIDE FILE...: IDX files of random pictures and of labels 0 to 9.
make_idx() {
    {
        printf '\0\0\x08\x03'
        big_endian "$1"
        big_endian "$2"
        big_endian "$2"
        head -c $(($1 * $2 * $2)) /dev/urandom
    } >"$3"
    {
        printf '\0\0\x08\x01'
        big_endian "$1"
        awk -v n="$1" 'BEGIN {for (i = 0; i < n; i++) printf "%d", i % 10}' | tr '0-9' '\000-\011'
    } >"$4"
}

say "$((bytes / 1000000)) MB of data, a limit of $limit_mb MB"
make_idx "$rows" "$side" "$work/x.idx" "$work/y.idx"
make_idx 1003 "$side" "$work/tx.idx" "$work/ty.idx"
succeed 1 import idx --split train="$work/x.idx,$work/y.idx" --split test="$work/tx.idx,$work/ty.idx" \
    --output "$work/data.h5"
rm "$work"/*.idx

cat >"$work/experiment.yaml" <<EOF
seed: 5
data:
  file: data.h5
  train: {x: /train/x, y: /train/y}
  test: {x: /test/x, y: /test/y}
model: [flatten: {}, dense: {units: 8, activation: relu}, dense: {units: 10, activation: softmax}]
compile: {optimizer: adam, loss: sparse_categorical_crossentropy, metrics: [accuracy]}
fit: {epochs: 2, batch_size: 256, microbatch: 32, shuffle: {window: $window}, validation_data: test}
EOF

limit=(--set "data.memory=${limit_mb}MB")
train 2 "$work/memory" "$work/experiment.yaml"
for ranks in 1 2 3 4; do
    train "$ranks" "$work/streamed-$ranks" "$work/experiment.yaml" "${limit[@]}"
    same_run "$work/memory" "$work/streamed-$ranks" "streamed on $ranks ranks"
done
say "the same files as in memory on 1 to 4 ranks"

say "stopped in the middle of an epoch, resumed on other numbers of ranks, in memory and back"
dir=$work/stopped
gets_on() {
    [[ -s $dir/checkpoint.h5 ]] && { [[ ! -e $work/before.h5 ]] || ! cmp -s "$dir/checkpoint.h5" "$work/before.h5"; }
}
sed 's/epochs: 2/epochs: 2, checkpoint_every: 5, checkpoint_seconds: 0/' "$work/experiment.yaml" >"$work/often.yaml"
for ranks in 2 3 1; do
    [[ ! -e $dir/checkpoint.h5 ]] || cp "$dir/checkpoint.h5" "$work/before.h5"
    where=("${limit[@]}")
    ((ranks != 3)) || where=()
    start "$ranks" train "$work/often.yaml" ${where[@]+"${where[@]}"} --output "$dir" --resume
    wait_until gets_on
    for pid in $(ranks_of "$dir"); do
        kill -TERM "$pid" 2>/dev/null || true
    done
    await
    ((status == 3 || status == 0)) || fail "stopped: exit status $status"
done
train 2 "$dir" "$work/often.yaml" "${limit[@]}" --resume
train 1 "$work/often" "$work/often.yaml"
same_run "$work/often" "$dir" "stopped and resumed"
refuse 1 1 'training data' -- train "$work/often.yaml" "${limit[@]}" --output "$dir" --resume --set data.train.rows=[1,10001]

say "evaluate and predict read a window at a time, too"
sed "s/file: data.h5/file: data.h5\n  memory: $((limit_mb * 1000 / 6))KB/" "$work/experiment.yaml" >"$work/small.yaml"
train 1 "$work/small" "$work/small.yaml" --set fit.epochs=1 --set fit.shuffle=false --set fit.batch_size=64
train 1 "$work/roomy" "$work/small.yaml" --set fit.epochs=1 --set fit.shuffle=false --set fit.batch_size=64 --set data.memory=1GB
same "$work/roomy/fingerprint.txt" "$work/small/fingerprint.txt" "not shuffled"
same "$work/roomy/model.h5" "$work/small/model.h5" "not shuffled: model.h5"
for ranks in 1 3; do
    for which in roomy small; do
        some=(--memory 1GB)
        [[ $which == roomy ]] || some=(--memory "$((limit_mb * 1000 / 6))KB")
        succeed "$ranks" evaluate "$work/$which/model.h5" --data "$work/data.h5" "${some[@]}"
        cp "$work/out" "$work/$which/evaluate.txt"
        succeed "$ranks" predict "$work/$which/model.h5" --data "$work/data.h5" --output "$work/$which/predictions.h5" --batch-size 70 "${some[@]}"
    done
    same "$work/roomy/evaluate.txt" "$work/small/evaluate.txt" "evaluate on $ranks ranks"
    same "$work/roomy/predictions.h5" "$work/small/predictions.h5" "predictions of $ranks ranks"
done

refuse 2 1 "a size like 512MB" -- evaluate "$work/small/model.h5" --data "$work/data.h5" --memory much

say "refusals say what would do"
refuse 2 2 'fit.shuffle: {window: ' 'data.memory' -- train "$work/experiment.yaml" "${limit[@]}" --set fit.shuffle=true --output "$work/no"
refuse 2 1 'use at most fit.shuffle: {window: ' -- train "$work/experiment.yaml" "${limit[@]}" --set fit.shuffle.window=9999 --output "$work/no"
refuse 2 1 "a size like 512MB" -- train "$work/experiment.yaml" --set data.memory=much --output "$work/no"
refuse 2 1 'KiB' -- train "$work/experiment.yaml" --set data.memory=3KX --output "$work/no"

# RANKS ARGUMENT...: starts a long run, lets it get going, and sets pss, the kB that its ranks have together, each page
# counted once, and peak, the most that one of them has had.
measure() {
    local pid kb
    rm -rf "$work/long"
    start "$1" train "$work/experiment.yaml" --output "$work/long" --set fit.epochs=1000 --set fit.checkpoint_every=100 "${@:2}"
    wait_until test -s "$work/long/checkpoint.h5"
    pss=0 peak=0
    for pid in $(ranks_of "$work/long"); do
        [[ $(tr '\0' ' ' <"/proc/$pid/cmdline") != mpirun* ]] || continue
        kb=$(awk '/^Pss:/ {print $2}' "/proc/$pid/smaps_rollup")
        pss=$((pss + kb))
        kb=$(awk '/^VmHWM:/ {print $2}' "/proc/$pid/status")
        ((kb <= peak)) || peak=$kb
    done
    for pid in $(ranks_of "$work/long"); do
        kill -TERM "$pid" 2>/dev/null || true
    done
    await
    say "$* (${pss} kB together, at most $peak kB in one)"
}

say "within the limit and 100 MB"
for ranks in 1 2; do
    measure "$ranks" "${limit[@]}"
    ((peak * 1024 < limit_mb * 1000000 + 100000000)) || fail "$ranks ranks: one has $peak kB, the limit is $limit_mb MB"
done

say "one copy per node: another rank adds less than half of the data"
measure 1
alone=$pss
for ranks in 2 4; do
    measure "$ranks"
    (((pss - alone) * 1024 < bytes / 2 * (ranks - 1))) ||
        fail "$ranks ranks have $pss kB together, one has $alone kB: more than one copy of $((bytes / 1024)) kB"
done
say "all as it should be"
