#!/usr/bin/env bash
# The job scripts of Slurm and PBS, with stand-ins for scontrol and qsub: a job that is out of time saves itself and goes back
# into the queue, and the next turn ends with the bits of a job that was never stopped. Any command runs as it stands, and
# goes back only if it continues what it began.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"

# Called for real by name; what they were asked is left in $work/asked.
mkdir "$work/bin"
for name in scontrol qsub; do
    # shellcheck disable=SC2016
    printf '#!/bin/sh\necho "%s $* WORK_S=${WORK_S-} COMMAND=${COMMAND-}" >>"%s"; echo "${PREEMPTED-}"\n' $name "$work/asked" >"$work/bin/$name"
    chmod +x "$work/bin/$name"
done
PATH=$work/bin:$PATH
printf 'localhost\nlocalhost\n' >"$work/nodes"
export LOCKSTEP=$lockstep SLURM_SUBMIT_DIR=$root SLURM_JOB_ID=77 PBS_O_WORKDIR=$root PBS_NODEFILE=$work/nodes

cat >"$work/experiment.yaml" <<YAML
seed: 3
data:
  file: $fashion_mnist
  train: {x: /train/x, y: /train/y, rows: [0, 2000]}
model:
  - flatten: {}
  - dense: {units: 10, activation: softmax}
compile: {optimizer: sgd, loss: sparse_categorical_crossentropy}
fit: {epochs: 1000000, batch_size: 20, microbatch: 10}
YAML

# WANTED COMMAND...: the job must end with that status; its output is in $work/out and $work/err.
job() {
    local wanted=$1
    shift
    last_command=$* status=0
    rm -f "$work/asked"
    timeout --kill-after=5 "$patience_s" "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
    ((status == wanted)) || fail "exit status $status instead of $wanted"
}

# DIR COMMAND...: the job's process is told that its time is nearly up once the run in DIR is in its second epoch.
job_out_of_time() {
    local script i directory=$1
    shift
    rm -f "$work/asked"
    last_command=$* status=0
    "$@" >"$work/out" 2>"$work/err" </dev/null &
    script=$!
    for ((i = 0; i < 100 * patience_s; i++)); do
        [[ ! -e $directory/checkpoint.h5 ]] || break
        sleep 0.01
    done
    kill -USR1 "$script"
    wait "$script" || status=$?
}

# DIR: from now on the experiment ends two epochs after those of the run in DIR, which was stopped.
end_soon() {
    [[ -e $1/checkpoint.h5 && ! -e $1/model.h5 ]] || fail "it was not stopped, but done or killed"
    sed "s/epochs: 1000000/epochs: $(($(wc -l <"$1/history.csv") + 1))/" "$work/experiment.yaml" >"$work/short.yaml"
}

# DIR: the run in it, just done in two turns, must have ended as one that never stopped.
same_as_whole() {
    fingerprint >"$1/fingerprint.txt"
    train 1 "$work/whole" "$work/short.yaml"
    same "$work/whole/fingerprint.txt" "$1/fingerprint.txt" "a job in two turns"
}

asked() {
    [[ -s $work/asked ]] || fail "nobody was asked to run it again"
    grep -qxF -- "$1" "$work/asked" || fail "asked for '$(cat "$work/asked")' instead of '$1'"
}

not_asked() {
    [[ ! -e $work/asked ]] || fail "asked for '$(cat "$work/asked")'"
}

say "Slurm: out of time, requeued, continued"
job_out_of_time "$work/slurm" bash "$root/launch/slurm.sbatch" "$work/experiment.yaml" "$work/slurm"
((status == 0)) || fail "exit status $status instead of that of scontrol"
asked 'scontrol requeue 77 WORK_S= COMMAND='
end_soon "$work/slurm"
job 0 bash "$root/launch/slurm.sbatch" "$work/short.yaml" "$work/slurm"
not_asked
same_as_whole "$work/slurm"

