#!/usr/bin/env bash
# Sweeps: the same tables, but for times, one after another on any number of ranks and side by side on groups of ranks; kill -9
# and a second start lose the trials in flight and nothing else; bad sweep files are refused before anything is written.
#
# KILLS=N: how many times (default 5). LS_SEED=N repeats the same choices.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"

kills=${KILLS:-5}
seed=${LS_SEED:-$RANDOM}
RANDOM=$seed
say "LS_SEED=$seed KILLS=$kills"

cat >"$work/experiment.yaml" <<YAML
seed: 5
data:
  file: $fashion_mnist
  train: {x: /train/x, y: /train/y, rows: [0, 700]}
model:
  - flatten: {}
  - dense: {units: 12, activation: relu}
  - dropout: {rate: 0.1}
  - dense: {units: 10, activation: softmax}
compile: {optimizer: sgd, loss: sparse_categorical_crossentropy, metrics: [accuracy]}
YAML
cat >"$work/sweep.yaml" <<YAML
base: experiment.yaml
set: {fit.validation_split: 0.1}
grid:
  fit.batch_size: [20, 100]
  model.1.dense.units: [8]
seeds: [1, 2]
learning_rate:
  search: {low: 0.01, high: 0.3, trials: 3, refine: 1, widen: 1}
budget: {epochs: 4}
target: {val_accuracy: 0.5}
evaluate: {first_samples: 128, growth: 1.3}
YAML

# DIR: its tables without what may differ from run to run: the columns from `ranks` and from `train_seconds_median` on.
# Settings of this test hold no commas.
without_times() {
    local last
    for table in trials:ranks summary:train_seconds_median; do
        last=$(head -n 1 "$1/${table%:*}.csv" | tr ',' '\n' | grep -nx "${table#*:}" | cut -d: -f1)
        cut -d, -f1-$((last - 1)) "$1/${table%:*}.csv"
    done
}

# RANKS DIR ARGUMENT...: sweeps into DIR to the end.
sweep() {
    local ranks=$1 dir=$2
    shift 2
    succeed "$ranks" sweep "$work/sweep.yaml" --output "$dir" "$@"
    without_times "$dir" >"$dir.tables"
}

# DIR WHAT
same_tables() {
    same "$work/one.tables" "$1.tables" "the tables of $2"
    [[ ! -e $1/claims ]] || fail "$2: claims are left"
}

sweep 1 "$work/one"
for status in reached cut missed; do
    grep -q ",$status," "$work/one/trials.csv" || fail "no trial is $status: the sweep does not show much"
done
say "one rank: $(($(wc -l <"$work/one/trials.csv") - 1)) trials"
cat "$work/one/summary.csv"

sweep 3 "$work/three"
same_tables "$work/three" "three ranks, one trial after another"
sweep 2 "$work/two" --set ranks_per_run=1
same_tables "$work/two" "two ranks, side by side"
sweep 4 "$work/four" --set ranks_per_run=2
same_tables "$work/four" "two groups of two ranks"
sweep 4 "$work/groups" --set ranks_per_run=1
same_tables "$work/groups" "four ranks, side by side"
say "the same tables on 3 ranks, and on groups of 1 and 2 of 2 and 4"

say "ranks can be varied: the weights are the same, only so many ranks work"
cat >"$work/ranks.yaml" <<'END'
base: experiment.yaml
grid: {ranks: [1, 3, 2]}
budget: {updates: 7}
END
succeed 3 sweep "$work/ranks.yaml" --output "$work/ranks"
[[ $(cut -d, -f 2- "$work/ranks/summary.csv" | head -1) == ranks,* ]] || fail "summary.csv does not name the ranks"
(($(sed 1d "$work/ranks/trials.csv" | grep -o '[0-9a-f]\{32\}' | sort -u | wc -l) == 1)) || fail "ranks change the weights"
[[ $(sed 1d "$work/ranks/trials.csv" | sed 's/.*[0-9a-f]\{32\},\([0-9]*\),.*/\1/' | tr '\n' ' ') == "1 3 2 " ]] ||
    fail "trials ran on other numbers of ranks"
refuse 2 2 ranks.yaml:2:19 "ranks is 3" "a run has only 2" -- sweep "$work/ranks.yaml" --output "$work/few_ranks"
[[ ! -e $work/few_ranks ]] || fail "refused, but something was written"

