# shellcheck shell=bash
# What the scripts in this folder share. Sourced, not run. They work from any directory, and do nothing twice.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build
fashion_mnist=${FASHION_MNIST_DIR:-/usr/share/datasets/fashion-mnist}
fashion_mnist_parts=(train-images-idx3 train-labels-idx1 t10k-images-idx3 t10k-labels-idx1)

say() {
    printf '== %s\n' "$*"
}

die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

have_fashion_mnist() {
    local part
    for part in "${fashion_mnist_parts[@]}"; do
        [[ -r $fashion_mnist/$part-ubyte.gz ]] || return 1
    done
}

# nproc obeys OMP_NUM_THREADS, which set_mpi_environment sets to 1 for the ranks.
threads() {
    env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc 2>/dev/null || getconf _NPROCESSORS_ONLN
}

# Cores to run ranks on: a second hardware thread of a core adds nothing to matrix products.
cores() {
    local usable physical
    usable=$(threads)
    physical=$({ lscpu -p=CORE,SOCKET 2>/dev/null || true; } | grep -v '^#' | sort -u | wc -l)
    if ((physical > 0 && physical < usable)); then
        echo "$physical"
    else
        echo "$usable"
    fi
}

# COMMAND...: quiet; its output is shown only when it fails.
quietly() {
    local log status=0
    log=$(mktemp)
    "$@" >"$log" 2>&1 || status=$?
    ((status == 0)) || tail -n 60 "$log" >&2
    rm -f "$log"
    return "$status"
}

# TARGET: a Release build of it in build/. Configures only what was not: make itself notices changed CMake files.
build_release() {
    local cache=$build/CMakeCache.txt

    # A cache of another place (a moved checkout) cannot be used.
    grep -qsxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$cache" || rm -rf "$cache" "$build/CMakeFiles"
    if ! grep -qsx 'CMAKE_BUILD_TYPE:[A-Z]*=Release' "$cache" || [[ ! -e $build/Makefile && ! -e $build/build.ninja ]]; then
        say "configuring and building $build"
        quietly cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release || die "cmake could not configure $build (see above)"
    fi
    quietly cmake --build "$build" --parallel "$(threads)" --target "$1" || die "the build failed (see above)"
}

# datasets/fashion_mnist.h5, unless it is there.
import_fashion_mnist() {
    local output=$root/datasets/fashion_mnist.h5
    [[ ! -e $output ]] || return 0
    have_fashion_mnist || die "no Fashion-MNIST in $fashion_mnist: put its four files (${fashion_mnist_parts[*]/%/-ubyte.gz})" \
        "into a folder and name that in FASHION_MNIST_DIR"
    say "importing Fashion-MNIST into $output"
    mkdir -p "$root/datasets"
    "$build/lockstep" import idx \
        --split "train=$fashion_mnist/train-images-idx3-ubyte.gz,$fashion_mnist/train-labels-idx1-ubyte.gz" \
        --split "test=$fashion_mnist/t10k-images-idx3-ubyte.gz,$fashion_mnist/t10k-labels-idx1-ubyte.gz" \
        --output "$output"
}

# NAME=VALUE...: exports those that are not in the environment: what the user has set stays.
prefer() {
    local variable
    for variable in "$@"; do
        [[ -v ${variable%%=*} ]] || export "${variable?}"
    done
}

# One BLAS thread per rank. More ranks than Open MPI counts slots are allowed; in a container, root may start ranks.
set_mpi_environment() {
    export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
    prefer OMPI_MCA_rmaps_base_oversubscribe=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
    # When mpirun is told to end: seconds before its ranks hear of it, and then for their checkpoint.
    prefer {OMPI,PRTE}_MCA_odls_base_sigkill_timeout=10
    # A host that is cut off is noticed in seconds; mpirun would wait for it for ever.
    prefer {OMPI,PRTE}_MCA_oob_tcp_keepalive_{time=5,intvl=2,probes=6}
    if [[ $(id -u) == 0 ]]; then
        prefer {OMPI,PRTE}_ALLOW_RUN_AS_ROOT=1 {OMPI,PRTE}_ALLOW_RUN_AS_ROOT_CONFIRM=1
    fi
}
