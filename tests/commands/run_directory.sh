#!/usr/bin/env bash
# A run directory is one run's: what is there is not replaced without a word, two runs do not share one, and no lock outlives
# its run. What --overwrite replaces is gone.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"
cd "$work"

cat >run.yaml <<END
seed: 8
data: {file: $fashion_mnist, train: {x: /train/x, y: /train/y, rows: [0, 40]}}
model:
  - flatten: {}
  - dense: {units: 10, activation: softmax}
compile: {optimizer: sgd, loss: sparse_categorical_crossentropy}
fit: {epochs: 2, batch_size: 20, microbatch: 10, checkpoint_keep: 3}
END
{
    cat run.yaml
    printf 'callbacks:\n'
    printf '  - %s\n' 'csv_logger: {filename: log.csv}' 'model_checkpoint: {filepath: "kept/[a]-{epoch:02d}.keras"}' tensorboard \
        'csv_logger: {filename: all.csv, append: true}' 'model_checkpoint: {filepath: ../outside.h5}'
} >callbacks.yaml
three_ways=(--resume --output --overwrite)

say 'a run that is there is not replaced without a word'
train 1 run callbacks.yaml --trace --set fit.checkpoint_seconds=0 # each epoch has its checkpoint, however slow the disk
before=$(state_of run)
value=$(tail -n 1 run/history.csv | tr -d '\r' | cut -d, -f2)
grep -qF "\"best\": {\"epoch\": 2, \"monitor\": \"loss\", \"value\": $value}" run/run.json || fail 'run.json has another best epoch'
! grep -q '"test"' run/run.json || fail 'run.json has scores of a test split that is not there'
for ranks in 1 2; do
    refuse 2 "$ranks" "'run" "${three_ways[@]}" -- train run.yaml --output run
    refuse 2 "$ranks" "'run" "${three_ways[@]}" -- train run.yaml --output run/ --trace
done
refuse 2 1 'do not go together' -- train run.yaml --output run --resume --overwrite
refuse 1 1 no-such-file -- train run.yaml --output run --overwrite --set data.file=no-such-file
[[ $(state_of run) == "$before" ]] || fail 'a refused run changed something'
for result in checkpoint.h5 model.h5 run.json checkpoint-update2.h5; do
    rm -rf part
    mkdir part
    cp "run/$result" part/
    refuse 2 1 "'part'" "$result" "${three_ways[@]}" -- train run.yaml --output part
    cmp -s "run/$result" "part/$result" || fail "$result was touched"
done

say 'what a run that was killed before its first checkpoint left is in nobody'"'"'s way'
rm -rf part
mkdir part
for file in experiment.yaml history.csv timings.csv; do
    echo old >part/$file
done
echo old >part/trace.txt
succeed 1 train run.yaml --output part
[[ ! -e part/trace.txt ]] || fail 'the trace of the run before stays'
! grep -q old part/history.csv part/timings.csv part/experiment.yaml || fail 'a file of the run before stays'

say '--overwrite: the files of the run are gone, those of others stay'
echo mine >run/notes.txt
echo mine >run/kept/notes.txt
echo mine >'run/kept/xax-01.keras'
cp run/all.csv all.csv
[[ -e outside.h5 && -e 'run/kept/[a]-01.keras' && -e run/log.csv && -e run/tensorboard/train ]] || fail 'the callbacks wrote nothing'
succeed 2 train run.yaml --output run --overwrite --set fit.checkpoint_keep=1
(cd run && find . -type f | sort) >files
printf './%s\n' all.csv checkpoint.h5 experiment.yaml history.csv kept/notes.txt kept/xax-01.keras model.h5 notes.txt run.json \
    timings.csv | sort >want
# fingerprint.txt is of this test
grep -v fingerprint.txt files | diff want - || fail 'the files after --overwrite'
same all.csv run/all.csv 'the log that is appended to'
[[ -e outside.h5 ]] || fail 'a file outside of the directory is gone'
succeed 2 train run.yaml --output new --overwrite # nothing to replace

say 'commands take a run directory for its model, of a run that has not ended for its checkpoint'
# RUN FILE: every command says the same of both.
both() {
    local command
    for command in "evaluate MODEL --data $fashion_mnist" 'summary MODEL' 'inspect MODEL' "compare MODEL $2" "compare $2 MODEL" \
        'export MODEL --output m.keras' "predict MODEL --data $fashion_mnist --output p.npy"; do
        # shellcheck disable=SC2086
        succeed 1 ${command//MODEL/$2}
        mv out want.out
        [[ $command != *--output* ]] || mv "${command##*--output }" want.file
        # shellcheck disable=SC2086
        succeed 1 ${command//MODEL/$1}
        diff want.out out >&2 || fail "$command says something else of the run directory"
        [[ $command != *--output* ]] || same want.file "${command##*--output }" "$command"
    done
}
both run run/model.h5
mkdir cut begun nothing
cp run/experiment.yaml run/checkpoint.h5 cut
both cut cut/checkpoint.h5
succeed 3 evaluate run --data "$fashion_mnist"
cp run/experiment.yaml begun
succeed 1 summary begun
for command in evaluate predict inspect export; do
    words=(nothing)
    [[ $command == inspect ]] || words+=(--output p.h5)
    [[ $command != evaluate ]] || words=(nothing --data x.h5)
    [[ $command != predict ]] || words+=(--data x.h5)
    refuse 1 1 "'nothing' is a directory" 'model.h5' 'checkpoint.h5' -- "$command" "${words[@]}"
done
refuse 1 1 "'nothing' is a directory" -- compare run nothing

say 'two runs at a time: the second is refused, whatever it asks for; --resume waits a little for a run that is dying'
start 1 train run.yaml --output busy --set fit.epochs=1000000 --set fit.checkpoint_every=1 --verbose 0
wait_until test -e busy/checkpoint.h5
first=$job
for how in '' --resume --overwrite; do
    status=0
    # shellcheck disable=SC2086
    timeout 60 "$lockstep" train run.yaml --output busy $how >second.out 2>second.err </dev/null || status=$?
    ((status != 0)) || fail "train $how while another run works: exit status 0"
    grep -qE "another run is writing|holds a run already" second.err || fail "train $how: $(<second.err)"
    [[ $(wc -l <second.err) == 1 ]] || fail "more than one message: $(<second.err)"
    kill -0 "$first" || fail "the first run ended"
done
kill -KILL "$first"
await

say 'no lock outlives its run, and nothing lies about'
[[ ! -e busy/.lock && ! -e busy/lock ]] || fail 'a lock file stays'
succeed 1 train run.yaml --output busy --resume --set fit.epochs=1
for killed in 1 2 3; do
    start 2 train run.yaml --output "$work/killed" --resume --set fit.epochs=1000000 --set fit.checkpoint_every=1 --verbose 0
    wait_until test -e killed/checkpoint.h5
    sleep "0.$killed"
    kill -KILL "$job"
    await
done
while [[ -n $(ranks_of) ]]; do # they outlive mpirun by a moment
    for process in $(ranks_of); do kill -KILL "$process" 2>/dev/null || true; done
    sleep 0.05
done
succeed 1 train run.yaml --output killed --overwrite
[[ -z $(find killed busy run -name '.*' -type f -o -name '*lock*' -o -name '*.tmp') ]] || fail 'something lies about'

say 'all as it should be'
