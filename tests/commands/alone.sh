#!/usr/bin/env bash
# Commands on one rank where Open MPI has no ssh to start daemons with, and what they print of names out of files.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"
cd "$work"

cat >run.yaml <<END
seed: 8
data: {file: $fashion_mnist, train: {x: /train/x, y: /train/y, rows: [0, 40]}, test: {x: /test/x, y: /test/y, rows: [0, 20]}}
model:
  - flatten: {}
  - dense: {units: 10, activation: softmax}
compile: {optimizer: sgd, loss: sparse_categorical_crossentropy}
fit: {epochs: 1, batch_size: 20, microbatch: 10}
END
printf '1,2\n3,4\n' >table.csv
mkdir bin
for tool in mpirun orted; do
    ln -s "$(command -v "$tool")" bin/ 2>/dev/null || true
done

# ARGUMENT...: must succeed with nothing but that folder on PATH, where there is no ssh, and say nothing on stderr.
without_ssh() {
    status=0
    last_command=$*
    PATH=$work/bin "$lockstep" "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
    ((status == 0)) || fail "exit status $status instead of 0"
    [[ ! -s $work/err ]] || fail "it complains"
}

say 'no ssh on PATH'
without_ssh train run.yaml --output run
without_ssh train run.yaml --output run --resume --set fit.epochs=2
without_ssh evaluate run/model.h5 --data "$fashion_mnist"
without_ssh predict run/model.h5 --data "$fashion_mnist" --split test --output predictions.h5
without_ssh import csv table.csv --no-header --array x=1 --array y=2 --output table.h5
without_ssh export run/model.h5 --output model.keras
without_ssh summary run.yaml
without_ssh inspect run/model.h5
without_ssh compare run/model.h5 run/checkpoint.h5
without_ssh verify run.yaml -n 1

say 'one rank needs no MPI and starts none'
# Open MPI ends at once if it is started with a component that is not there.
without_mpi() {
    status=0
    last_command=$*
    OMPI_MCA_pml=none OMPI_MCA_ess=none "$lockstep" "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
    ((status == 0)) || fail "exit status $status instead of 0"
}
status=0
OMPI_MCA_pml=none OMPI_MCA_ess=none "$lockstep" doctor >"$work/out" 2>&1 </dev/null || status=$?
[[ -n ${LOCKSTEP_MPIEXEC-} ]] || ((status != 0)) || fail 'doctor starts MPI, and it works: this test shows nothing'
mpirun -n 1 "$lockstep" train run.yaml --output with --verbose 0 --trace >out 2>err
without_mpi train run.yaml --output free --verbose 0 --trace
same with/trace.txt free/trace.txt 'with MPI and without'
without_mpi train run.yaml --output free --resume --set fit.epochs=2
same run/checkpoint.h5 free/checkpoint.h5 'with MPI and without'
without_mpi evaluate run/model.h5 --data "$fashion_mnist"
without_mpi predict run/model.h5 --data "$fashion_mnist" --split test --output free.h5
same predictions.h5 free.h5 'with MPI and without'
for command in 'summary run.yaml' 'inspect run/model.h5' 'compare run/model.h5 run/model.h5' \
    'export run/model.h5 --output model.h5' 'import csv table.csv --no-header --array x=1 --output table.h5'; do
    # shellcheck disable=SC2086
    without_mpi $command
done
if command -v gnuplot >/dev/null; then
    without_mpi report run
    ! grep -q 'could not be computed' run/report.html || fail 'no gradient'
fi
succeed 2 summary run.yaml
cp "$work/out" two
succeed 1 summary run.yaml
same two "$work/out" 'what summary says on two ranks'

say 'names that a terminal would obey'
# As the two ways to write it: ESC [ and, in one character of UTF-8, CSI.
for evil in '\x1b[31m' '\u009b31m' '\x07' '\x7f'; do
    sed "s/- dense: {/&name: \"a${evil//\\/\\\\}b\", /" run.yaml >evil.yaml
    for command in 'summary evil.yaml' 'train evil.yaml --output evil --overwrite --verbose 0'; do
        # shellcheck disable=SC2086
        run 1 $command
        ! LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' "$work/out" "$work/err" || fail "$evil came through: $command"
    done
done

say 'damaged facts of a checkpoint'
for name in seed training_checksum experiment_checksum experiment; do
    cp -r run damaged
    case $name in
    experiment)
        offset=$(grep -abo 'batch_size: 20' damaged/checkpoint.h5 | head -n 1 | cut -d: -f1)
        printf 'batch_size: 30' | dd of=damaged/checkpoint.h5 bs=1 seek="$offset" conv=notrunc status=none
        ;;
    *)
        # The attribute is renamed, which leaves nothing of that name to be read.
        offset=$(grep -abo "$name" damaged/checkpoint.h5 | head -n 1 | cut -d: -f1)
        printf X | dd of=damaged/checkpoint.h5 bs=1 seek="$offset" conv=notrunc status=none
        ;;
    esac
    run 1 train run.yaml --output damaged --resume --set fit.epochs=3
    ((status == 1)) || fail "$name: exit status $status instead of 1"
    expect_message
    rm -rf damaged
done

say 'all as it should be'
