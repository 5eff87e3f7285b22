#!/usr/bin/env bash
# The installed library: a program outside the source tree finds it through CMake and through pkg-config, from C and
# from C++, and trains to the same bits on any number of ranks as the command line does with the same data.
# shellcheck source=tests/support/lib.sh
source "$(dirname "$0")/../support/lib.sh"

build=$(dirname "$lockstep")
example=$work/example
prefix=$work/there

# COMMAND...: must succeed; what it says is shown if not.
quietly() {
    last_command="$*"
    status=0
    "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
    ((status == 0)) || fail "exit status $status"
}

# NAME: of the build's cache.
cached() {
    sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt"
}

compiler=$(cached CMAKE_C_COMPILER)
flags=(-O1)
[[ $(cached CMAKE_BUILD_TYPE) != Asan ]] || flags+=(-fsanitize=address,undefined)

say "install, and move what was installed"
quietly cmake --install "$build" --prefix "$work/here"
mv "$work/here" "$prefix"
[[ -x $prefix/bin/lockstep ]] || fail "no program in $prefix/bin"
quietly "$prefix/bin/lockstep" --version

say "a CMake project elsewhere"
cp -r "$root/tests/example" "$example"
quietly cmake -S "$example" -B "$example/build" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$compiler" \
    -DCMAKE_C_FLAGS="${flags[*]} -Wall -Wextra -Werror"
quietly cmake --build "$example/build"
if cmake -S "$example" -B "$example/none" -DCMAKE_PREFIX_PATH="$work/nowhere" >"$work/out" 2>"$work/err"; then
    fail "CMake finds a lockstep that is not the one installed here"
fi

say "a directory for libraries that is no part of the prefix"
quietly cmake -S "$root" -B "$work/absolute" -DCMAKE_C_COMPILER="$compiler" -DCMAKE_INSTALL_PREFIX=/opt/there \
    -DCMAKE_INSTALL_LIBDIR=/srv/libraries -DBUILD_TESTING=OFF
PKG_CONFIG_PATH=$work/absolute quietly pkg-config --define-variable=pcfiledir=/srv/libraries/pkgconfig \
    --variable=libdir lockstep
[[ $(<"$work/out") == /srv/libraries ]] || fail "libraries of lockstep.pc"
PKG_CONFIG_PATH=$work/absolute quietly pkg-config --variable=includedir lockstep
[[ $(<"$work/out") == /opt/there/include ]] || fail "headers of lockstep.pc"

say "pkg-config"
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name lockstep.pc)")
export PKG_CONFIG_PATH
[[ $(pkg-config --modversion lockstep) == "$("$lockstep" --version | sed 's/lockstep //')" ]] || fail "another version"
for static in "" --static; do
    # shellcheck disable=SC2046,SC2086
    quietly "$compiler" "${flags[@]}" -Wall -Wextra -Werror -pedantic "$example/moons.c" -o "$example/moons$static" \
        $(pkg-config $static --cflags --libs lockstep)
done

say "C++"
cat >"$work/plus.cc" <<'END'
#include <lockstep/lockstep.h>
#include <cstdio>

static ls_status on_epoch_end(void *context, ls_callback_run *, uint64_t, ls_logs *)
{
    ++*static_cast<int *>(context);
    return LS_OK;
}

int main(int argc, char **argv)
{
    const float x[4] = {0, 1, 2, 3};
    int epochs = 0;
    ls_callback_hooks hooks = ls_callback_hooks();
    ls_callback callback = {"count", &hooks, &epochs};
    ls_fit_arguments arguments = ls_fit_arguments();
    ls_comm *comm = nullptr;
    ls_data *data = nullptr;
    ls_estimator *estimator = nullptr;
    bool good;

    MPI_Init(&argc, &argv);
    hooks.on_epoch_end = on_epoch_end;
    good = ls_comm_create(MPI_COMM_WORLD, &comm) == LS_OK && ls_data_create("train", &data) == LS_OK &&
           ls_data_add(data, LS_INPUT, nullptr, LS_TYPE_FLOAT32, 4, 0, nullptr, x) == LS_OK &&
           ls_data_add(data, LS_TARGET, nullptr, LS_TYPE_FLOAT32, 4, 0, nullptr, x) == LS_OK &&
           ls_estimator_create(comm, "{model: [{reshape: {target_shape: [1]}}, {dense: {units: 1}}], "
                                     "compile: {loss: mse}, fit: {epochs: 2}}", &estimator) == LS_OK;
    arguments.train = data;
    arguments.callback = &callback;
    arguments.callbacks = 1;
    good = good && ls_estimator_fit(estimator, &arguments, nullptr) == LS_OK && epochs == 2;
    std::printf("%s %s\n", ls_version(), good ? "trained" : ls_error_message());
    ls_estimator_free(estimator);
    ls_data_free(data);
    ls_comm_free(comm);
    MPI_Finalize();
    return !good;
}
END
if command -v c++ >/dev/null; then
    # shellcheck disable=SC2046
    quietly c++ -std=c++11 "${flags[@]}" -Wall -Wextra -pedantic -Werror "$work/plus.cc" -o "$work/plus" \
        $(pkg-config --cflags --libs lockstep)
    quietly "$work/plus"
    grep -q trained "$work/out" || fail "the C++ program did not train"

    # Through CMake, in C++ alone. What the caller has in variables stays, also where a module is not found.
    cat >"$work/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.18)
