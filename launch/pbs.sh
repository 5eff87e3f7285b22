#!/bin/bash
# Trains under PBS Pro (OpenPBS) for as long as it takes: shortly before the time is up the run saves itself, the script
# submits itself again, and the next job continues with the same bits, on however many ranks it then gets.
#
# From the repository, after cmake --build:
#   qsub -v EXPERIMENT=launch/experiments/fashion_mnist.yaml,OUTPUT=runs/fashion_mnist launch/pbs.sh
#
#PBS -N lockstep
#PBS -l select=2:ncpus=32:mpiprocs=32
#PBS -l walltime=04:00:00
#PBS -j oe
set -euo pipefail

# PBS sends no signal ahead of time, so the script keeps the clock: seconds of work before the ranks are told to save.
# Two minutes less than the walltime above; change both together.
work_s=${WORK_S:-$((4 * 3600 - 120))}

cd "$PBS_O_WORKDIR"
experiment=${EXPERIMENT:?name it: qsub -v EXPERIMENT=FILE.yaml,OUTPUT=DIRECTORY launch/pbs.sh}
output=${OUTPUT:?name it: qsub -v EXPERIMENT=FILE.yaml,OUTPUT=DIRECTORY launch/pbs.sh}
lockstep=${LOCKSTEP:-build/lockstep}

# Load what lockstep was built with, for instance:
# module load openmpi openblas hdf5
export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1

# Also after a crashed node, not only after a planned stop: whatever checkpoint is there is continued.
resume=()
[[ ! -e $output/checkpoint.h5 ]] || resume=(--resume)

# timeout signals mpirun alone, and mpirun passes SIGUSR1 on to all ranks. The -n is for an mpirun built without PBS.
status=0
timeout --foreground --preserve-status --signal=USR1 "$work_s" \
    mpirun -n "$(wc -l <"$PBS_NODEFILE")" --hostfile "$PBS_NODEFILE" \
    "$lockstep" train "$experiment" --output "$output" "${resume[@]}" || status=$?

# 3: stopped by a signal, checkpoint written. Before its time that was qdel, and nobody wants the job back.
if ((status == 3 && SECONDS >= work_s)); then
    echo "out of time, checkpoint written: the next job continues"
    exec qsub -v "EXPERIMENT=$experiment,OUTPUT=$output,LOCKSTEP=$lockstep,WORK_S=$work_s" launch/pbs.sh
fi
exit "$status"
