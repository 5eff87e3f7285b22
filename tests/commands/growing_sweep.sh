#!/usr/bin/env bash
# Sweeps that grow: seeds, values and entries of the list that are added go on in the directory of the first ones, with the
# results of a sweep that had all of them from the beginning; shards of one sweep, side by side and one after another; what
# is left to do is said.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"

{ echo x,y && for i in {1..40}; do echo "$i,$((i * 3 % 7))"; done; } >"$work/data.csv"
"$lockstep" import csv "$work/data.csv" --array x=x --array y=y --output "$work/data.h5" >/dev/null
cat >"$work/experiment.yaml" <<YAML
data: {file: data.h5, train: {x: /train/x, y: /train/y}}
model: [dense: {units: 3, activation: tanh}, dense: {units: 1}]
compile: {optimizer: {sgd: {learning_rate: 0.1}}, loss: mse}
fit: {epochs: 2, batch_size: 8, microbatch: 4}
YAML

# NAME GRID SEEDS
write_sweep() {
    printf 'base: experiment.yaml\n%s\nseeds: %s\n' "$2" "$3" >"$work/$1.yaml"
}
# DIR: what its trials came to, by settings and seed, whatever their numbers are.
outcomes() {
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) c[$i] = i; next }
        { print $c["fit.batch_size"], $c["compile.optimizer.sgd.learning_rate"], $c["seed"], $c["updates"], $c["fingerprint"] }' \
        "$1/trials.csv" | sort
}
# DIR: finished trials.
trials_in() {
    find "$1/trials" -name result.json | wc -l
}

all='grid: {fit.batch_size: [4, 8, 16], compile.optimizer.sgd.learning_rate: [0.1, 0.01]}'
write_sweep whole "$all" '[1, 2, 3]'
succeed 2 sweep "$work/whole.yaml" --output "$work/whole"
grep -qE '\(18 of 18\)$' "$work/out" || fail "the last trial is not the 18th of 18"
grep -qE '\([0-9]+ of 18, about [0-9.e-]+ (us|ms|s|min) left\)$' "$work/out" || fail "no time that is left"

say "more seeds, values before and between the first ones"
write_sweep growing 'grid: {fit.batch_size: [8], compile.optimizer.sgd.learning_rate: [0.01]}' '[2]'
succeed 1 sweep "$work/growing.yaml" --output "$work/growing"
first=$(state_of "$work/growing/trials")
write_sweep growing 'grid: {fit.batch_size: [4, 8], compile.optimizer.sgd.learning_rate: [0.1, 0.01]}' '[1, 2]'
succeed 3 sweep "$work/growing.yaml" --output "$work/growing"
grep -qxF '1 of 8 trials are done: going on' "$work/out" || fail "it does not say that one trial is done"
write_sweep growing "$all" 3
succeed 2 sweep "$work/growing.yaml" --output "$work/growing" --set ranks_per_run=1
outcomes "$work/whole" >"$work/whole.txt"
outcomes "$work/growing" >"$work/growing.txt"
same "$work/whole.txt" "$work/growing.txt" "a sweep that grew"
[[ $(trials_in "$work/growing") == 18 ]] || fail "$(trials_in "$work/growing") trials instead of 18"
for trial in "$work"/growing/trials/001-seed-2; do
    [[ $(state_of "$work/growing/trials" | grep -F "${trial##*/}") == $(grep -F "${trial##*/}" <<<"$first") ]] ||
        fail "the first trial was touched"
