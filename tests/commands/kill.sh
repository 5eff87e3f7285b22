#!/usr/bin/env bash
# kill -9, again and again: a run that loses a rank, or all of them at once, goes on from its last checkpoint, on
# whatever number of ranks, and ends with the files of the run that nothing happened to.
#
# KILLS=N: how many times (default 10); KILLS=100 soaks. LS_SEED=N repeats the same choices.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"

kills=${KILLS:-10}
seed=${LS_SEED:-$RANDOM}
RANDOM=$seed
say "LS_SEED=$seed KILLS=$kills"

experiment_to_kill 1000 40 >"$work/experiment.yaml"

# RANKS: a job with one rank fewer, or none; then no process of it may be left.
kill_job() {
    local ranks i
    mapfile -t ranks < <(ranks_of "$work/run")
    if ((${#ranks[@]} == 0)); then
        kill -KILL "$job" # mpirun has not started its ranks yet
        how="mpirun, before there were ranks"
    elif ((RANDOM % 2)); then
        i=$((RANDOM % ${#ranks[@]}))
        kill -KILL "${ranks[i]}" 2>/dev/null || true
        how="one of $1 ranks"
    else
        kill -KILL "$job" "${ranks[@]}" 2>/dev/null || true
        how="all of $1 ranks"
        (($1 == 1)) || how+=" and mpirun"
    fi
    await
}

no_ranks_left() {
    [[ -z $(ranks_of) ]]
}

# Waits for a random time; true if the job has ended by itself by then.
ends_within() {
    local hundredths
    for ((hundredths = $1; hundredths > 0; hundredths--)); do
        ! has_ended || return 0
        sleep 0.01
    done
    return 1
}

# A checkpoint is replaced, never written into: a second name of the old file must keep the old bytes.
keep_checkpoint() {
    rm -f "$work/old.h5"
    [[ ! -e $work/run/checkpoint.h5 ]] || ln "$work/run/checkpoint.h5" "$work/old.h5"
    [[ ! -e $work/old.h5 ]] || cp "$work/old.h5" "$work/copy.h5"
}

check_checkpoint() {
    [[ ! -e $work/old.h5 ]] || same "$work/copy.h5" "$work/old.h5" "the checkpoint before the last kill"
}

# One run, killed until it is through or the kills are used up.
killed_run() {
    local ranks i how
    rm -rf "$work/run"
    while ((killed < kills)); do
        ranks=$((RANDOM % 4 + 1))
        keep_checkpoint
        start "$ranks" train "$work/experiment.yaml" --output "$work/run" --resume --verbose 2
        if ends_within $((RANDOM % 120 + 1)); then
            await
            ((status == 0)) || fail "exit status $status instead of 0, though nothing was killed"
            say "through after $killed kills"
            return
        fi
        kill_job "$ranks"
        check_checkpoint
        if ((status == 0)); then
            say "through before it was killed"
            return
        fi
        killed=$((killed + 1))
        for ((i = 0; i < 1000; i++)); do
            ! no_ranks_left || break
            sleep 0.01
        done
        no_ranks_left || fail "10 s after killing $how, these go on: $(ranks_of | tr '\n' ' ')"
        say "killed $how: status $status, $(last_epoch) epochs done"
    done
}

last_epoch() {
    [[ -e $work/run/history.csv ]] || echo 0
    [[ ! -e $work/run/history.csv ]] || echo $(($(wc -l <"$work/run/history.csv") - 1))
}

train 1 "$work/whole" "$work/experiment.yaml"
say "never killed: $(cat "$work/whole/fingerprint.txt")"
killed=0
while ((killed < kills)); do
    killed_run
    keep_checkpoint
    train $((RANDOM % 4 + 1)) "$work/run" "$work/experiment.yaml" --resume
    check_checkpoint
    same_run "$work/whole" "$work/run" "killed (LS_SEED=$seed)"
    say "the same files after $killed kills"
done
