#!/usr/bin/env bash
# inspect of data files that lead to others, as h5py wrote them: what train follows is followed, where values come from and
# what nobody has written is said, and a pipe on the way is not waited for.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"
cp -r "$root/tests/golden/linked" "$work/data"
mv "$work/data/outside.h5" "$work"
cd "$work/data"
mkfifo pipe
head -c 16 /dev/zero >raw.bin
patience_s=20

# FILE: must be what the last command printed.
prints() {
    diff "$1" "$work/out" >&2 || fail "inspect prints something else"
}

say 'links, virtual and external datasets, samples that nobody wrote'
for ranks in 1 2; do
    succeed "$ranks" inspect main.h5
    prints expected.txt
done

say 'links to any file'
succeed 1 inspect main.h5 --links any
grep -A 2 -Fx '/outside  a link to ../outside.h5:/x  float32 (10, 2)' "$work/out" | tail -n 1 |
    grep -qFx '    values 0 to 19, mean 9.5, standard deviation 5.76628' || fail "/outside is not followed"
refuse 2 1 "--links is 'all'" -- inspect main.h5 --links all

say 'as train sees them'
cat >"$work/data/e.yaml" <<'END'
data: {file: main.h5, train: {x: /train/x, y: /train/y}, test: {x: /test/x, y: /test/y}}
model: [{dense: {units: 3, activation: softmax}}]
compile: {optimizer: sgd, loss: sparse_categorical_crossentropy}
fit: {epochs: 1, batch_size: 5}
END
train 1 "$work/run" e.yaml
for x in outside gone pipe holes never raw virtual_gone virtual_part virtual_pipe; do
    run 1 train e.yaml --output "$work/never" --set "data.train.x=/$x"
    ((status != 0)) || fail "train takes /$x"
done
