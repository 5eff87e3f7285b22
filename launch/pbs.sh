#!/bin/bash
# Runs lockstep under PBS Pro (OpenPBS) for as long as it takes: shortly before the time is up the run saves itself, the
# script submits itself again, and the next job continues with the same bits, on however many ranks it then gets.
#
# From the repository, after cmake --build, or anywhere with the installed lockstep on PATH (then with the path of pbs.sh):
#   qsub -v EXPERIMENT=launch/experiments/fashion_mnist.yaml,OUTPUT=runs/fashion_mnist launch/pbs.sh
#   COMMAND='mpirun build/lockstep sweep SWEEP.yaml' qsub -v COMMAND launch/pbs.sh       runs any command line as it stands
# A COMMAND is submitted again only if it continues what it began: `train --resume` and `sweep`. With `mpirun` and no
# -n it gets all ranks of the job.
#
#PBS -N lockstep
#PBS -l select=2:ncpus=32:mpiprocs=32
#PBS -l walltime=04:00:00
#PBS -j oe
set -euo pipefail

# PBS sends no signal ahead of time, so the script keeps the clock: seconds of work before the ranks are told to save.
# Two minutes less than the walltime above; change both together.
export WORK_S=${WORK_S:-$((4 * 3600 - 120))}

cd "$PBS_O_WORKDIR"
if [[ -z ${COMMAND-} ]]; then
    usage='name it: qsub -v EXPERIMENT=FILE.yaml,OUTPUT=DIRECTORY launch/pbs.sh'
    program=${LOCKSTEP:-build/lockstep}
    [[ -n ${LOCKSTEP-} || -x $program ]] || program=lockstep
    # --resume also after a crashed node: whatever checkpoint is there is continued, without one the run begins.
    printf -v COMMAND '%q ' mpirun "$program" train "${EXPERIMENT:?$usage}" --output "${OUTPUT:?$usage}" \
        --resume
fi
export COMMAND

# Load what lockstep was built with, for instance:
# module load openmpi openblas hdf5
export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
# Open MPI 4, then 5; what you have set already stays.
# When mpirun itself is told to end: seconds before its ranks hear of it, and then for their checkpoint.
# A host that is cut off is noticed in seconds; mpirun would wait for it for ever.
# For an mpirun built without PBS: all ranks of the job, unless the command says otherwise.
for variable in {OMPI,PRTE}_MCA_odls_base_sigkill_timeout=10 {OMPI,PRTE}_MCA_oob_tcp_keepalive_{time=5,intvl=2,probes=6} \
    {OMPI_MCA_orte,PRTE_MCA_prte}_default_hostfile="$PBS_NODEFILE"; do
    [[ -v ${variable%%=*} ]] || export "${variable?}"
done

# timeout signals the command alone, and mpirun passes SIGUSR1 on to all ranks.
status=0
timeout --foreground --preserve-status --signal=USR1 "$WORK_S" bash -c "exec $COMMAND" || status=$?

# 3: stopped by a signal, and saved. Before its time that was qdel, and nobody wants the job back.
if ((status == 3 && SECONDS >= WORK_S)); then
    case " $COMMAND " in
    *" sweep "* | *" --resume "*)
        echo "out of time, saved: the next job continues"
        # PBS runs a copy of this script; the next job takes the repository's or the installed one.
        script=launch/pbs.sh
        [[ -e $script ]] || script=$(dirname "$(command -v lockstep)")/../share/lockstep/pbs.sh
        # By name: qsub takes the values from here, whatever characters they hold.
        exec qsub -v COMMAND,WORK_S "$script"
        ;;
    esac
fi
exit "$status"
