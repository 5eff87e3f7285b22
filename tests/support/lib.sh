# shellcheck shell=bash
# What the shell tests of the program share. Sourced by tests/commands/X.sh, which runs as `bash X.sh PATH/TO/lockstep`.
# Every test works in a directory of its own, $work, that is gone when it ends, with all processes it started.
set -Eeuo pipefail

[[ $# == 1 && -x $1 ]] || {
    echo "usage: bash $0 PATH/TO/lockstep" >&2
    exit 2
}
lockstep=$(realpath "$1")
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
fashion_mnist=$root/datasets/fashion_mnist.h5

# In memory where there is room: a disk that is busy makes every fsync of a checkpoint slow.
scratch=${TMPDIR:-/tmp}
[[ -n ${TMPDIR-} || ! -w /dev/shm || $(df --output=avail /dev/shm | tail -n 1) -lt 200000 ]] || scratch=/dev/shm
work=$(mktemp -d "$scratch/lockstep-test.XXXXXX")
patience_s=${LOCKSTEP_PATIENCE_S:-120} # no command of a test may take longer: it hangs

# Lines and not bars, no matter what standard output is; Open MPI's files of killed jobs go with $work.
export TMPDIR=$work OMPI_MCA_btl_vader_backing_directory=$work
export OPENBLAS_NUM_THREADS=1 OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1
if [[ $(id -u) == 0 ]]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi

# Another launcher than the one that is called mpirun here.
if [[ -n ${LOCKSTEP_MPIEXEC-} ]]; then
    mkdir "$work/.bin"
    ln -s "$LOCKSTEP_MPIEXEC" "$work/.bin/mpirun"
    PATH=$work/.bin:$PATH
fi

say() {
    printf '== %s\n' "$*"
}

# MESSAGE...: ends the test, with what the last command said.
fail() {
    at=
    printf 'FAILED: %s\n' "$*" >&2
    if [[ -s $work/out || -s $work/err ]]; then
        printf -- '--- the last command: %s\n--- its exit status: %s; its output:\n' "${last_command-}" "${status-}" >&2
        tail -n 20 "$work/out" "$work/err" >&2
    fi
    exit 1
}

# [TEXT]: ids of the processes that run this lockstep program for this test, one a line; with TEXT, those that have it as
# an argument. Without fork, for it is called often.
# shellcheck disable=SC2120
ranks_of() {
    local process argument is_ours has_text
    for process in /proc/[0-9]*; do
        [[ $process/exe -ef $lockstep ]] || continue
        is_ours=0 has_text=$(($# == 0))
        while IFS= read -r -d '' argument; do
            [[ $argument != "$work"/* ]] || is_ours=1
            [[ $# == 0 || $argument != "$1" ]] || has_text=1
        done 2>/dev/null <"$process/cmdline" || true
        ((!is_ours || !has_text)) || echo "${process#/proc/}"
    done 2>/dev/null
}

clean_up() {
    local code=$? process
    trap - EXIT ERR
    ((code == 0)) || [[ -z $at ]] || echo "FAILED: $at" >&2
    [[ -z ${job-} ]] || has_ended || kill -KILL "$job" 2>/dev/null || true
    for process in $(ranks_of); do
        kill -KILL "$process" 2>/dev/null || true
    done
    wait
    umount "$work"/*/ 2>/dev/null || true
    rm -rf "$work"
    exit "$code"
}
trap clean_up EXIT
at= # the command that failed, if nobody said what it means
trap 'at="${BASH_SOURCE[0]##*/}:$LINENO: $BASH_COMMAND"' ERR
trap 'exit 1' INT TERM

# RANKS COMMAND...: the words of a command that runs lockstep on so many ranks. One rank runs as people run it: alone.
set_command() {
    local ranks=$1
    shift
    command=("$lockstep" "$@")
    ((ranks == 1)) || command=(mpirun -n "$ranks" "${command[@]}")
    last_command="${command[*]}"
}

# Whether ranks help depends on what else the machine does: that line is no part of what a test expects, but where it says
# expects_advice=1.
drop_advice() {
    [[ -n ${expects_advice-} || ! -f $work/err ]] || sed -i -E '/^lockstep: warning: [0-9]+ ranks (took|on) /d' "$work/err"
}

# RANKS ARGUMENT...: runs lockstep to its end. Sets status; its output is in $work/out and $work/err.
run() {
    local -a command
    set_command "$@"
    status=0
    # When one rank ends with an error, mpirun gives the others no second to end by themselves: they have ended already.
    OMPI_MCA_odls_base_sigkill_timeout=0 timeout --kill-after=5 "$patience_s" "${command[@]}" >"$work/out" 2>"$work/err" </dev/null || status=$?
    ((status != 124 && status != 137)) || fail "still running after $patience_s s: it hangs"
    drop_advice
}

# RANKS ARGUMENT...: as run, and must succeed.
succeed() {
    run "$@"
    ((status == 0)) || fail "exit status $status instead of 0"
}

# RANKS ARGUMENT...: starts lockstep in the background. Sets job, the id of its process (mpirun, or the only rank). Its
# output goes to $work/out and $work/err; `await` waits for it.
start() {
    local -a command
    set_command "$@"
    start_command "${command[@]}"
}

# WORD...: the same for any command.
start_command() {
    last_command="$*"
    rm -f "$work/job" "$work/status"
    # A shell between, so that nobody reports "Killed" here.
    (
        set +e
        # shellcheck disable=SC2016
        bash -c 'echo $$ >"$0" && exec "$@"' "$work/job" "$@" >"$work/out" 2>"$work/err" </dev/null
        echo $? >"$work/status.new"
        mv "$work/status.new" "$work/status"
    ) 2>/dev/null &
    while [[ ! -s $work/job ]]; do
        sleep 0.01
    done
    job=$(<"$work/job")
}

has_ended() {
    [[ -e $work/status ]]
}

# Waits for the end of `start`. Sets status.
await() {
    local i
    for ((i = 0; i < 100 * patience_s; i++)); do
        ! has_ended || break
        sleep 0.01
    done
    has_ended || fail "still running after $patience_s s: it hangs"
    status=$(<"$work/status")
    wait
    drop_advice
}

# COMMAND...: waits until it succeeds, looking 100 times a second; fails after patience_s, or once the job has ended.
wait_until() {
    local i
    for ((i = 0; i < 100 * patience_s; i++)); do
        ! "$@" || return 0
        ! has_ended || fail "ended too early, before: $*"
        sleep 0.01
    done
    fail "waited $patience_s s for: $*"
}

# TEXT...: the last command's only message must hold each of them: one line beginning with "lockstep:", on stderr.
expect_message() {
    local text n
    n=$(grep -c '^lockstep: ' "$work/err" || true)
    ((n == 1)) || fail "$n lines begin with 'lockstep: ' on standard error instead of 1"
    for text in "$@"; do
        grep '^lockstep: ' "$work/err" | grep -qF -- "$text" || fail "its message does not say '$text'"
    done
}

# STATUS RANKS TEXT... -- ARGUMENT...: lockstep must fail with that exit status and one message that holds all TEXTs.
refuse() {
    local want=$1 ranks=$2 texts=()
    shift 2
    while [[ $1 != -- ]]; do
        texts+=("$1")
        shift
    done
    shift
    run "$ranks" "$@"
    ((status == want)) || fail "exit status $status instead of $want"
    expect_message ${texts[@]+"${texts[@]}"}
}

# A B WHAT: two files must be the same, byte for byte.
same() {
    [[ -s $1 && -s $2 ]] || fail "$3: '$1' or '$2' is missing or empty"
    cmp -s "$1" "$2" || fail "$3: $(cmp "$1" "$2" 2>&1)"
}

# [FILE]: the fingerprint in the output of the last command.
# shellcheck disable=SC2120
fingerprint() {
    local line
    line=$(grep '^fingerprint: [0-9a-f]\{32\}$' "${1:-$work/out}" || true)
    [[ -n $line && $line != *$'\n'* ]] || fail "not exactly one line 'fingerprint: ...' in the output"
    echo "${line#fingerprint: }"
}

# NAME FINGERPRINT: must be the golden one, which is the same on every machine. Where LOCKSTEP_FINGERPRINTS names a file,
# the line is added to that instead: this is how the table is made.
golden() {
    local got=$2 want
    if [[ -n ${LOCKSTEP_FINGERPRINTS-} ]]; then
        echo "$1 $got" >>"$LOCKSTEP_FINGERPRINTS"
        return
    fi
    want=$(sed -n "s,^$1 ,,p" "$root/tests/golden/fingerprints.txt")
    [[ -n $want ]] || fail "$1 has no golden fingerprint: run tests/golden/make_fingerprints, which adds it"
    [[ $got == "$want" ]] || fail "$1 ends with $got, and everywhere else with $want. If its bits were to change:" \
        "LS_ARITHMETIC_REVISION (src/tensor/arithmetic.h) says what to do, then run tests/golden/make_fingerprints"
}

# REFERENCE DIR WHAT: the run in DIR must have ended as the one in REFERENCE did. Both have fingerprint.txt.
same_run() {
    local file
    for file in fingerprint.txt model.h5 checkpoint.h5 history.csv; do
        same "$1/$file" "$2/$file" "$3: $file"
    done
}

# ROWS EPOCHS: an experiment to be killed. Steps are short and checkpoints frequent, so that a kill may hit anything: the
# start, a step, a reduction, a validation, a file.
experiment_to_kill() {
    cat <<EOF
seed: 9
data:
  file: $fashion_mnist
  train: {x: /train/x, y: /train/y, rows: [0, $1]}
  test: {x: /test/x, y: /test/y, rows: [0, 100]}
model:
  - flatten: {}
  - dense: {units: 64, activation: relu}
  - batch_normalization: {}
  - dropout: {rate: 0.1}
  - dense: {units: 10, activation: softmax}
compile: {optimizer: adam, loss: sparse_categorical_crossentropy, metrics: [accuracy]}
fit: {epochs: $2, batch_size: 20, microbatch: 5, checkpoint_every: 3, checkpoint_seconds: 0, validation_data: test}
EOF
}

# RANKS DIR ARGUMENT...: trains into DIR (train --output DIR ARGUMENT...), must succeed; keeps DIR/fingerprint.txt. What
# is in DIR goes, unless --resume is among the arguments.
train() {
    local ranks=$1 dir=$2 overwrite=--overwrite
    shift 2
    [[ " $* " != *' --resume '* ]] || overwrite=
    succeed "$ranks" train --output "$dir" "$@" $overwrite
    fingerprint >"$dir/fingerprint.txt"
}

# What stands behind the last byte that HDF5 reads: the checksum of the whole file, twice.
seal_bytes=$(sed -n 's/^#define LS_H5_SEAL_BYTES //p' "$root/src/h5/seal.h")

# FILE: takes that checksum away, so that what is then changed in the file is read.
unseal() {
    truncate -s -"$seal_bytes" "$1"
}

# FILE OFFSET: flips one bit of a byte.
flip() {
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1")
    # shellcheck disable=SC2059
    printf "\\x$(printf %x $((byte ^ 1 << RANDOM % 8)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# FILE PATTERN: where the bytes of the HDF5 dataset with that path begin in the file.
offset_of() {
    local path offset
    path=$(h5dump -n "$1" | sed -n "s,^ *dataset *\\($2\\)\$,\\1,p")
    offset=$(h5dump -p -H -d "$path" "$1" | sed -n 's/^ *OFFSET \([0-9]*\)$/\1/p')
    [[ -n $offset ]] || fail "h5dump does not say where $2 lies"
    echo "$offset"
}

# DIR: one hash per file in it, to see that nothing was touched. Times and leftovers count too.
state_of() {
    (cd "$1" && find . -type f -printf '%p %s %T@ ' -exec sha256sum {} \; | sort)
}

[[ -s $fashion_mnist ]] || fail "no $fashion_mnist: launch/check makes it"
