#!/usr/bin/env bash
# A disk that is full before an import has written its file, wherever that happens: one message, exit status 1, nothing left,
# no crash of HDF5 over what it could not write. The limit on file sizes stands in for the disk: a write beyond it fails
# in the same way.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"
cd "$work"

awk -v OFS=, 'BEGIN { print "a", "b", "c"; for (i = 0; i < 3000; i++) print i / 7, i * i % 1013 / 3, substr("uvwxyz", i % 6 + 1, 1) }' >t.csv
printf '\0\0\x08\x03\0\0\0\x64\0\0\0\x1c\0\0\0\x1c' >images # 100 of 28 x 28
head -c 78400 "$lockstep" >>images
printf '\0\0\x08\x01\0\0\0\x64' >labels
head -c 100 /dev/zero >>labels
# NAME SHAPE BYTES: an array of float64, all zeros.
npy() {
    printf '\x93NUMPY\1\0\x76\0%-117s\n' "{'descr': '<f8', 'fortran_order': False, 'shape': $2, }" >"$1.npy"
    head -c "$3" /dev/zero >>"$1.npy"
}
npy x '(2000, 10)' 160000
npy y '(2000,)' 16000
mkdir -p folder/a folder/b
h5dump -d /png_rgb/file -b LE -o folder/a/1.png "$root/tests/golden/images.h5" >/dev/null
for i in {1..40}; do cp folder/a/1.png "folder/b/$i.png"; done
cp folder/b/2.png folder/b/0.png
truncate -s 200 folder/b/0.png

# WORDS...: import them whole, then with every limit below the size of the file that a step gives.
fills_up() {
    local whole limit step
    succeed 1 import "$@" --output whole.h5
    whole=$(stat -c %s whole.h5)
    step=$((whole / 1024 / 9 + 1))
    for ((limit = 1; limit * 1024 < whole; limit += step)); do
        status=0
        last_command="ulimit -f $limit; lockstep import $*"
        (ulimit -f "$limit" && exec "$lockstep" import "$@" --output full.h5 >out 2>err) || status=$?
        ((status == 1)) || fail "exit status $status instead of 1"
        expect_message "cannot write 'full.h5'" 'File too large' 'ulimit -f'
        [[ -z $(find . -name 'full.h5*') ]] || fail "left behind: $(find . -name 'full.h5*')"
        runs=$((runs + 1))
    done
}

runs=0
for deflate in 0 4; do
    say "compression $deflate"
    fills_up csv t.csv --array x=a,b,c --encode c=onehot --scale x=standard --array y=c --deflate $deflate
    fills_up idx --split train=images,labels --deflate $deflate
    fills_up npy --split train=x.npy,y.npy --deflate $deflate
    fills_up images folder --skip-damaged --deflate $deflate
done
say "$runs full disks"
((runs >= 30)) || fail 'so few: the files are too small'

say 'what a killed import left goes with the next one'
(exit 0) &
gone=$!
wait "$gone"
touch "whole.h5.$gone.tmp" "other.h5.$gone.tmp"
succeed 1 import csv t.csv --array x=a,b --output whole.h5
[[ ! -e whole.h5.$gone.tmp ]] || fail 'it stays'
[[ -e other.h5.$gone.tmp ]] || fail "another file's went"

rm -f other.h5.*
say 'what the other commands write, with every limit below its size'
cat >run.yaml <<END
seed: 8
data: {file: $fashion_mnist, train: {x: /train/x, y: /train/y, rows: [0, 40]}, test: {x: /test/x, y: /test/y, rows: [0, 1000]}}
model:
  - flatten: {}
  - dense: {units: 10, activation: softmax}
compile: {optimizer: sgd, loss: sparse_categorical_crossentropy, metrics: [accuracy]}
fit: {epochs: 2, batch_size: 20, microbatch: 10}
END
succeed 1 train run.yaml --output run --verbose 0 --trace --profile
predict=(predict run/model.h5 --data "$fashion_mnist" --split test --output)

# FILE STEPS WORDS...: the command writes FILE, the last of its words. Whatever the limit, and when nothing can be written
# where it is to stand, it says so in one message, and an older file stays.
outgrows() {
    local file=$1 steps=$2 whole limit step
    shift 2
    rm -f "$file"
    succeed 1 "$@"
    whole=$(stat -c %s "$file")
    step=$((whole / 1024 / steps + 1))
    echo old >"$file"
    for ((limit = 0; limit * 1024 < whole; limit += step)); do
        status=0
        last_command="ulimit -f $limit; lockstep $*"
        (exec >"$work/out" 2>"$work/err" && ulimit -f "$limit" && exec "$lockstep" "$@") || status=$?
        # With a limit of 0 not even the message can be written to a file.
        ((status == 1)) || fail "exit status $status instead of 1"
        ((limit == 0)) || expect_message "$file" 'File too large'
        [[ $(<"$file") == old ]] || fail "$file did not stay"
        [[ -z $(find . -name '*.tmp') ]] || fail "left behind: $(find . -name '*.tmp')"
    done
    rm -f "$file"
}
outgrows p.h5 3 "${predict[@]}" p.h5
outgrows p.npy 3 "${predict[@]}" p.npy
outgrows p.csv 3 "${predict[@]}" p.csv
outgrows m.keras 3 export run/model.h5 --output m.keras
outgrows m.weights.h5 3 export run/model.h5 --output m.weights.h5
outgrows m.h5 3 export run/model.h5 --output m.h5
outgrows m.dot 1 summary run.yaml --dot m.dot
! command -v gnuplot >/dev/null || outgrows r.html 3 report run --output r.html

say 'a training: traces, profiles, logs, the page of the run'
for limit in 1 2 4 8 16 32; do
    status=0
    last_command="ulimit -f $limit; lockstep train"
    (exec >"$work/out" 2>"$work/err" && ulimit -f $limit &&
        exec "$lockstep" train run.yaml --output small --overwrite --verbose 0 --trace --profile) || status=$?
    ((status == 1)) || fail "exit status $status instead of 1"
    expect_message 'File too large'
done
