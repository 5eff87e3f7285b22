#!/usr/bin/env bash
# doctor: a line for everything that a training needs, the same verdict as the training comes to, and nothing written.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"
cd "$work"

cat >run.yaml <<END
seed: 8
data: {file: $fashion_mnist, train: {x: /train/x, y: /train/y, rows: [0, 400]}}
model:
  - flatten: {}
  - dense: {units: 100, activation: relu}
  - dense: {units: 10, activation: softmax}
compile: {optimizer: adam, loss: sparse_categorical_crossentropy}
fit: {batch_size: 20, microbatch: 10}
END

# WHAT TEXT: the page has a line about it that says so.
says() {
    grep -E "^(  |! |!!) $1 " out | grep -qF -- "$2" || fail "no line '$1' with '$2'"
}

say 'what is well'
for ranks in 1 2 3; do
    succeed $ranks doctor run.yaml --output run
    ! grep -q '^!!' out || fail 'something fatal'
    says arithmetic 'as on every machine'
    says MPI MPI
    says HDF5 'reads deflate, shuffle, fletcher32'
    says data 'files can be locked there'
    says host "$(hostname): $ranks rank"
    says experiment '400 samples to train on, 79510 weights'
    says memory 'a rank at least'
    says output 'a checkpoint has about 1.'
    ((ranks == 1)) || says network 'GB/s'
    ((ranks == 1)) || says allreduce 'auto takes'
    tail -n 1 out | grep -qE '^(All is well\.|Training would work; look at what is marked\.)$' || fail 'no verdict'
done
[[ ! -e run ]] || fail 'it made the run directory'
LOCKSTEP_PRODUCT=generic succeed 1 doctor
says arithmetic 'products: generic'
[[ $(grep -c experiment out) == 0 ]] || fail 'an experiment that nobody named'

say 'what Open MPI is told, and by whom'
if mpirun --version 2>/dev/null | grep -q 'Open MPI'; then
    mkdir -p home/.openmpi
    printf '#btl_tcp_links = 9\n btl_tcp_links_x = 9\n btl_tcp_links=5 # cables\nbtl_tcp_eager_limit = 70000\n' >home/.openmpi/mca-params.conf
    printf 'btl_tcp_eager_limit = 77777\n' >other.conf
    HOME=$work/home OMPI_MCA_btl_tcp_max_send_size=99999 succeed 2 doctor
    says 'MPI settings' "btl_tcp_links 5 ($work/home/.openmpi/mca-params.conf), btl_tcp_eager_limit 70000 ("
    says 'MPI settings' 'btl_tcp_max_send_size 99999 (environment or mpirun)'
    HOME=$work/home OMPI_MCA_mca_base_param_files=$work/none.conf,$work/other.conf succeed 2 doctor
    says 'MPI settings' "btl_tcp_links 2 (ours), btl_tcp_eager_limit 77777 ($work/other.conf), btl_tcp_max_send_size 1048576 (ours)"
fi

# TEXT... -- ARGUMENT...: training would fail; the page says what.
ill() {
    local what=$1 text=$2
    shift 3
    for ranks in 1 2; do
        run $ranks doctor "$@"
        ((status == 1)) || fail "exit status $status instead of 1"
        grep "^!! $what " out | grep -qF -- "$text" || fail "no line '!! $what' with '$text'"
        expect_message 'training would fail'
    done
}
say 'what would fail'
ill experiment nowhere.h5 -- run.yaml --output run --set data.file=nowhere.h5
ill experiment 'target_shape' -- run.yaml --output run --set 'model=[dense: {units: 10}, reshape: {target_shape: [3]}]'
touch file
ill output 'no directory' -- run.yaml --output file
ill output 'no directory' -- run.yaml --output file/run
mkdir disk
if mount -t tmpfs -o size=512k lockstep-test disk 2>/dev/null; then
    ill output 'need' -- run.yaml --output disk/run
    umount disk
fi
refuse 2 1 'fit.batch_size must be' -- doctor run.yaml --set fit.batch_size=x
refuse 2 1 EXPERIMENT.yaml -- doctor run.yaml run.yaml
OMPI_COMM_WORLD_SIZE=3 refuse 1 1 'OMPI_COMM_WORLD_SIZE says that 3 ranks were started' -- doctor
say 'all said'
