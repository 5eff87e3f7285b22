#!/usr/bin/env bash
# A checkpoint with damage anywhere: it is found before HDF5 reads the file, so that nothing hangs and nothing goes on
# from other weights; a whole one that was kept is taken instead.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"
patience_s=20

cat >"$work/e.yaml" <<EOF
seed: 3
data: {file: $fashion_mnist, train: {x: /train/x, y: /train/y, rows: [0, 60]}}
model: [average_pooling2d: {pool_size: 7}, flatten: {}, dense: {units: 4}, batch_normalization: {}, dense: {units: 10}]
compile: {optimizer: adam, loss: {sparse_categorical_crossentropy: {from_logits: true}}, metrics: [accuracy]}
fit: {batch_size: 20, epochs: 3, checkpoint_keep: 2}
EOF
sed -i 's/model: .average_pooling2d: {pool_size: 7}, /model: [reshape: {target_shape: [28, 28, 1]}, average_pooling2d: {pool_size: 7}, /' "$work/e.yaml"
train 1 "$work/whole" "$work/e.yaml"
train 1 "$work/part" "$work/e.yaml" --set fit.epochs=2
good=$work/part/checkpoint.h5
bytes=$(stat -c %s "$good")
cp "$good" "$work/good.h5"

# WHAT: the damaged $work/bad.h5 must be refused by inspect and evaluate-like readers, or be as good as the good one.
check() {
    run 1 inspect "$work/bad.h5"
    if ((status == 0)); then
        cmp -s -n "$image" "$work/bad.h5" "$work/good.h5" || fail "$1: it is taken for whole"
        return
    fi
    ((status == 1)) || fail "$1: exit status $status instead of 1"
    expect_message bad.h5
    found=$((found + 1))
}

image=$((bytes - seal_bytes)) # what is before the seal
found=0
for ((at = 0; at < bytes; at += 512)); do
    cp "$work/good.h5" "$work/bad.h5"
    dd if=/dev/zero of="$work/bad.h5" bs=512 count=1 seek=$((at / 512)) conv=notrunc status=none
    truncate -s "$bytes" "$work/bad.h5"
    check "512 zeros at $at"
    cp "$work/good.h5" "$work/bad.h5"
    flip "$work/bad.h5" "$at"
    check "a bit of byte $at"
done
((found >= image / 512)) || fail "only $found of $((bytes / 256)) damages were found"
say "of $((bytes / 256)) damages, $found found, the others of what does not matter"

# RANKS AT: with 512 zeros there, --resume takes the older one and ends as the run that was never stopped.
falls_back() {
    rm -rf "$work/again"
    cp -r "$work/part" "$work/again"
    dd if=/dev/zero of="$work/again/checkpoint.h5" bs=512 count=1 seek=$(($2 / 512)) conv=notrunc status=none
    train "$1" "$work/again" "$work/e.yaml" --resume
    if ! cmp -s "$work/good.h5" <(head -c "$bytes" "$work/part/checkpoint.h5"); then fail "the good one changed"; fi
    same_run "$work/whole" "$work/again" "after 512 zeros at $2"
}
for ((at = 0; at < image; at += 4096)); do
    falls_back $((at / 4096 % 3 == 2 ? 2 : 1)) "$at"
done
grep -q 'going back to' "$work/err" || fail "nothing is said of the damage"
rm "$work/part"/checkpoint-update*.h5
for ranks in 1 2; do
    rm -rf "$work/again"
    cp -r "$work/part" "$work/again"
    dd if=/dev/zero of="$work/again/checkpoint.h5" bs=512 count=1 seek=$((image / 1024)) conv=notrunc status=none
    refuse 1 "$ranks" "$work/again/checkpoint.h5" damaged checksum -- train "$work/e.yaml" --output "$work/again" --resume
done
say "the older one is taken, where there is one"

head -c "$image" "$work/good.h5" >"$work/part/checkpoint.h5" # as a lockstep without seals would have written it
train 2 "$work/part" "$work/e.yaml" --resume
same "$work/whole/fingerprint.txt" "$work/part/fingerprint.txt" "from a checkpoint without a seal"
say "files without a seal are read as before"
