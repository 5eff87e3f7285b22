#!/usr/bin/env bash
# The writer of checkpoints dies, or the disk does, at a chosen call: whatever the call, checkpoint.h5 is the old or the new
# one, byte for byte, and the run goes on from it to the files of the run that nothing happened to.
#
# tests/support/crash_at.c stops the program at the N-th call of a name on a file and kills it, or lets the call fail. From a
# first, undisturbed run it is known which calls there are, those of the thread that writes and those of the thread that
# trains. Of them this test takes those that replace one checkpoint by the next; with CRASH_ALL=1 every call on a file of the run,
# from the first to the last, and every failure of each.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"

crash_at=$(dirname "$lockstep")/tests/libcrash_at.so
if [[ ! -e $crash_at ]]; then
    say "SKIPPED: no $crash_at (sanitizers want to be loaded first)"
    exit 77
fi

yaml=$work/experiment.yaml
cat >"$yaml" <<EOF
seed: 8
data: {file: $fashion_mnist, train: {x: /train/x, y: /train/y, rows: [0, 40]}}
model:
  - flatten: {}
  - dense: {units: 4, activation: relu}
  - dense: {units: 10, activation: softmax}
compile: {optimizer: adam, loss: sparse_categorical_crossentropy}
fit: {epochs: 4, batch_size: 20, microbatch: 10, checkpoint_keep: 2, checkpoint_seconds: 0}
callbacks:
  - csv_logger: {filename: log.csv}
  - model_checkpoint: {filepath: best.h5, monitor: loss, save_best_only: true}
EOF
dir=$work/run log=$work/log

# [CALL]: one rank trains, and writes $log; at CALL, "NAME FILE N ACTION", something happens to it. Sets status.
disturbed() {
    rm -rf "$dir" "$log"
    status=0
    last_command="CRASH_AT='${1-}' $lockstep train $yaml --output $dir"
    # In a shell of its own, so that nobody here reports that it was killed.
    (
        exec 2>/dev/null
        export CRASH_DIRECTORY=$dir CRASH_LOG=$log CRASH_AT=${1-} LD_PRELOAD="$crash_at ${LD_PRELOAD-}"
        timeout --kill-after=5 "$patience_s" \
            "$lockstep" train "$yaml" --output "$dir" --verbose 0 >"$work/out" 2>"$work/err" </dev/null
        exit $?
    ) || status=$?
    ((status != 124)) || fail "still running after $patience_s s: it hangs"
}

# How many checkpoints took their place before the end.
published() {
    grep -c '^rename checkpoint\.h5 [0-9]*$' "$log" || true
}

# WHAT: checkpoint.h5 must be what the last rename made it, and the run goes on to the end.
declare -A checkpoint_of
check() {
    local n hash leftovers
    n=$(published)
    if ((n == 0)); then
        [[ ! -e $dir/checkpoint.h5 ]] || fail "$1: a checkpoint before the first was in its place"
    else
        hash=$(sha256sum <"$dir/checkpoint.h5")
        [[ ${checkpoint_of[$n]=$hash} == "$hash" ]] || fail "$1: checkpoint.h5 is not the one of epoch $n"
    fi
    train 1 "$dir" "$yaml" --resume
    ! grep -q warning "$work/err" || fail "$1: a checkpoint is damaged"
    same_run "$work/whole" "$dir" "$1"
    same "$work/whole/checkpoint-update6.h5" "$dir/checkpoint-update6.h5" "$1"
    same "$work/whole/log.csv" "$dir/log.csv" "$1"
    same "$work/whole/best.h5" "$dir/best.h5" "$1"
    (($(wc -l <"$dir/timings.csv") == 5)) || fail "$1: $(wc -l <"$dir/timings.csv") lines in timings.csv"
    leftovers=$(find "$dir" -name '*.tmp')
    [[ -z $leftovers ]] || fail "$1: left over: $leftovers"
    outcome[n]=$((${outcome[n]-0} + 1))
}

