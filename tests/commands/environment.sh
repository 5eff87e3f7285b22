#!/usr/bin/env bash
# What the scripts of launch/ tell Open MPI is told only where the user has not said otherwise: every variable that one of them
# sets when the environment is bare keeps the user's value when it is there.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"

# Instead of mpirun: says what it was told.
mkdir "$work/told"
cat >"$work/told/mpirun" <<END
#!/bin/sh
env | grep -E '^(OMPI|PRTE|HYDRA)_' | sort >"$work/told/now"
exit 2
END
chmod +x "$work/told/mpirun"
printf 'localhost\n' >"$work/nodes"
export PATH=$work/told:$PATH LOCKSTEP=$lockstep LOCKSTEP_RSH='ssh -q' COMMAND=mpirun
export PBS_O_WORKDIR=$root PBS_NODEFILE=$work/nodes SLURM_SUBMIT_DIR=$root SLURM_JOB_ID=77
while IFS='=' read -r name _; do
    [[ ! $name =~ ^(OMPI|PRTE|HYDRA)_ ]] || unset "$name"
done < <(env)

# Named as the scripts are.
lockstep-run() { "$root/launch/lockstep-run" -n 1 -- train nothing.yaml --output "$work/run"; }
slurm.sbatch() { bash "$root/launch/slurm.sbatch" -- mpirun; }
pbs.sh() { bash "$root/launch/pbs.sh"; }
common.sh() { bash -c 'source "$0"; set_mpi_environment; mpirun' "$root/launch/common.sh"; }

for script in lockstep-run slurm.sbatch pbs.sh common.sh; do
    say "$script"
    status=0
    "$script" || status=$?
    ((status == 2)) || fail "$script: exit status $status instead of that of mpirun"
    mv "$work/told/now" "$work/told/$script"
    for name in {OMPI,PRTE}_MCA_{odls_base_sigkill_timeout,oob_tcp_keepalive_{time,intvl,probes}}; do
        grep -q "^$name=." "$work/told/$script" || fail "$script does not set $name"
    done
    sed 's/=.*/=mine/' "$work/told/$script" >"$work/told/mine"
    mapfile -t mine <"$work/told/mine"
    (
        export "${mine[@]}"
        "$script"
    ) || true
    diff "$work/told/mine" "$work/told/now" || fail "$script overrides what the user has set (>)"
done