say "the first combination says by what all are judged, on any number of ranks; data of others are the sweep's, too"
cat >"$work/monitor.yaml" <<'END'
base: experiment.yaml
grid: {fit.validation_split: [0.1, 0.0]}
budget: {updates: 3}
END
for ranks in 1 2 3; do
    refuse 2 "$ranks" 'combination 2' val_loss -- sweep "$work/monitor.yaml" --output "$work/monitor"
done
make_data() { # FILE SLOPE
    { echo x,y && for i in {1..20}; do echo "$i,$((i * $2))"; done; } >"$work/data.csv"
    "$lockstep" import csv "$work/data.csv" --array x=x --array y=y --output "$work/$1" >/dev/null
}
make_data one.h5 2
make_data two.h5 3
cat >"$work/line.yaml" <<END
data: {file: one.h5, train: {x: /train/x, y: /train/y}}
model: [dense: {units: 1}]
compile: {optimizer: adam, loss: mse}
END
cat >"$work/data.yaml" <<END
base: line.yaml
grid: {data.file: [one.h5, two.h5]}
budget: {updates: 3}
END
succeed 2 sweep "$work/data.yaml" --output "$work/data"
succeed 3 sweep "$work/data.yaml" --output "$work/data"
make_data two.h5 4
refuse 1 2 "'data' differs" -- sweep "$work/data.yaml" --output "$work/data"

say "a finished sweep is finished, also from its own files; a trial can be trained again, here or by train"
before=$(state_of "$work/one/trials")
sweep 2 "$work/one"
succeed 1 sweep "$work/one/sweep.yaml" --output "$work/one"
[[ $(state_of "$work/one/trials") == "$before" ]] || fail "trials that were finished were touched"
missed=$(grep -m 1 ',missed,' "$work/one/trials.csv")
hash=$(grep -o '[0-9a-f]\{32\}' <<<"$missed")
succeed 3 sweep "$work/sweep.yaml" --output "$work/one" --repeat "${missed%%,*}"
[[ $(fingerprint) == "$hash" ]] || fail "trial ${missed%%,*} has another fingerprint"
succeed 2 train "$work/one/trials/${missed%%,*}/experiment.yaml" --output "$work/again"
[[ $(fingerprint) == "$hash" ]] || fail "train gives another fingerprint than trial ${missed%%,*}"
refuse 2 1 "'001-seed-77'" -- sweep "$work/sweep.yaml" --output "$work/one" --repeat 001-seed-77
sed -i "s/$hash/$(tr 0-9a-f 1-9a-f0 <<<"$hash")/" "$work/one/trials/${missed%%,*}/result.json"
refuse 1 1 "${missed%%,*}" "$hash" -- sweep "$work/sweep.yaml" --output "$work/one" --repeat "${missed%%,*}"

say "another sweep does not get into its directory, nor does one over other files"
before=$(state_of "$work/two")
refuse 1 2 "$work/two" sweep.yaml -- sweep "$work/sweep.yaml" --output "$work/two" --set budget.epochs=7
sed 's/seed: 5/seed: 6/' "$work/experiment.yaml" >"$work/other.yaml"
sed 's/experiment.yaml/other.yaml/' "$work/sweep.yaml" >"$work/other_sweep.yaml"
refuse 1 2 "$work/two" base.yaml -- sweep "$work/other_sweep.yaml" --output "$work/two"
[[ $(state_of "$work/two") == "$before" ]] || fail "a refused sweep changed the directory"
mkdir "$work/full"
echo mine >"$work/full/notes"
refuse 1 1 "$work/full" "'notes'" -- sweep "$work/sweep.yaml" --output "$work/full"
[[ $(ls "$work/full") == notes ]] || fail "a refused sweep left $(ls "$work/full")"
# sweep.json that cannot be read is said to be that.
cp -r "$work/two" "$work/unread"
rm "$work/unread/sweep.json"
mkdir "$work/unread/sweep.json"
refuse 1 2 "cannot read '$work/unread/sweep.json'" -- sweep "$work/sweep.yaml" --output "$work/unread"

