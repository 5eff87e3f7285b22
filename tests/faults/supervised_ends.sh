#!/usr/bin/env bash
# What lockstep-run says of itself and of bad arguments, that --overwrite replaces the run before and not what this one has done,
# and when a run is given up.
# shellcheck source-path=SCRIPTDIR source=../support/supervised.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/supervised.sh"

# What it says of itself, and of bad arguments.
"$supervisor" --help | grep -q '^Usage: lockstep-run' || fail 'no help'
for arguments in '' '-n' '-n x -- train e.yaml --output d' '--hosts a:x -- train e.yaml --output d' '-- sweep e.yaml --output d' \
    '-- train e.yaml' '--what 1 -- train e.yaml --output d'; do
    status=0
    # shellcheck disable=SC2086
    "$supervisor" $arguments 2>"$work/err" || status=$?
    ((status == 2)) || fail "lockstep-run $arguments: exit status $status instead of 2"
    grep -q '^lockstep-run: .*--help' "$work/err" || fail "lockstep-run $arguments: no word of --help"
done

train 1 "$work/whole" "$work/experiment.yaml"
say '--overwrite replaces the run before, and not what this one has done'
cp -r "$work/whole" "$work/run"
supervise --overwrite
wait_until test "$work/run/checkpoint.h5" -nt "$work/job"
mapfile -t ranks < <(ranks_of "$work/run")
((${#ranks[@]} == 0)) || kill -KILL "${ranks[@]}" 2>/dev/null || true
ends_as_whole 'overwritten'

# On a busy machine ranks are seen, end by themselves, and mpirun gathers what they ended with for longer than the ten seconds
# that it gives them: its status is the one that counts.
cat >"$work/late_lockstep" <<END
#!/bin/sh
sleep 3
exec '$lockstep' "\$@"
END
cat >"$work/late_mpirun" <<'END'
#!/bin/sh
mpirun "$@"
status=$?
[ "$1" = --version ] || sleep 14
exit $status
END
chmod +x "$work"/late_*

say 'what cannot go on is given up, with the status of the run and its message'
for case in 'learning_rate: 1e30}}, loss|1|lower the learning rate|mpirun' "learning_rate: x}}, loss|2|learning_rate|$work/late_mpirun"; do
    IFS='|' read -r change want message launcher <<<"$case"
    [[ $launcher == mpirun ]] || export LOCKSTEP=$work/late_lockstep
    sed "s/optimizer: adam, loss/optimizer: {sgd: {$change/" "$work/experiment.yaml" >"$work/bad.yaml"
    start_command "$supervisor" -n 2 --launcher "$launcher" --check 1 --max-restarts 1 -- train "$work/bad.yaml" --output "$work/bad" --verbose 0
    await
    ((status == want)) || fail "exit status $status instead of $want"
    grep -q "^lockstep: .*$message" "$work/err" || fail "no word of '$message'"
    (($(grep -c '^lockstep: ' "$work/err") == (want == 1 ? 2 : 1))) || fail 'not as many attempts'
    nothing_is_left
done
say "all ended as they should"
