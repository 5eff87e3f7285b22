#!/usr/bin/env bash
# A run that lockstep-run looks after and that is told to stop saves itself and ends with status 3; the next one goes on, to the
# files of the run that nothing happened to.
# shellcheck source-path=SCRIPTDIR source=../support/supervised.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/supervised.sh"

train 1 "$work/whole" "$work/experiment.yaml"
say 'told to stop: saved, status 3; the next one goes on'
for signal in TERM USR1 HUP INT; do
    rm -rf "$work/run"
    supervise
    wait_until test -e "$work/run/checkpoint.h5"
    kill "-$signal" "$job"
    await
    ((status == 3)) || ((status == 0)) || fail "$signal: exit status $status instead of 3"
    nothing_is_left
    supervise --resume
    ends_as_whole "stopped by $signal"
done
say "all the same"