say "killed, and started again"
at_least_or_ended() {
    has_ended || [[ $(find "$work/killed/trials" -name result.json 2>/dev/null | wc -l) -ge $1 ]]
}
no_ranks_left() {
    [[ -z $(ranks_of) ]]
}
finished=0
for ((kill = 0; kill < kills; kill++)); do
    ranks=$((RANDOM % 4 + 1))
    arguments=(sweep "$work/sweep.yaml" --output "$work/killed")
    ((RANDOM % 3 == 0)) || arguments+=(--set ranks_per_run=1)
    start "$ranks" "${arguments[@]}"
    # At the start, or when some more trials are finished, at once or in the next one.
    wanted=$((finished + RANDOM % 4))
    for ((i = 0; i < 100 * patience_s; i++)); do
        ! at_least_or_ended "$wanted" || break
        sleep 0.01
    done
    sleep "0.0$((RANDOM % 10))"
    ! has_ended || break
    before=$([[ ! -d $work/killed/trials ]] || find "$work/killed/trials" -name result.json -exec sha256sum {} +)
    mapfile -t processes < <(ranks_of)
    kill -KILL "$job" "${processes[@]}" 2>/dev/null || true
    await
    for ((i = 0; i < 1000; i++)); do
        ! no_ranks_left || break
        sleep 0.01
    done
    [[ -z $before ]] || sha256sum --check --quiet <<<"$before" || fail "a finished trial was changed"
    finished=$({ find "$work/killed/trials" -name result.json 2>/dev/null || true; } | wc -l)
    say "killed on $ranks ranks: $finished trials finished"
done
before=$({ find "$work/killed/trials" -name result.json -printf '%p %T@ %i\n' 2>/dev/null || true; } | sort)
sweep 2 "$work/killed" --set ranks_per_run=1
while IFS= read -r line; do
    [[ -z $line ]] || find "$work/killed/trials" -name result.json -printf '%p %T@ %i\n' | grep -qxF -- "$line" ||
        fail "a finished trial was done again: $line (LS_SEED=$seed)"
done <<<"$before"
same_tables "$work/killed" "a sweep that was killed (LS_SEED=$seed)"

say "a signal ends it with status 3; meanwhile nobody else works in its directory"
sed 's/epochs: 4/epochs: 2000/; s/0.5}/0.99}/' "$work/sweep.yaml" >"$work/long.yaml"
start 2 sweep "$work/long.yaml" --output "$work/long" --set ranks_per_run=1
wait_until test -e "$work/long/sweep.json"
second=0
"$lockstep" sweep "$work/long.yaml" --output "$work/long" >/dev/null 2>"$work/second" || second=$?
((second == 1)) || fail "a second sweep in one directory ended with status $second"
grep -q "another sweep works in '$work/long'" "$work/second" || fail "a second sweep said: $(<"$work/second")"
kill -USR1 "$(ranks_of | tail -n 1)"
await
((status == 3)) || fail "exit status $status instead of 3 after SIGUSR1"
expect_message "$work/long" "again"
[[ ! -e $work/long/claims ]] || fail "claims are left after a signal"

say "an error in one group ends all groups, with one message"
: >"$work/blocked"
start 2 sweep "$work/long.yaml" --output "$work/error" --set ranks_per_run=1 --set budget.epochs=300
wait_until test -d "$work/error/claims"
rm -rf "$work/error/trials"
: >"$work/error/trials" # no trial can write its directory
await
((status == 1)) || fail "exit status $status instead of 1"
expect_message "$work/error/trials"

say "a rate that diverges is a result; without a target; files are kept; the noise scale is in the table"
cat >"$work/rates.yaml" <<YAML
base: experiment.yaml
set: {fit.noise_scale: true, fit.validation_split: 0.1}
list: [{learning_rate: 1.0e+30}, {learning_rate: 0.01}]
budget: {samples: 1000}
keep: true
YAML
succeed 2 sweep "$work/rates.yaml" --output "$work/rates"
[[ $(cut -d, -f9-12 "$work/rates/trials.csv" | sed -n 2p) =~ ^diverged,[0-9]*,,[0-9]*$ ]] || fail "no trial diverged"
# 630 samples in 20 batches of 32, the last of 22; then 370 more in 12.
[[ $(cut -d, -f9-12 "$work/rates/trials.csv" | sed -n 3p) == missed,32,,1014 ]] || fail "the budget in samples"
columns=$(head -n 1 "$work/rates/trials.csv" | tr , '\n' | grep -nx noise_scale | cut -d: -f1)
[[ $(sed -n 3p "$work/rates/trials.csv" | cut -d, -f"$columns") =~ ^[0-9.e+]+$ ]] || fail "no noise scale in the table"
[[ -s $work/rates/trials/002-seed-5/model.h5 ]] || fail "no model.h5, though it was to be kept"
grep -q '"label": "learning rates given; fixed samples (1000)"' "$work/rates/sweep.json" || fail "the label of the sweep"