done
say "its own sweep.yaml is that of the whole; another order changes nothing; entries of a list are added as well"
succeed 1 sweep "$work/growing/sweep.yaml" --output "$work/growing"
write_sweep growing 'grid: {fit.batch_size: [16, 8, 4], compile.optimizer.sgd.learning_rate: [0.01, 0.1]}' '[3, 2, 1]'
before=$(state_of "$work/growing/trials")
succeed 1 sweep "$work/growing.yaml" --output "$work/growing"
[[ $(state_of "$work/growing/trials") == "$before" ]] || fail "another order is another sweep"
write_sweep listed 'list: [{fit.batch_size: 8}]' 1
succeed 1 sweep "$work/listed.yaml" --output "$work/listed"
write_sweep listed 'list: [{fit.batch_size: 4}, {fit.batch_size: 8}]' 2
succeed 2 sweep "$work/listed.yaml" --output "$work/listed"
[[ $(trials_in "$work/listed") == 4 ]] || fail "$(trials_in "$work/listed") trials of the list instead of 4"
[[ $(sed -n 2p "$work/listed/trials.csv") == 001-seed-1,1,seeds,1,8,* ]] || fail "the first entry has another number"

say "what has results cannot be taken away, and nothing else may change"
before=$(state_of "$work/listed")
write_sweep less 'list: [{fit.batch_size: 4}]' 2
refuse 1 2 "$work/listed" '{fit.batch_size: 8}' 'put it back' -- sweep "$work/less.yaml" --output "$work/listed"
write_sweep less 'list: [{fit.batch_size: 4}, {fit.batch_size: 8}]' '[2]'
refuse 1 3 "$work/listed" 'seed 1' 'put it back' -- sweep "$work/less.yaml" --output "$work/listed"
write_sweep less 'list: [{fit.batch_size: 8, fit.epochs: 2}, {fit.batch_size: 4, fit.epochs: 2}]' 2
refuse 1 1 "$work/listed" -- sweep "$work/less.yaml" --output "$work/listed"
refuse 1 1 "sweep.yaml differs" -- sweep "$work/listed.yaml" --output "$work/listed" --set budget.epochs=1
[[ $(state_of "$work/listed") == "$before" ]] || fail "a refused sweep changed the directory"

say "seeds as a number"
for seeds in 0 -1 1.5 three; do
    write_sweep seeds "$all" "$seeds"
    refuse 2 1 seeds "$seeds" -- sweep "$work/seeds.yaml" --output "$work/seeds"
done

say "shards: one after another and side by side, in one directory"
succeed 1 sweep "$work/whole.yaml" --output "$work/shards" --shard 3/4
grep -qxF 'shard 3 of 4 is done; others are not' "$work/out" || fail "it does not say that others are not done"
[[ $(trials_in "$work/shards") == 3 ]] || fail "shard 3 of 4 did $(trials_in "$work/shards") trials, not those of combination 3"
pids=()
for shard in 1/4 2/4 4/4; do
    timeout "$patience_s" "$lockstep" sweep "$work/whole.yaml" --output "$work/shards" --shard $shard >"$work/${shard%/*}.log" 2>&1 &
    pids+=($!)
done
for pid in "${pids[@]}"; do
    wait "$pid" || fail "a shard failed: $(cat "$work"/[124].log)"
done
succeed 1 sweep "$work/whole.yaml" --output "$work/shards"
outcomes "$work/shards" >"$work/shards.txt"
same "$work/whole.txt" "$work/shards.txt" "a sweep in four shards"
[[ -z $(find "$work/shards" -name 'claims*') ]] || fail "claims are left"
for wrong in 0/4 5/4 1 a/b 1/4x -1/4 1/0; do
    refuse 2 1 "--shard" "$wrong" -- sweep "$work/whole.yaml" --output "$work/shards" --shard "$wrong"
done

say "what it will take, before and in the middle"
succeed 1 sweep "$work/whole.yaml" --output "$work/none" --dry-run
grep -qxF 'Nothing is done yet.' "$work/out" || fail "a dry run of nothing: $(<"$work/out")"
[[ ! -e $work/none ]] || fail "a dry run wrote"
write_sweep growing "$all" 4
succeed 2 sweep "$work/growing.yaml" --output "$work/growing" --dry-run
grep -qxF "$work/growing: 18 of 24 trials are done." "$work/out" || fail "a dry run: $(<"$work/out")"
