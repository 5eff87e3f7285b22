#!/usr/bin/env bash
# kill -9 of a random rank, all ranks, or mpirun, at random moments of a run that lockstep-run looks after: it ends with the
# files of the run that nothing happened to, nobody does anything, and nothing is left behind.
#
# ROUNDS=N: how many runs (default 1; the target check_faults does 100). LS_SEED=N repeats the same choices.
# shellcheck source-path=SCRIPTDIR source=../support/supervised.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/supervised.sh"

rounds=${ROUNDS:-1}
say "LS_SEED=$seed ROUNDS=$rounds"

# Sets how; empty: there was nobody.
kill_something() {
    local ranks victims what
    mapfile -t ranks < <(ranks_of "$work/run" | shuf --random-source=<(yes "$RANDOM"))
    case $((RANDOM % 3)) in
    0) mapfile -t victims < <(pgrep -P "$job" 'mpi|orte|prte' || true) && what=mpirun ;;
    1) victims=("${ranks[@]}") what="all ${#ranks[@]} ranks" ;;
    2) victims=("${ranks[@]::1}") what="one of ${#ranks[@]} ranks" ;;
    esac
    how=
    ((${#victims[@]} == 0)) || ! kill -KILL "${victims[@]}" 2>/dev/null || how=$what
}

train 1 "$work/whole" "$work/experiment.yaml"
killed=0
for ((round = 1; round <= rounds; round++)); do
    rm -rf "$work/run"
    supervise
    log='' how=''
    for ((i = RANDOM % 5 + 1; i > 0; i--)); do
        sleep "$((RANDOM % 3)).$((RANDOM % 10))"
        ! has_ended || break
        kill_something
        [[ -z $how ]] || killed=$((killed + 1)) log+="${log:+, }$how"
    done
    ends_as_whole "round $round (killed: $log; LS_SEED=$seed)"
    say "round $round: the same files, $(grep -c 'starting again' "$work/err") restarts; killed: ${log:-nothing}"
done
say "all the same after $killed kills"