say "rules for the learning rate, and a budget in seconds"
cat >"$work/rules.yaml" <<YAML
base: experiment.yaml
grid: {learning_rate.rule: [none, sqrt, linear], fit.batch_size: [16, 64]}
learning_rate: {base: 0.01, base_batch_size: 16, warmup_epochs: 1}
budget: {seconds: 0.02}
YAML
succeed 2 sweep "$work/rules.yaml" --output "$work/rules"
[[ $(cut -d, -f5-8 "$work/rules/trials.csv" | tail -n +2 | tr '\n' ' ') == "none,16,16,0.01 none,64,64,0.01 sqrt,16,16,0.01 \
sqrt,64,64,0.02 linear,16,16,0.01 linear,64,64,0.04 " ]] || fail "the rates by the rules: $(<"$work/rules/trials.csv")"
grep -q '"reproducible": false' "$work/rules/sweep.json" || fail "seconds are not said to be irreproducible"
refuse 2 2 "rules.yaml:4:19" "seconds" -- sweep "$work/rules.yaml" --output "$work/rules" --repeat 001-seed-5

say "bad sweep files are refused, with the place of the error, before anything is written"
# STATUS RANKS TEXT... -- SED_COMMAND: a copy of the sweep, changed so, must be refused with these words.
refuse_changed() {
    local arguments=()
    while [[ $1 != -- ]]; do
        arguments+=("$1")
        shift
    done
    sed "$2" "$work/sweep.yaml" >"$work/bad.yaml"
    ! cmp -s "$work/bad.yaml" "$work/sweep.yaml" || fail "nothing changed by: $2"
    refuse "${arguments[@]}" -- sweep "$work/bad.yaml" --output "$work/none/dir"
    [[ ! -e $work/none ]] || fail "a refused sweep wrote $work/none"
}
refuse_changed 2 1 "bad.yaml:4:3" "batch_siz" "did you mean 'batch_size'" -- 's/fit.batch_size: .*/fit.batch_siz: [16]/'
refuse_changed 2 2 "bad.yaml:4:3" "fitt" -- 's/fit.batch_size: .*/fitt.batch_size: [16]/'
refuse_changed 2 1 "bad.yaml:4:20" "batch_size" "'0'" -- 's/fit.batch_size: .*/fit.batch_size: [0, 16]/'
refuse_changed 2 1 "bad.yaml:5:3" "'9'" -- 's/model.1.dense/model.9.dense/'
refuse_changed 2 1 "bad.yaml:2:7" "validation_splt" -- 's/validation_split/validation_splt/'
refuse_changed 2 2 "grid is empty" -- '/^grid/,/^  model/c grid: {}'
refuse_changed 2 1 "fit.batch_size is empty" -- 's/fit.batch_size: .*/fit.batch_size: []/'
# shellcheck disable=SC2016
refuse_changed 2 3 "ranks_per_run is 2" "3 ranks" "mpirun -n 4" -- '$a ranks_per_run: 2'
refuse_changed 2 1 "unknown key 'seedz'" "did you mean 'seeds'" -- 's/^seeds/seedz/'
refuse_changed 2 1 "seeds" "twice" -- 's/^seeds.*/seeds: [1, 1]/'
refuse_changed 2 1 "'val_acuracy'" "accuracy" -- 's/val_accuracy/val_acuracy/'
refuse_changed 2 2 "'val_accuracy'" "validation_split" -- '/^set/d'
refuse_changed 2 1 "no file" "nowhere.yaml" -- 's/experiment.yaml/nowhere.yaml/'
refuse_changed 2 1 "high" "above low" -- 's/high: 0.3/high: 0.001/'
# shellcheck disable=SC2016
refuse_changed 2 1 "grid or a list" -- '$a list: [{fit.shuffle: false}]'
refuse_changed 2 1 "learning_rate is varied" -- 's/fit.batch_size: .*/learning_rate: [0.1, 0.2]/'
refuse_changed 2 1 "epochs" "budget" -- 's/^budget.*/budget: {epochs: 1, updates: 5}/'
