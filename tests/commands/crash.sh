#!/usr/bin/env bash
# The writer of checkpoints dies, or the disk does, at a chosen system call: whatever the call, checkpoint.h5 is the old
# or the new one, byte for byte, and the run goes on from it to the files of the run that nothing happened to.
#
# strace stops the program at the N-th call of a name and kills it, or lets the call fail. From a first, undisturbed run
# it is known which calls there are. Of them this test takes those that replace one checkpoint by the next; with CRASH_ALL=1 every
# call of every name, from the first in the run directory to the last, and every failure of each call on files.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"

if ! command -v strace >/dev/null || ! strace -o /dev/null -e trace=none true 2>/dev/null; then
    say 'SKIPPED: strace is not installed or may not trace here (ptrace is forbidden, as in some containers)'
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
fit: {epochs: 4, batch_size: 20, microbatch: 10, checkpoint_keep: 2}
EOF
dir=$work/run log=$work/log
on_files=openat,write,fsync,close,rename,link,unlink
# Calls that wait for others: how many there are is chance.
waits='poll,ppoll,epoll_wait,epoll_pwait,futex,sched_yield,clock_nanosleep,nanosleep,restart_syscall'

# NAMES INJECTION...: one rank trains under strace, which writes $log. Sets status.
traced() {
    local names=$1
    shift
    rm -rf "$dir"
    status=0
    last_command="strace ${*:-} $lockstep train $yaml --output $dir"
    # In a shell of its own, so that nobody here reports that it was killed.
    (
        exec 2>/dev/null
        timeout --kill-after=5 "$patience_s" strace -y -o "$log" -e "trace=$names" "$@" \
            "$lockstep" train "$yaml" --output "$dir" --verbose 0 >"$work/out" 2>"$work/err" </dev/null
        exit $?
    ) || status=$?
    ((status != 124)) || fail "still running after $patience_s s: it hangs"
}

# Calls in the log, one a line: "NAME N REST", N counting those of that name. Process ids in names of files go.
calls() {
    awk -F'(' '/^[a-z]/ { rest = $0; sub(/^[^(]*\(/, "", rest); print $1, ++n[$1], rest }' "$log" |
        sed -E 's/\.[0-9]+\.tmp/.PID.tmp/g; s/^([^ ]+ [^ ]+ )[0-9]+</\1</'
}

# Of such a line: the name, and the files of the run that it is about.
meaning() {
    sed 's/) *= .*//' | grep -o '^[a-z0-9_]*\|'"$dir"'[^">]*' | tr '\n' ' '
}

# How many checkpoints took their place before the end.
published() {
    grep -c '^rename(.*/checkpoint\.h5") = 0$' "$log" || true
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
    leftovers=$(find "$dir" -name '*.tmp')
    [[ -z $leftovers ]] || fail "$1: left over: $leftovers"
    outcome[n]=$((${outcome[n]-0} + 1))
}

# The calls to disturb: the whole line in which each stood.
plan() {
    if [[ -n ${CRASH_ALL-} ]]; then
        sed -n '\,mkdir .*"'"$dir"'",,$p' "$work/calls" | grep -v '^exit'
    else
        sed -n '\,^rename .*/checkpoint\.h5",=;' "$work/calls" >"$work/renames"
        sed -n "$(sed -n 1p "$work/renames"),$(($(sed -n 2p "$work/renames") + 3))p" "$work/calls" | grep -F "$dir" | grep -v history
    fi
}

say 'undisturbed'
train 1 "$work/whole" "$yaml"
names=$on_files
[[ -z ${CRASH_ALL-} ]] || names="!$waits"
traced "$names"
((status == 0)) || fail "exit status $status under strace"
[[ $(published) == 4 ]] || fail "$(published) checkpoints instead of 4"
calls >"$work/calls"
plan >"$work/plan"
say "$(wc -l <"$work/plan") calls: $(cut -d' ' -f1 "$work/plan" | sort | uniq -c | awk '{ printf "%s%s %s", s, $1, $2; s = ", " }')"
(($(wc -l <"$work/plan") >= 15)) || fail 'so few calls: the plan is wrong'