say "Slurm: any command, with its arguments and its exit status"
# shellcheck disable=SC2016
job 5 bash "$root/launch/slurm.sbatch" -- bash -c 'printf "%s|" "$@"; exit 5' name 'two words' '[0, 1]'
[[ $(<"$work/out") == 'two words|[0, 1]|' ]] || fail "its arguments are $(<"$work/out")"
job_out_of_time "$work/anew" bash "$root/launch/slurm.sbatch" -- mpirun -n 2 "$lockstep" train "$work/experiment.yaml" --output "$work/anew"
((status == 3)) || fail "exit status $status instead of 3"
not_asked
for arguments in '' '--' 'one' '--help me'; do
    # shellcheck disable=SC2086
    job 2 bash "$root/launch/slurm.sbatch" $arguments
    grep -q '^usage: ' "$work/err" || fail "no usage"
done

say "Slurm: the nodes are for another job"
# Slurm has told the ranks, which saved themselves; a job that then ends would be taken for done.
preempted=(bash "$root/launch/slurm.sbatch" -- bash -c 'exit 3' name --resume)
job 3 "${preempted[@]}"
asked 'scontrol show job 77 WORK_S= COMMAND='
PREEMPTED='PreemptTime=2026-11-30T19:40:51' job 0 "${preempted[@]}"
asked 'scontrol requeue 77 WORK_S= COMMAND='
PREEMPTED='PreemptTime=None' job 3 "${preempted[@]}"

say "PBS: out of time, submitted again, continued; any command"
again="mpirun $lockstep train $work/experiment.yaml --output $work/pbs --resume "
export EXPERIMENT=$work/experiment.yaml OUTPUT=$work/pbs
WORK_S=5 job 0 bash "$root/launch/pbs.sh"
asked "qsub -v COMMAND,WORK_S launch/pbs.sh WORK_S=5 COMMAND=$again"
end_soon "$work/pbs"
COMMAND=${again/experiment.yaml/short.yaml} job 0 bash "$root/launch/pbs.sh"
not_asked
same_as_whole "$work/pbs"
COMMAND='bash -c "echo \"two words\" [0, 1]; exit 5"' job 5 bash "$root/launch/pbs.sh"
[[ $(<"$work/out") == 'two words [0, 1]' ]] || fail "its arguments are $(<"$work/out")"
unset EXPERIMENT OUTPUT
job 1 bash "$root/launch/pbs.sh"
grep -q 'EXPERIMENT=FILE.yaml' "$work/err" || fail "it does not say what is missing"

say "installed: both take the lockstep on PATH where there is no build"
mkdir -p "$work/prefix/bin" "$work/prefix/share/lockstep" "$work/elsewhere"
cp "$root/launch/slurm.sbatch" "$root/launch/pbs.sh" "$work/prefix/share/lockstep"
printf '#!/bin/sh\n' >"$work/prefix/bin/lockstep"
# shellcheck disable=SC2016
printf '#!/bin/sh\necho "$@"\n' >"$work/prefix/bin/mpirun"
chmod +x "$work"/prefix/bin/*
unset LOCKSTEP
export SLURM_SUBMIT_DIR=$work/elsewhere PBS_O_WORKDIR=$work/elsewhere PATH=$work/prefix/bin:$PATH
job 0 bash "$work/prefix/share/lockstep/slurm.sbatch" a.yaml out
[[ $(<"$work/out") == 'lockstep train a.yaml --output out --resume' ]] || fail "Slurm runs $(<"$work/out")"
export EXPERIMENT=a.yaml OUTPUT=out
job 0 bash "$work/prefix/share/lockstep/pbs.sh"
[[ $(<"$work/out") == 'lockstep train a.yaml --output out --resume' ]] || fail "PBS runs $(<"$work/out")"
# The stand-in ends with status 3 when its time is up.
printf '#!/bin/bash\ntrap "exit 3" USR1\nsleep 10 & wait\n' >"$work/prefix/bin/mpirun"
WORK_S=1 job 0 bash "$work/prefix/share/lockstep/pbs.sh"
asked "qsub -v COMMAND,WORK_S $work/prefix/bin/../share/lockstep/pbs.sh WORK_S=1 COMMAND=mpirun lockstep train a.yaml --output out --resume "
