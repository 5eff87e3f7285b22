#!/usr/bin/env bash
# Little memory, from far too little up to enough: the work is done, or one message says that memory is short. Nothing
# waits for memory for ever, and a whole file is never called damaged. With and without OPENBLAS_NUM_THREADS.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"
patience_s=20
(ulimit -v 600000 && "$lockstep" --version) >/dev/null 2>&1 || {
    say "this build does not start in 600 MB (a sanitizer?): skipped"
    exit 77
}

cat >"$work/e.yaml" <<EOF
seed: 3
data: {file: $fashion_mnist, train: {x: /train/x, y: /train/y, rows: [0, 60]}}
model: [flatten: {}, dense: {units: 64, activation: relu}, dense: {units: 10}]
compile: {optimizer: adam, loss: {sparse_categorical_crossentropy: {from_logits: true}}}
fit: {batch_size: 60, microbatch: 60, epochs: 1}
EOF
train 1 "$work/whole" "$work/e.yaml"
ended=0 done=0
for ((kib = 70000; kib <= 390000; kib += 40000)); do
    for threads in '' 1; do
        for arithmetic in portable openblas; do
            status=0
            rm -rf "$work/little"
            (
                unset OPENBLAS_NUM_THREADS
                [[ -z $threads ]] || export OPENBLAS_NUM_THREADS=$threads
                ulimit -v "$kib"
                exec timeout -s KILL $patience_s "$lockstep" train "$work/e.yaml" --output "$work/little" \
                    --set distributed.arithmetic=$arithmetic >"$work/out" 2>"$work/err"
            ) 2>/dev/null || status=$?
            ((status != 137)) || fail "$kib KiB, threads '$threads', $arithmetic: it hangs"
            ! grep -qi 'damaged' "$work/err" || fail "$kib KiB: a whole file is called damaged"
            if ((status == 0)); then
                done=$((done + 1))
                [[ $arithmetic != portable ]] || same "$work/whole/model.h5" "$work/little/model.h5" "$kib KiB"
            else
                ended=$((ended + 1))
            fi
        done
    done
done
say "$done runs were done and $ended ended, none waits"
((done > 0 && ended > 0)) || fail "all or none were done"