# How many calls of a name there are before those of the run is chance, in a small way: what MPI does meanwhile. So where
# another call was hit, which is as good a place to die, the numbers beside it are tried as well.
say 'killed at each of them'
outcome=()
killed=0 missed=0
while read -r name n rest <&3; do
    wanted=$(meaning <<<"$name $n $rest")
    for beside in 0 1 -1 2 -2 x; do
        if [[ $beside == x ]]; then
            missed=$((missed + 1))
            break
        fi
        traced "$names" -e "inject=$name:signal=KILL:when=$((n + beside))"
        grep -q '^+++ killed by SIGKILL' "$log" || continue # there were fewer
        killed=$((killed + 1))
        check "killed at $name $((n + beside)) ($rest)"
        [[ $(calls | tail -n 1 | meaning) != "$wanted" ]] || break
    done
done 3<"$work/plan"
say "$killed kills; checkpoints there were:"
for n in "${!outcome[@]}"; do
    echo "   of epoch $n: ${outcome[n]} times"
done
say "$missed of $(wc -l <"$work/plan") calls were not met"
((missed * 5 <= $(wc -l <"$work/plan"))) || fail 'the calls of this program are not the same in every run'

# NAME PATTERN ERROR TEXT: each planned call of that name whose line has the pattern (or, in short, the first) fails with
# that error. The run must say TEXT and fail; without a TEXT it must not mind.
failing() {
    local name n rest beside
    while read -r name n rest <&3; do
        for beside in 0 1 -1 2 -2; do
            traced "$names" -e "inject=$name:error=$3:when=$((n + beside))"
            # A call of MPI instead: nothing is learned of it.
            [[ $(calls | grep -F '(INJECTED)' | meaning) == "$(meaning <<<"$name $n $rest")" ]] || continue
            if [[ -z $4 ]]; then
                ((status == 0)) || fail "$name $n ($rest): $3 ends the run"
            else
                ((status == 1)) || fail "$name $n ($rest): $3: exit status $status instead of 1"
                expect_message "$4" "'$dir"
                [[ -z $(find "$dir" -name '*.tmp') ]] || fail "$name $n: $3: a temporary file stays"
            fi
            failed=$((failed + 1))
            check "$3 of $name $n ($rest)"
            break
        done
    done 3< <(grep "^$1 .*$2" "$work/plan" | if [[ -n ${CRASH_ALL-} ]]; then cat; else head -n 1; fi)
}

say 'failing at each of them'
failed=0
failing openat "$dir" ENOSPC 'No space left on device'
failing write "$dir" ENOSPC 'No space left on device'
failing write "$dir" EIO 'Input/output error'
failing fsync "$dir" EIO 'Input/output error'
failing close 'PID.tmp' EIO 'Input/output error'
failing rename "$dir" EIO 'Input/output error'
failing link "$dir" EPERM '' # no hard links here: a copy
for name in openat write fsync close; do
    failing "$name" 'PID.tmp' EINTR '' # a signal came
done
say "$failed failures"
((failed >= 9)) || fail 'so few failures: the plan is wrong'

say 'a disk that fills up, 2 ranks: all of them end, with one message'
rm -rf "$dir"
cat >"$work/rank" <<EOF
#!/bin/bash
[[ \$OMPI_COMM_WORLD_RANK == 0 ]] || exec "\$@"
exec strace -y -o "$log" -e trace=fsync -e inject=fsync:error=ENOSPC:when=5+ "\$@"
EOF
chmod +x "$work/rank"
status=0
OMPI_MCA_odls_base_sigkill_timeout=0 timeout --kill-after=5 "$patience_s" mpirun -n 2 "$work/rank" \
    "$lockstep" train "$yaml" --output "$dir" >"$work/out" 2>"$work/err" </dev/null || status=$?
((status == 1)) || fail "exit status $status instead of 1"
expect_message "cannot write '$dir/" 'No space left on device' 'free some space'
check 'a disk that fills up'

say 'all the same'
