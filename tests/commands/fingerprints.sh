#!/usr/bin/env bash
# The golden fingerprints (tests/golden/fingerprints.txt) by every way to multiply that this processor has: the
# registries, and two epochs of quickstart's experiment. Its whole value, which launch/quickstart compares, once, on two ranks.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"

experiment=$root/launch/experiments/fashion_mnist.yaml
registries=$(dirname "$lockstep")/tests/mpi_test_registries
train 2 "$work/quickstart" "$experiment"
golden quickstart "$(cat "$work/quickstart/fingerprint.txt")"
for path in avx512 avx2 neon generic; do
    export LOCKSTEP_PRODUCT=$path
    run 1 train "$experiment" --output "$work/$path" --set fit.epochs=2 --set 'data.train.rows=[0, 1000]' --set 'data.test.rows=[0, 70]'
    if ((status)); then
        expect_message LOCKSTEP_PRODUCT
        continue
    fi
    say "$path"
    golden quickstart/shortened "$(fingerprint)"
    [[ ! -x $registries || -n ${LOCKSTEP_FINGERPRINTS-} ]] || "$registries" >"$work/out" 2>&1 || fail "the registries by $path"
done
