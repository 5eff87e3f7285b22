#!/usr/bin/env bash
# Every command in a program whose locale has a decimal comma: it reads and writes what the plain program does.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"

# Numbers are read by ls_parse_double (base/locale.h) alone.
bare=$(grep -rnE '\b(strto(d|f|ld)|atof) ?\(' "$root/src" --include='*.c' | grep -vE '/base/(locale|text)\.c:' || true)
[[ -z $bare ]] || fail "numbers read by the locale of the moment: $bare"

plain=$lockstep comma=$(dirname "$lockstep")/tests/lockstep_comma
[[ -x $comma ]] || fail "no $comma: the build makes it"
mkdir "$work/locale"
if ! command -v localedef >/dev/null || ! localedef -i de_DE -f UTF-8 "$work/locale/de_DE.UTF-8" 2>"$work/err"; then
    say 'SKIPPED: no localedef or no de_DE here, so no locale with a decimal comma'
    exit 77
fi
export LOCPATH=$work/locale
cd "$work"

cat >numbers.csv <<'END'
a;b;y
0.5;1.25;0
-1.5;2.5;1
2.75;-0.125;0
1e-3;3.5;1
0.25;0.75;0
-2.5;1.5;1
1.125;0.5;0
3.5;-1.75;1
END
# float64 0.5, 1.5, -2.5 as a file of NumPy
{
    printf '\x93NUMPY\x01\x00\x76\x00'
    printf '%-117s\n' "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }"
    printf '\0\0\0\0\0\0\340\77\0\0\0\0\0\0\370\77\0\0\0\0\0\0\4\300'
} >x.npy
cat >run.yaml <<'END'
seed: 3
data: {file: numbers.h5, train: {x: {path: /train/x, scale: 0.125}, y: /train/y}, test: {x: /train/x, y: /train/y}}
model:
  - dense: {units: 3, activation: tanh, kernel_regularizer: {l2: {l2: 0.015}}}
  - dropout: {rate: 0.25}
  - dense: {units: 1, activation: sigmoid}
compile: {optimizer: {adam: {learning_rate: 0.0125, beta_1: 0.85}}, loss: binary_crossentropy, metrics: [accuracy]}
fit: {epochs: 4, batch_size: 4, microbatch: 2, validation_data: test, class_weight: {0: 1.5, 1: 0.75}, noise_scale: true}
callbacks:
  - csv_logger: {filename: log.csv}
  - reduce_lr_on_plateau: {monitor: loss, factor: 0.5, patience: 0, min_delta: 0.75, verbose: 1}
  - model_checkpoint: {filepath: 'best-{loss:.3f}.keras', monitor: loss, save_best_only: true, verbose: 1}
  - early_stopping: {monitor: val_loss, min_delta: 0.000001, patience: 50}
  - tensorboard: {histogram_freq: 2}
END
cat >sweep.yaml <<'END'
base: run.yaml
grid: {fit.batch_size: [4, 8]}
learning_rate: {search: {low: 0.01, high: 0.3, trials: 2, refine: 1}}
budget: {epochs: 3}
target: {val_loss: 0.75}
evaluate: {growth: 1.5}
output: sweep
END

# Each command by both programs, in a folder of each, which has the same name meanwhile: the same files, the same words.
for side in plain comma; do
    mkdir "$side"
    cp numbers.csv x.npy run.yaml sweep.yaml "$side/"
done
both() {
    for side in plain comma; do
        mv "$side" here
        cd here
        lockstep=${!side}
        if [[ $side == comma ]]; then LC_ALL=de_DE.UTF-8 succeed "$@"; else succeed "$@"; fi
        cd ..
        mv here "$side"
        mv out "out.$side"
    done
    lockstep=$plain
}
same_words() {
    same out.plain out.comma "what '$*' says"
}
same_files() {
    local file
    for file in "$@"; do
        same "plain/$file" "comma/$file" "$file"
    done
}

say 'import'
both 1 import csv numbers.csv --delimiter ';' --array x=a,b --array y=y --scale x=standard --in-order --output numbers.h5
same_words import csv
same_files numbers.h5
for scale in 0.125 1/255 .5 1e-3 1.5/2.5; do
    both 1 import npy --array train/x=x.npy --scale "x=$scale" --output "x.h5"
    same_files x.h5
done
same_words import npy

say 'train, and go on'
both 1 train run.yaml --set fit.epochs=2 --output run
both 2 train run.yaml --resume --output run
grep -q 'ReduceLROnPlateau reducing learning rate to 0\.' out.comma || fail 'the callback says no number'
same_files run/history.csv run/log.csv run/experiment.yaml run/checkpoint.h5 run/model.h5
diff <(cd plain/run && ls) <(cd comma/run && ls) || fail 'the files of the run'
for side in plain comma; do
    [[ $(wc -l <"$side/run/timings.csv") == 5 ]] || fail "$side/run/timings.csv has not the times of 4 epochs"
    ! grep -q '[0-9],[0-9]*$' "$side/run/run.json" || fail "$side/run/run.json has a decimal comma"
done
[[ $(cut -d, -f1-3,6 plain/run/timings.csv) == "$(cut -d, -f1-3,6 comma/run/timings.csv)" ]] || fail 'timings.csv'

say 'what reads a model'
for command in summary inspect; do
    both 1 "$command" run/model.h5
    same_words "$command"
done
both 1 inspect numbers.h5
same_words inspect
both 1 evaluate run/model.h5 --data numbers.h5 --split train
same_words evaluate
both 1 predict run/model.h5 --data numbers.h5 --split train --output predictions.h5
same_files predictions.h5
both 1 export run/model.h5 --output model.keras
same_files model.keras
both 1 compare run/model.h5 run/checkpoint.h5
same_words compare
both 1 verify run.yaml -n 1,2 --set fit.epochs=1
sed -i 's/ *[0-9.]* s$//' out.plain out.comma
same_words verify

say 'sweep and report'
both 1 sweep sweep.yaml
for side in plain comma; do
    cut -d, -f1-"$(($(head -n 1 plain/sweep/trials.csv | tr ',' '\n' | grep -nx ranks | cut -d: -f1) - 1))" "$side/sweep/trials.csv" >"$side.trials"
done
same plain.trials comma.trials 'the trials'
rm -rf comma/sweep comma/run
cp -r plain/sweep plain/run comma/ # with the same times
both 1 report run --output run.html
same_files run.html
both 1 report sweep --output sweep.html
same_files sweep.html

say 'the same with a comma'
