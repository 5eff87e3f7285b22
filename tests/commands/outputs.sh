#!/usr/bin/env bash
# Where output goes: one rule for all of it. Regular files are replaced whole, devices and pipes are written to, links are
# followed; what cannot be written is an error, standard output too; no output takes the place of a file that the run needs.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"
cd "$work"

# Devices of our own: a mistake must not cost the machine its /dev/null.
if mknod null c 1 3 2>/dev/null && mknod full c 1 7 2>/dev/null && { : >null; } 2>/dev/null; then
    null=$work/null full=$work/full
elif [[ $(id -u) != 0 ]]; then
    null=/dev/null full=/dev/full
else
    say 'SKIPPED: no devices can be made here, and root would replace those of the machine'
    exit 77
fi
are_devices() {
    [[ -c $null && -c $full ]] || fail "$1: a device is no device any more: $(ls -l "$null" "$full")"
}

experiment() {
    cat <<END
seed: 8
data: {file: $fashion_mnist, train: {x: /train/x, y: /train/y, rows: [0, 40]}}
model:
  - flatten: {}
  - dense: {units: 10, activation: softmax}
compile: {optimizer: sgd, loss: sparse_categorical_crossentropy}
fit: {epochs: 2, batch_size: 20, microbatch: 10}
END
    [[ $# == 0 ]] || printf 'callbacks:\n'
    [[ $# == 0 ]] || printf -- '  - %s\n' "$@"
}
experiment >plain.yaml
train 1 run plain.yaml --trace
printf '1,2\n3,4\n' >table.csv
predict=(predict run/model.h5 --data "$fashion_mnist" --split test --output)
import=(import csv table.csv --no-header --array x=1 --array y=2 --output)
succeed 1 import csv --help

say 'devices are written to'
succeed 1 summary plain.yaml --dot "$null"
are_devices summary
for name in model.h5 model.weights.h5 model.keras; do
    ln -s "$null" "device.$name"
    succeed 1 export run/model.h5 --output "device.$name"
done
for name in p.h5 p.npy p.npz; do
    ln -s "$null" "device.$name"
    succeed 1 "${predict[@]}" "device.$name"
done
are_devices 'export and predict'
experiment "csv_logger: {filename: $null}" "model_checkpoint: {filepath: $work/device.model.h5}" >null.yaml
train 1 into_null null.yaml
are_devices 'a run with callbacks'
mkdir into_links
for name in history.csv model.h5 checkpoint.h5 trace.txt run.json experiment.yaml timings.csv; do
    ln -s "$null" "into_links/$name"
done
succeed 1 train plain.yaml --output into_links --trace --overwrite
are_devices 'a run of links'

say 'a device that is full: an error that names it'
refuse 1 1 "$full" 'No space left' -- summary plain.yaml --dot "$full"
ln -s "$full" full.h5
refuse 1 1 full.h5 'No space left' -- export run/model.h5 --output full.h5
experiment "csv_logger: {filename: $full}" >full.yaml
refuse 1 2 "$full" 'No space left' -- train full.yaml --output into_full
experiment "model_checkpoint: {filepath: $work/full.h5}" >full.yaml
refuse 1 2 "$work/full.h5" 'No space left' -- train full.yaml --output into_full --overwrite
are_devices 'full'

say 'import makes HDF5 files, which cannot go into a device'
for name in "$null" "$full"; do
    refuse 2 1 "$name" 'not a regular file' -- import csv table.csv --array a=1 --output "$name"
done
are_devices import

say 'pipes are written to'
mkfifo pipe
cat pipe >piped &
ln -s pipe pipe.h5
succeed 1 "${predict[@]}" pipe.h5
wait
succeed 1 "${predict[@]}" straight.h5
same straight.h5 piped 'what came through the pipe'
[[ -p pipe ]] || fail 'the pipe is gone'
"$lockstep" summary plain.yaml --dot /dev/stdout 2>"$work/err" | grep '^digraph' >/dev/null || fail 'nothing came to /dev/stdout'

say 'links are followed'
mkdir far
for name in x.h5 x.keras x.npy x.dot; do
    echo old >"far/$name"
    ln -s "far/$name" "$name"
done
succeed 1 summary plain.yaml --dot x.dot
succeed 1 "${predict[@]}" x.npy
succeed 1 export run/model.h5 --output x.keras
succeed 1 import npy --array train/x=x.npy --output x.h5
for name in x.h5 x.keras x.npy x.dot; do
    [[ -L $name && -f far/$name && ! -L far/$name ]] || fail "$name is no link to a file any more"
    [[ $(<"far/$name") != old ]] 2>/dev/null || fail "far/$name was not written"
done
[[ $(ls far | wc -l) == 4 ]] || fail "more was left: $(ls far)"
succeed 1 inspect x.h5

say 'a name that is empty'
for command in 'train plain.yaml' 'sweep sweep.yaml' "${predict[*]:0:6}" 'export run/model.h5' 'report run' \
    'import csv table.csv --array a=1' 'import npy --array train/x=x.npy'; do
    # shellcheck disable=SC2086
    refuse 2 1 '--output' -- $command --output ''
done
refuse 2 1 --dot -- summary plain.yaml --dot ''
refuse 2 2 'output' -- train plain.yaml --set output=

say 'files that every run writes itself'
for name in x/../checkpoint.h5 "$work/here/checkpoint.h5" ../here/model.h5 "$work/far/../here/./history.csv"; do
    mkdir -p here
    for callback in "csv_logger: {filename: $name}" "model_checkpoint: {filepath: ${name/history.csv/model.h5}}" "tensorboard: {log_dir: $name}"; do
        experiment "$callback" >reserved.yaml
        refuse 2 1 reserved.yaml: 'every run writes itself' -- train reserved.yaml --output here
    done
done
[[ -z $(ls here) ]] || fail "a refused run left $(ls here)"

say 'standard output that cannot be written'
for command in 'summary plain.yaml' 'inspect run/model.h5' 'compare run/model.h5 run/model.h5' --help --version 'train --help' \
    'verify plain.yaml -n 1 --set fit.epochs=1' "evaluate run/model.h5 --data $fashion_mnist --split test" \
    'train plain.yaml --output unheard --verbose 0 --overwrite' 'train plain.yaml --output unheard --verbose 2 --overwrite' \
    'train plain.yaml --output unheard --verbose 1 --overwrite'; do
    status=0
    # shellcheck disable=SC2086
    timeout "$patience_s" "$lockstep" $command >/dev/full 2>"$work/err" </dev/null || status=$?
    last_command=$command
    ((status == 1)) || fail "exit status $status instead of 1"
    expect_message 'standard output' 'No space left'
done
same run/model.h5 unheard/model.h5 'the run that nobody heard of'

say 'all as it should be'
