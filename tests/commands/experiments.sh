#!/usr/bin/env bash
# Every file in launch/experiments/ trains for an epoch on a few samples, to the same files on one rank and on two, with the
# golden fingerprint, and has its line in the README beside it. Data that is not there is made by datasets/make; MNIST must
# be fetched by hand, so without it its experiments are skipped, and listed.
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"

experiments=$root/launch/experiments
skipped=() made=0

# EXPERIMENT: sets data, its dataset file, which is made if possible. Fails for MNIST without mnist.h5.
find_data() {
    data=$(sed -n 's/^  file: *\([^ #]*\).*/\1/p' "$1")
    [[ -n $data && $data != *$'\n'* ]] || fail "$1 does not name one file in data"
    data=$(realpath --canonicalize-missing "$experiments/$data")
    if [[ ! -e $data && $data != */mnist.h5 ]] && ((!made)); then
        made=1
        LOCKSTEP=$lockstep "$root/datasets/make" >"$work/out" 2>"$work/err" || fail "datasets/make failed"
    fi
    [[ -e $data || $data == */mnist.h5 ]] || fail "datasets/make does not make $data"
    [[ -e $data ]]
}

for file in "$experiments"/*.yaml; do
    name=$(basename "$file" .yaml)
    grep -qF "| \`$name.yaml\` |" "$experiments/README.md" || fail "$experiments/README.md has no line for $name.yaml"
    if ! find_data "$file"; then
        skipped+=("$name")
        continue
    fi
    settings=(--set fit.epochs=1)
    run_file=$file
    if grep -q 'runs/autoencoder/model.h5' "$file"; then # the model that it begins with is made first
        train 1 "$work/autoencoder" "$experiments/autoencoder.yaml" --set fit.epochs=1 --set 'data.train.rows=[0, 330]' \
            --set 'data.test.rows=[0, 70]'
        run_file=$work/$name.yaml
        sed "s|[^ ]*runs/autoencoder|$work/autoencoder|; s|\.\./\.\./datasets|$root/datasets|" "$file" >"$run_file"
    fi
    case $data in
    */mnist.h5 | */fashion_mnist.h5) settings+=(--set 'data.train.rows=[0, 330]' --set 'data.test.rows=[0, 70]') ;;
    */pairs.h5 | */ratings.h5) settings+=(--set 'data.train.rows=[0, 330]') ;;
    esac
    [[ $name != resnet20 ]] || settings+=(--set 'data.train.rows=[0, 70]') # a second for an update
    for ranks in 1 2; do
        train "$ranks" "$work/$name/$ranks" "$run_file" "${settings[@]}"
    done
    same_run "$work/$name/1" "$work/$name/2" "$name on one rank and on two"
    golden "experiment/$name" "$(cat "$work/$name/1/fingerprint.txt")"
    say "$name: $(cat "$work/$name/1/fingerprint.txt")"
    rm -r "${work:?}/$name"
done
((${#skipped[@]} == 0)) || say "skipped, without datasets/mnist.h5: ${skipped[*]}"