say 'undisturbed'
train 1 "$work/whole" "$yaml"
disturbed
((status == 0)) || fail "exit status $status"
[[ $(published) == 4 ]] || fail "$(published) checkpoints instead of 4"
if [[ -n ${CRASH_ALL-} ]]; then
    cp "$log" "$work/plan"
else
    # The second time of each: the order of the two threads is chance.
    grep -E ' (\.|checkpoint.*|best.*|history.csv|timings.csv|log.csv) [12]$' "$log" |
        awk '{ call = $1 " " $2; if (!(call in line)) order[++n] = call; line[call] = $0 }
             END { for (i = 1; i <= n; i++) print line[order[i]] }' >"$work/plan"
fi
say "$(wc -l <"$work/plan") calls: $(cut -d' ' -f1 "$work/plan" | sort | uniq -c | awk '{ printf "%s%s %s", s, $1, $2; s = ", " }')"
(($(wc -l <"$work/plan") >= 15)) || fail 'so few calls: the plan is wrong'

say 'killed at each of them'
outcome=()
while read -r call <&3; do
    disturbed "$call KILL"
    ((status == 137)) || fail "exit status $status: not killed at $call"
    check "killed at $call"
done 3<"$work/plan"
for n in "${!outcome[@]}"; do
    echo "   $n checkpoints there were: ${outcome[n]} times"
done

# NAME FILE ERROR TEXT: each planned call of that name on such a file (or, in short, the first) fails with that error. The run
# must say TEXT and fail; without a TEXT it must not mind.
failing() {
    local call
    while read -r call <&3; do
        disturbed "$call $3"
        grep -q 'FAILED$' "$log" || fail "$call did not fail"
        if [[ -z $4 ]]; then
            ((status == 0)) || fail "$call: error $3 ends the run"
        else
            ((status == 1)) || fail "$call: error $3: exit status $status instead of 1"
            expect_message "$4" "'$dir"
            [[ -z $(find "$dir" -name '*.tmp') ]] || fail "$call: error $3: a temporary file stays"
        fi
        failed=$((failed + 1))
        check "error $3 of $call"
    done 3< <(grep "^$1 $2 " "$work/plan" | if [[ -n ${CRASH_ALL-} ]]; then cat; else head -n 1; fi)
}

say 'failing at each of them'
failed=0
no_space=28 input_output=5 not_permitted=1 interrupted=4
for file in 'checkpoint.h5.PID.tmp' 'history.csv' 'timings.csv' 'log.csv'; do
    failing open "$file" $no_space 'No space left on device'
    failing write "$file" $no_space 'No space left on device'
    failing write "$file" $input_output 'Input/output error'
    failing close "$file" $input_output 'Input/output error'
    for name in open write close; do
        failing "$name" "$file" $interrupted '' # a signal came
    done
done
failing fsync '.*' $input_output 'Input/output error'
failing rename '.*' $input_output 'Input/output error'
failing fsync '.*' $interrupted ''
failing link '.*' $not_permitted '' # no hard links here: a copy
say "$failed failures"
((failed >= 32)) || fail 'so few failures: the plan is wrong'

say 'a disk that fills up, 2 ranks: all of them end, with one message'
rm -rf "$dir" "$log"
cat >"$work/rank" <<EOF
#!/bin/bash
[[ \${OMPI_COMM_WORLD_RANK-\$PMI_RANK} == 0 ]] || exec "\$@"
export CRASH_DIRECTORY=$dir CRASH_LOG=$log CRASH_AT='fsync checkpoint.h5.PID.tmp 2 $no_space' LD_PRELOAD="$crash_at \${LD_PRELOAD-}"
exec "\$@"
EOF
chmod +x "$work/rank"
status=0
OMPI_MCA_odls_base_sigkill_timeout=0 timeout --kill-after=5 "$patience_s" mpirun -n 2 "$work/rank" \
    "$lockstep" train "$yaml" --output "$dir" >"$work/out" 2>"$work/err" </dev/null || status=$?
((status == 1)) || fail "exit status $status instead of 1"
expect_message "cannot write '$dir/" 'No space left on device' 'free some space'
check 'a disk that fills up'

say 'all the same'
