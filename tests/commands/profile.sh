#!/usr/bin/env bash
# train --profile: a timeline of all ranks that trace viewers open, a table whose parts add up, the same numbers in run.json
# and in the report; the weights are those of a run without.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"
cd "$work"

cat >run.yaml <<END
seed: 8
data:
  file: $fashion_mnist
  train: {x: /train/x, y: /train/y, rows: [0, 300]}
  test: {x: /test/x, y: /test/y, rows: [0, 50]}
model:
  - flatten: {}
  - dense: {units: 20, activation: relu, name: first}
  - batch_normalization: {}
  - dense: {units: 10, activation: softmax, name: last}
compile: {optimizer: adam, loss: sparse_categorical_crossentropy}
fit: {epochs: 3, batch_size: 40, microbatch: 10, validation_data: test, checkpoint_seconds: 0}
END

# FILE RANKS: events of that many processes, each line one; spans have a beginning and a length, of a process and a thread,
# beginnings never go back, and everybody has a name.
check_timeline() {
    [[ $(head -n 1 "$1") == '{"displayTimeUnit": "ms", "traceEvents": [' ]] || fail "$1 begins otherwise"
    [[ $(tail -n 1 "$1") == '"otherData": {'*'}}' ]] || fail "$1 ends otherwise"
    awk -v ranks="$2" '
        function bad(why) { print "line " NR ": " why ": " $0; failed = 1; exit }
        /"ph": "M"/ && /"process_name"/ { match($0, /"pid": [0-9]+/); process[substr($0, RSTART + 7, RLENGTH - 7)] = 1 }
        /"ph": "M"/ && /"thread_name"/ { match($0, /"pid": [0-9]+, "tid": [0-9]+/); thread[substr($0, RSTART, RLENGTH)] = 1 }
        /"ph": "X"/ {
            if (!match($0, /"pid": [0-9]+, "tid": [0-9]+/)) bad("nobody did it")
            who = substr($0, RSTART, RLENGTH)
            if (!(who in thread)) bad("its thread has no name")
            if (!match($0, /"ts": [0-9]+\.[0-9]+/)) bad("no beginning")
            ts = substr($0, RSTART + 6, RLENGTH - 6) + 0
            if (ts < last[who]) bad("it goes back")
            last[who] = ts
            if (!match($0, /"dur": [0-9]+\.[0-9]+/)) bad("no length")
            if (substr($0, RSTART + 7, RLENGTH - 7) < 1) bad("shorter than a microsecond")
            n[who]++
        }
        END {
            for (r = 0; r < ranks && !failed; r++)
                if (!(r in process) || n["\"pid\": " r ", \"tid\": 0"] < 30) { print "rank " r " is missing"; exit }
        }' "$1" >problem
    [[ ! -s problem ]] || fail "$1: $(<problem)"
}

# The table in `out`: its parts are all of it, to rounding.
check_table() {
    awk '$1 == "all" { all = $2 } $1 ~ /^(load|forward|backward|product|reduce|wait|update|validate|checkpoint|other)$/ { sum += $2 }
        END { if (all == 0 || sum < all - 0.02 || sum > all + 0.02) print sum " instead of " all }' out >problem
    [[ ! -s problem ]] || fail "the table does not add up: $(<problem)"
}

say 'a timeline and a table on 1, 2 and 3 ranks, and the weights of a run without'
train 1 plain run.yaml
[[ ! -e plain/timeline.json ]] || fail 'a timeline without being asked'
! grep -q '"profile"' plain/run.json || fail 'run.json has a profile'
for ranks in 1 2 3; do
    train "$ranks" "p$ranks" run.yaml --profile
    same_run plain "p$ranks" "with --profile on $ranks ranks"
    check_timeline "p$ranks/timeline.json" "$ranks"
    check_table
    grep -q "^profile: 24 updates in .* samples/s on $ranks rank" out || fail 'no line about updates'
    grep -q "^timeline: p$ranks/timeline.json\$" out || fail 'it does not say where the timeline is'
    for event in 'load' 'forward: first' 'forward: losses' 'backward: last' 'product' 'update' 'validate' 'checkpoint'; do
        grep -q "\"name\": \"$event\"" "p$ranks/timeline.json" || fail "no '$event' on $ranks ranks"
    done
    grep -q '"name": "thread_name", "args": {"name": "checkpoint writer"}' "p$ranks/timeline.json" || fail 'the thread is missing'
    grep -q '"profile": {"updates": 24, "samples": 900, "train_seconds": [0-9.]*, "samples_per_second": [0-9.]*,' "p$ranks/run.json" ||
        fail 'run.json has other figures'
done
grep -q '^communication: [0-9]* % of the' out || fail 'nothing about communication'
grep -q '^efficiency: .* rank [012] had most of it' out || fail 'nothing about the slowest rank'
grep -q '"wait: for a layer.s sums over the batch"' p3/timeline.json || fail 'waits are not named'

say 'what goes on is profiled from there on; what begins anew takes the old timeline away'
train 2 p2 run.yaml --resume --profile --set fit.epochs=4
grep -q '^profile: 8 updates' out || fail 'it counts what another process did'
train 1 p2 run.yaml
[[ ! -e p2/timeline.json ]] || fail 'the timeline of the run before stays'

say 'silent runs say nothing, and have the figures all the same'
train 1 silent run.yaml --profile --verbose 0
! grep -q profile out || fail 'it speaks'
grep -q '"profile"' silent/run.json || fail 'run.json has none'
check_timeline silent/timeline.json 1

say 'what is refused'
refuse 2 1 '--profile' -- train run.yaml --output new --profile=yes
refuse 2 1 "--profiles" -- train run.yaml --output new --profiles
refuse 2 1 "'timeline.json'" -- train run.yaml --output new --set 'callbacks=[{csv_logger: {filename: timeline.json}}]'
[[ ! -e new ]] || fail 'a refused run left something'

say 'the report has a table'
if command -v gnuplot >/dev/null && command -v dot >/dev/null; then
    succeed 1 report p3
    for text in '<h2>Where the time went</h2>' '<td>product</td>' 'under way' 'timeline.json'; do
        grep -qF "$text" p3/report.html || fail "the page does not say '$text'"
    done
fi