project(plus LANGUAGES CXX)
set(entry mine)
set(module mine)
set(prefix mine)
find_package(lockstep 0.2)
if(NOT "${entry}${module}${prefix}" STREQUAL mineminemine)
    message(FATAL_ERROR "changed: ${entry} ${module} ${prefix}")
endif()
message(STATUS "found: ${lockstep_FOUND}")
if(lockstep_FOUND)
    add_executable(plus plus.cc)
    target_link_libraries(plus PRIVATE lockstep::lockstep)
endif()
END
    quietly cmake -S "$work" -B "$work/plus-build" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_CXX_FLAGS="${flags[*]}"
    quietly cmake --build "$work/plus-build"
    quietly "$work/plus-build/plus"
    grep -q trained "$work/out" || fail "the C++ program that CMake made did not train"
    if [[ $(cached BUILD_SHARED_LIBS) != ON ]]; then
        PKG_CONFIG_LIBDIR=$work PKG_CONFIG_PATH=$work quietly cmake -S "$work" -B "$work/none" \
            -DCMAKE_PREFIX_PATH="$prefix"
        grep -q 'found: \(FALSE\|0\)' "$work/out" || fail "lockstep without its libraries is found"
    fi
else
    echo "no c++ here: left out"
fi

say "one fingerprint on 1, 2 and 3 ranks"
want=
for ranks in 1 2 3; do
    for program in build/moons moons moons--static; do
        [[ $program == build/moons || $ranks == 2 ]] || continue
        mkdir -p "$work/$ranks"
        quietly mpirun -n "$ranks" "$example/$program" "$work/$ranks"
        got=$(fingerprint)
        grep -q "^loaded: $got\$" "$work/out" || fail "the file that was loaded holds other weights"
        grep -q "^best loss after 40 epochs: " "$work/out" || fail "the callback was silent"
        [[ -z $want || $got == "$want" ]] || fail "$program on $ranks ranks: $got instead of $want"
        want=$got
    done
    same "$work/1/moons.h5" "$work/$ranks/moons.h5" "the saved model"
done

say "a program whose locale has a decimal comma: the same bits"
if command -v localedef >/dev/null && localedef -i de_DE -f UTF-8 "$work/de_DE.UTF-8" 2>"$work/err"; then
    sed -e 's/ MPI_Init_thread/ if (!setlocale(LC_ALL, "de_DE.UTF-8")) return 9;\n&/' -e '1i #include <locale.h>' \
        "$example/moons.c" >"$example/comma.c"
    # shellcheck disable=SC2046
    quietly "$compiler" "${flags[@]}" "$example/comma.c" -o "$example/comma" $(pkg-config --cflags --libs lockstep)
    mkdir "$work/comma"
    LOCPATH=$work quietly mpirun -n 2 "$example/comma" "$work/comma"
    [[ $(fingerprint) == "$want" ]] || fail "$(fingerprint) instead of $want"
    grep -q '^best loss after 40 epochs: 0\.' "$work/out" || fail "the library writes a comma"
    grep -q '^loss: 0,' "$work/out" || fail "the program's own numbers have no comma: the locale was not used"
    same "$work/1/moons.h5" "$work/comma/moons.h5" "the saved model"
else
    echo "no localedef or no de_DE here: left out"
fi

say "the command line, with the same data in a file: the same bits"
succeed 1 import csv "$work/1/moons.csv" --array x=x1,x2 --array y=y --shape y= --in-order --output "$work/data.h5"
cat >"$work/moons.yaml" <<'END'
seed: 7
data: {file: data.h5, train: {x: {path: /train/x, scale: 0.001}, y: /train/y}}
model:
  - dense: {units: 16, activation: tanh}
  - dense: {units: 1, activation: sigmoid}
compile: {optimizer: {adam: {learning_rate: 0.05}}, loss: binary_crossentropy, metrics: [accuracy]}
fit: {epochs: 40, batch_size: 32, microbatch: 8}
END
train 2 "$work/run" "$work/moons.yaml"
got=$(<"$work/run/fingerprint.txt")
[[ $got == "$want" ]] || fail "the command line has $got, not $want"
succeed 1 compare "$work/run/model.h5" "$work/1/moons.h5"
succeed 1 summary "$work/1/moons.h5"
grep -q 'Total params: 65' "$work/out" || fail "summary does not count 65 parameters"
succeed 1 inspect "$work/1/moons.h5"

say "a program that cannot write says so and fails"
mkdir -p "$work/full/moons.csv"
status=0
timeout "$patience_s" mpirun -n 2 "$example/moons" "$work/full" >"$work/out" 2>"$work/err" || status=$?
((status == 1)) || fail "exit status $status"
[[ $(grep -c "^moons: .*cannot write" "$work/err") == 1 ]] || fail "not exactly one message"

say "a program that asks for something impossible gets one message, and ends"
sed 's/units: 1,/units: 2,/' "$example/moons.c" >"$example/wrong.c"
# shellcheck disable=SC2046
quietly "$compiler" "${flags[@]}" "$example/wrong.c" -o "$example/wrong" $(pkg-config --cflags --libs lockstep)
status=0
timeout "$patience_s" mpirun -n 2 "$example/wrong" "$work" >"$work/out" 2>"$work/err" || status=$?
((status != 0 && status != 124)) || fail "exit status $status"
[[ $(grep -c '^moons: ' "$work/err") == 1 ]] || fail "not exactly one message"
