# shellcheck shell=bash
# What the tests of launch/lockstep-run share: sourced instead of lib.sh, by scripts that are run like those.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

supervisor=$root/launch/lockstep-run
export LOCKSTEP=$lockstep
unset OMPI_MCA_btl_vader_backing_directory OMPI_MCA_odls_base_sigkill_timeout # those of the tests would stay
seed=${LS_SEED:-$RANDOM}
RANDOM=$seed

# [ARGUMENT...]: starts the supervisor in the background.
supervise() {
    start_command "$supervisor" -n $((RANDOM % 3 + 2)) --check 1 --max-restarts 20 -- \
        train "$work/experiment.yaml" --output "$work/run" --verbose 2 "$@"
}

nothing_is_left() {
    local left
    left=$(find /tmp /dev/shm -maxdepth 1 -name "lockstep-run.*.$job.*" 2>/dev/null; find "$work/run" -name '*.tmp'; ranks_of)
    [[ -z $left ]] || fail "left behind: $left"
}

# WHAT: the supervised run that was started last ends well, with the files of the one in $work/whole.
ends_as_whole() {
    await
    ((status == 0)) || fail "$1: exit status $status instead of 0"
    fingerprint >"$work/run/fingerprint.txt"
    same_run "$work/whole" "$work/run" "$1"
    nothing_is_left
}

experiment_to_kill 1000 16 >"$work/experiment.yaml"
