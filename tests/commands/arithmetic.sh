#!/usr/bin/env bash
# distributed.arithmetic. portable: every way to multiply (LOCKSTEP_PRODUCT) that this processor has, alone or mixed among
# the ranks of one job, ends with the same files, and a run goes on under another. openblas: one kernel family per job, and
# a run goes on under the family it began with, unless it is told to go on.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"

cat >"$work/e.yaml" <<YAML
seed: 3
data: {file: $fashion_mnist, train: {x: /train/x, y: /train/y, rows: [0, 200]}}
model: [reshape: {target_shape: [28, 28, 1]}, conv2d: {filters: 5, kernel_size: 3, strides: 3, activation: relu}, flatten: {},
        dense: {units: 33, activation: tanh}, dense: {units: 10, activation: softmax}]
compile: {optimizer: adam, loss: sparse_categorical_crossentropy}
fit: {epochs: 2, batch_size: 64, microbatch: 8}
YAML

# The ways this processor can multiply: a way it has not is refused, and so is a name that there is not.
paths=()
for path in avx512 avx2 neon generic; do
    export LOCKSTEP_PRODUCT=$path
    run 1 train "$work/e.yaml" --output "$work/$path"
    if ((status == 0)); then
        paths+=("$path")
        fingerprint >"$work/$path/fingerprint.txt"
    else
        expect_message "LOCKSTEP_PRODUCT" "$path"
    fi
done
say "multiplies by: ${paths[*]}"
[[ ${paths[-1]} == generic ]] || fail "no generic way to multiply"
LOCKSTEP_PRODUCT=abacus refuse 2 1 LOCKSTEP_PRODUCT abacus generic -- train "$work/e.yaml" --output "$work/none"
unset LOCKSTEP_PRODUCT
train 1 "$work/chosen" "$work/e.yaml"
for path in "${paths[@]}"; do
    same_run "$work/chosen" "$work/$path" "the chosen way to multiply and $path"
done
grep -qF '"arithmetic": "portable, revision ' "$work/chosen/run.json" || fail "run.json does not say which arithmetic it was"
! grep -q blas_kernel "$work/chosen/run.json" || fail "run.json names kernels that did nothing"
succeed 1 inspect "$work/chosen/model.h5"
grep -qE 'arithmetic +"?portable' "$work/out" || fail "inspect does not tell the arithmetic"
grep -qE 'revision +[0-9]' "$work/out" || fail "inspect does not tell its revision"

say "mixed ways among the ranks of one job"
last_command="mpirun, three ways"
mpirun -n 1 env LOCKSTEP_PRODUCT=generic "$lockstep" train "$work/e.yaml" --output "$work/mixed" \
    : -n 1 "$lockstep" train "$work/e.yaml" --output "$work/mixed" \
    : -n 1 env LOCKSTEP_PRODUCT="${paths[-2]-generic}" "$lockstep" train "$work/e.yaml" --output "$work/mixed" \
    >"$work/out" 2>"$work/err" </dev/null || fail "mixed ways are refused"
fingerprint >"$work/mixed/fingerprint.txt"
same_run "$work/chosen" "$work/mixed" "one way to multiply and three in one job"

say "a run goes on under another"
LOCKSTEP_PRODUCT=generic train 1 "$work/halves" "$work/e.yaml" --set fit.epochs=1
train 2 "$work/halves" "$work/e.yaml" --resume
same_run "$work/chosen" "$work/halves" "one run and two halves by different ways"

say "openblas"
# RUN: the kernel family that it used.
kernels() {
    sed -n 's/.*"blas_kernel": "\([^"]*\)".*/\1/p' "$1/run.json"
}
openblas=(--set distributed.arithmetic=openblas)
refuse 1 1 'distributed.arithmetic: portable' openblas -- train "$work/e.yaml" --output "$work/chosen" --resume "${openblas[@]}"
train 1 "$work/blas" "$work/e.yaml" "${openblas[@]}" --set fit.epochs=1
grep -q '"arithmetic": "openblas, ' "$work/blas/run.json" || fail "run.json does not say that OpenBLAS computed"
refuse 1 1 'distributed.arithmetic: openblas' portable -- train "$work/e.yaml" --output "$work/blas" --resume
ours=$(kernels "$work/blas")
for family in Haswell Sandybridge Prescott; do
    theirs=$(OPENBLAS_CORETYPE=$family "$lockstep" train "$work/e.yaml" --output "$work/other" "${openblas[@]}" >/dev/null 2>&1 &&
        kernels "$work/other") || continue
    [[ -n $theirs && $theirs != "$ours" ]] || continue
    OPENBLAS_CORETYPE=$family refuse 1 1 "$ours kernels" "$theirs" --allow-other-kernel \
        -- train "$work/e.yaml" --output "$work/blas" --resume "${openblas[@]}"
    mpirun -n 1 "$lockstep" train "$work/e.yaml" --output "$work/none" "${openblas[@]}" \
        : -n 1 env OPENBLAS_CORETYPE="$family" "$lockstep" train "$work/e.yaml" --output "$work/none" "${openblas[@]}" \
        >"$work/out" 2>"$work/err" </dev/null && fail "mixed kernel families in one job"
    expect_message "the arithmetic differs between ranks" "$ours" "$theirs"
    cp -r "$work/blas" "$work/accepted"
    OPENBLAS_CORETYPE=$family succeed 1 train "$work/e.yaml" --output "$work/accepted" --resume "${openblas[@]}" --allow-other-kernel
    say "$ours and $theirs do not mix"
    break
done
