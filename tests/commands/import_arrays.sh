#!/usr/bin/env bash
# import npy, images and cifar10 end to end, on one rank and on several; data with the channels first; fetch cifar10.
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"
cd "$work"
golden=$root/tests/golden

# TEXT...: each must be a whole line of the last command's output.
expect_lines() {
    local text
    for text in "$@"; do
        grep -qxF -- "$text" "$work/out" || fail "its output has no line '$text'"
    done
}

# DESCR SHAPE: a header of NumPy, 128 bytes in all, to standard output.
npy_header() {
    printf '\x93NUMPY\x01\x00\x76\x00'
    printf '%-117s\n' "{'descr': '$1', 'fortran_order': False, 'shape': $2, }"
}

# FILE DATASET WANTED...: the values of a dataset.
expect_values() {
    local file=$1 path=$2 got
    shift 2
    got=$(h5dump -y -w 1 -A 0 -d "$path" "$file" | sed -n '/DATA {/,/}/p' | grep -o -- '-\?[0-9][0-9.]*' | xargs)
    [[ $got == "$*" ]] || fail "$file:$path holds $got instead of $*"
}

say "npy: two files, an archive, any arrays"
{
    npy_header '|u1' '(2, 3, 2)'
    printf '\0\1\2\3\4\5\6\7\10\11\12\13'
} >x.npy
{
    npy_header '>i4' '(2,)'
    printf '\0\0\0\1\377\377\377\377'
} >y.npy
splits=(--split train=x.npy,y.npy --split "test=$golden/numpy.npz")
succeed 1 import npy "${splits[@]}" --output one.h5
expect_lines 'train: x uint8 (2, 3, 2), y int32 (2)' 'test: x uint8 (9, 2, 2), y int64 (9)'
expect_values one.h5 /train/x 0 1 2 3 4 5 6 7 8 9 10 11
expect_values one.h5 /train/y 1 -1
succeed 3 import npy "${splits[@]}" --output three.h5
same one.h5 three.h5 "the dataset file of three ranks"
succeed 1 import npy --array all/a=x.npy --channels-first a --scale a=1/255 --deflate 3 --output some.h5
expect_lines 'all: a uint8 (2, 2, 3)'
expect_values some.h5 /all/a 0 2 4 1 3 5 6 8 10 7 9 11
succeed 1 inspect some.h5
grep -q '@scale 0.00392156' out || fail "no scale"

say "npy: faults, and an existing output stays"
cp one.h5 kept.h5
refuse 1 3 'numpy.npz:float16_big has 5 samples' "'a' has 2" -- import npy --array all/a=x.npy --array "all/b=$golden/numpy.npz:float16_big" --output kept.h5
refuse 1 1 'objects' 'Python objects' -- import npy --array "all/b=$golden/numpy.npz:objects" --output kept.h5
refuse 1 1 "no array 'z'" -- import npy --array "all/b=$golden/numpy_deflated.npz:z" --output kept.h5
refuse 1 1 'y.npy' channels-first -- import npy --split train=x.npy,y.npy --channels-first y --output kept.h5
refuse 2 1 'NAME=X.npy,Y.npy' -- import npy --split train=x.npy --output kept.h5
refuse 2 1 'FILE.npz:MEMBER' -- import npy --array "train/x=$golden/numpy.npz" --output kept.h5
refuse 2 1 'SPLIT/NAME=FILE' -- import npy --array x=x.npy --output kept.h5
refuse 2 1 "an array 'z'" -- import npy --array all/x=x.npy --scale z=2 --output kept.h5
refuse 2 1 '--scale x=1/0' -- import npy --array all/x=x.npy --scale x=1/0 --output kept.h5
refuse 2 1 "an array 'z'" -- import npy --array all/x=x.npy --channels-first z --output kept.h5
refuse 2 1 'given twice' -- import npy --array all/x=x.npy --array all/x=y.npy --output kept.h5
refuse 2 1 'nothing to import' -- import npy --output kept.h5
refuse 2 1 '--output is missing' -- import npy --split train=x.npy,y.npy
same one.h5 kept.h5 "an existing output after failures"

say "images: folders of classes"
mkdir -p pictures/rose pictures/iris
for name in png_rgb png_palette jpeg_420 jpeg_progressive; do
    h5dump -d "/$name/file" -b LE -o "pictures/rose/$name.${name%%_*}" "$golden/images.h5" >/dev/null
    cp "pictures/rose/$name.${name%%_*}" "pictures/iris/${name#*_}.${name%%_*}"
done
for file in pictures/*/*.jpeg; do mv "$file" "${file%.jpeg}.JPG"; done
succeed 1 import images pictures --split train=0.75 --split test=0.25 --stratify --output pictures.h5
expect_lines 'train: x uint8 (6, 29, 37, 3), y uint8 (6)' 'test: x uint8 (2, 29, 37, 3), y uint8 (2)'
expect_values pictures.h5 /train/y 0 0 0 1 1 1
succeed 1 inspect pictures.h5
grep -q '@classes iris, rose' out || fail "no classes"
cp -r pictures copy
echo text >copy/iris/notes.txt
succeed 3 import images copy --split train=0.75 --split test=0.25 --stratify --output copy.h5
expect_lines 'left out: 1 file not called .png, .jpg or .jpeg in a folder of a class'
same pictures.h5 copy.h5 "the dataset file of a copy of the folders, on three ranks"
succeed 1 import images --split train=pictures --split test=copy --size 10,8 --channels 1 --shuffle --seed 3 --output small.h5
expect_lines 'train: x uint8 (8, 10, 8, 1), y uint8 (8)' 'test: x uint8 (8, 10, 8, 1), y uint8 (8)'

say "images: faults"
h5dump -d /png_gray/file -b LE -o copy/rose/gray.png "$golden/images.h5" >/dev/null
head -c 700 pictures/rose/jpeg_420.JPG >copy/iris/420.JPG
refuse 1 3 'copy/iris/420.JPG is damaged' -- import images copy --output kept.h5
cp pictures/iris/420.JPG copy/iris/420.JPG
refuse 1 1 'copy/rose/gray.png is gray' '--channels' -- import images copy --output kept.h5
refuse 1 1 'copy/rose/gray.png is 23 pixels high and 31 wide' '--size' -- import images copy --channels 3 --output kept.h5

say "images: damaged ones"
rm copy/rose/gray.png
head -c 700 pictures/rose/jpeg_420.JPG >copy/iris/420.JPG
echo text >copy/rose/a.png
refuse 1 1 '2 of 9 images cannot be imported, the first: copy/iris/420.JPG is damaged' '--skip-damaged leaves out the 2' -- \
    import images copy --output kept.h5
grep -qF '  copy/rose/a.png is neither a PNG nor a JPEG file' err || fail "the second is not listed"
for ranks in 1 2; do
    succeed $ranks import images copy --skip-damaged --output skipped.h5
    expect_lines 'train: x uint8 (7, 29, 37, 3), y uint8 (7)' 'skipped: 2 damaged, listed in /skipped of the file'
done
expect_values skipped.h5 /train/y 0 0 0 1 1 1 1
succeed 1 inspect skipped.h5
grep -A 3 '^/skipped/image ' out | tail -n 2 >listed
diff listed <(printf '    iris/420.JPG\n    rose/a.png\n') >&2 || fail "inspect does not show what was skipped"
grep -A 2 '^/skipped/reason ' out | grep -q '    is damaged: libjpeg: ' || fail "inspect does not show why"
rm copy/rose/a.png
printf '\0\0' | dd of=copy/rose/jpeg_420.JPG bs=1 seek=11 conv=notrunc status=none
cp pictures/iris/420.JPG copy/iris/420.JPG
succeed 1 import images copy --output flawed.h5
grep -q '^1 not quite as JPEG has it, with all pixels: copy/rose/jpeg_420.JPG: libjpeg: .*JFIF revision number 0.00' out ||
    fail "a revision of 0.00 is not counted"
succeed 1 import images pictures --output whole.h5
h5diff whole.h5 flawed.h5 /train/x || fail "other pixels"
mkdir copy/tulip
refuse 1 1 "copy/tulip' holds no images" -- import images copy --output kept.h5
cp pictures/iris/420.JPG copy/tulip/
refuse 1 1 "copy/tulip'" 'training images do not have' -- import images --split train=pictures --split test=copy --size 4,4 --output kept.h5
refuse 2 1 'FOLDER is missing' -- import images --output kept.h5
refuse 2 1 'FOLDER is missing' -- import images --split train=0.5 --split test=0.5 --output kept.h5
refuse 2 1 '--size takes' -- import images pictures --size 32 --output kept.h5
refuse 2 1 '--size takes' -- import images pictures --size 32,0 --output kept.h5
refuse 2 1 '--channels takes' -- import images pictures --channels 4 --output kept.h5
refuse 2 1 'cannot be stratified' -- import images --split train=pictures --stratify --output kept.h5
refuse 2 1 'add up to 0.5' -- import images pictures --split train=0.5 --output kept.h5
same one.h5 kept.h5 "an existing output after failures"

say "fetch and import cifar10, on a small archive of the same layout"
mkdir -p cifar/cifar-10-batches-bin mirror
printf '%s\n' airplane automobile bird cat deer dog frog horse ship truck >cifar/cifar-10-batches-bin/batches.meta.txt
for file in data_batch_{1..5} test_batch; do
    {
        printf '\7'
        head -c 1024 /dev/zero | tr '\0' '\1' # red, green, blue
        head -c 1024 /dev/zero | tr '\0' '\2'
        head -c 1024 /dev/zero | tr '\0' '\3'
    } >"cifar/cifar-10-batches-bin/$file.bin"
done
tar -czf mirror/cifar-10-binary.tar.gz -C cifar cifar-10-batches-bin
# The script refuses this archive; with the archive's own checksum it takes it, once. Nothing is asked of the network.
sed "s,https://www.cs.toronto.edu,file://$work/nowhere," "$root/datasets/fetch" >fetch
grep -q nowhere fetch || fail "the address of the data has changed"
if CIFAR10_MIRROR=file://$work/mirror sh fetch cifar10 fetched >out 2>err; then
    fail "fetch took an archive with a wrong checksum"
fi
grep -q "cifar-10-binary.tar.gz: wrong checksum from file://" err || fail "fetch does not say that the checksum is wrong"
grep -q 'fetch: no mirror gave cifar-10-binary.tar.gz' err || fail "fetch does not say what to do"
[[ -z $(ls -A fetched) ]] || fail "fetch left something behind"
sum=$(md5sum <mirror/cifar-10-binary.tar.gz | cut -d ' ' -f 1)
sed -i "s/c32a1d4ab5d03f1284b67883e8d87530/$sum/" fetch
for times in first second; do
    CIFAR10_MIRROR=file://$work/mirror sh fetch cifar10 fetched >out 2>err || fail "fetch, the $times time"
done
expect_lines 'cifar-10-binary.tar.gz: there already' 'CIFAR-10 is in fetched/cifar-10-batches-bin'
[[ $(ls -A fetched | wc -l) == 2 ]] || fail "fetch left something behind"
succeed 1 import cifar10 fetched/cifar-10-batches-bin --output cifar.h5
expect_lines 'train: x uint8 (5, 32, 32, 3), y uint8 (5)' 'test: x uint8 (1, 32, 32, 3), y uint8 (1)'
expect_values cifar.h5 /train/y 7 7 7 7 7
# shellcheck disable=SC2046
expect_values cifar.h5 /test/x $(for ((i = 0; i < 1024; i++)); do echo 1 2 3; done)
truncate -s -1 cifar/cifar-10-batches-bin/data_batch_5.bin
refuse 1 3 'data_batch_5.bin has 3072 bytes' -- import cifar10 cifar/cifar-10-batches-bin --output kept.h5
refuse 2 1 FOLDER -- import cifar10 --output kept.h5
same one.h5 kept.h5 "an existing output after a failure"

say "channels first: turned around at import or by the experiment, the weights are the same"
{
    npy_header '|u1' '(32, 3, 6, 6)'
    head -c 300000 "$fashion_mnist" | tail -c 3456
} >x.npy
{
    npy_header '|u1' '(32,)'
    for ((i = 0; i < 8; i++)); do printf '\0\1\2\1'; done
} >y.npy
succeed 1 import npy --split train=x.npy,y.npy --scale x=1/255 --channels-first x --output last.h5
succeed 1 import npy --split train=x.npy,y.npy --scale x=1/255 --output first.h5
expect_lines 'train: x uint8 (32, 3, 6, 6), y uint8 (32)'
cat >turned.yaml <<'END'
data:
  file: last.h5
  train: {x: {path: /train/x}, y: /train/y}
model:
  - input: {shape: [6, 6, 3]}
  - conv2d: {filters: 4, kernel_size: 3, activation: relu}
  - flatten: {}
  - dense: {units: 3, activation: softmax}
compile: {optimizer: adam, loss: sparse_categorical_crossentropy, metrics: [accuracy]}
fit: {epochs: 2, batch_size: 16, microbatch: 4}
END
sed 's,last.h5,first.h5,; s,{path: /train/x},{path: /train/x\, channels_first: true},' turned.yaml >first.yaml
sed '/input:/d' first.yaml >unnamed.yaml # the shape comes from the data
sed 's,last.h5,first.h5,' turned.yaml >wrong.yaml
train 1 run1 turned.yaml
train 3 run2 first.yaml
same run1/fingerprint.txt run2/fingerprint.txt "the weights of channels_first: true on three ranks"
train 1 run3 unnamed.yaml
same run1/fingerprint.txt run3/fingerprint.txt "the weights without the input's shape"
succeed 1 evaluate run2/model.h5 --data first.h5 --split train
refuse 1 3 'first.h5:/train/x' '(3, 6, 6)' '(6, 6, 3)' 'channels_first: true' -- train wrong.yaml --output none
refuse 2 1 'channels_first must be true or false' -- train wrong.yaml --set data.train.x.channels_first=perhaps --output none

say "predictions as NumPy's arrays come back with the same bits"
succeed 1 predict run1/model.h5 --data last.h5 --split train --output out.h5
succeed 3 predict run1/model.h5 --data last.h5 --split train --output out.npy
succeed 1 predict run1/model.h5 --data last.h5 --split train --output out.npz
output=$(h5dump -n out.h5 | sed -n 's,^ *dataset */,,p')
succeed 1 import npy --array "npy/p=out.npy" --array "npz/p=out.npz:$output" --output back.h5
expect_lines 'npy: p float32 (32, 3)' 'npz: p float32 (32, 3)'
for dataset in "out.h5:/$output" back.h5:/npy/p back.h5:/npz/p; do
    h5dump -d "${dataset#*:}" -b LE -o "values${dataset//\//_}" "${dataset%:*}" >/dev/null
done
same "valuesout.h5:_$output" valuesback.h5:_npy_p "predictions through .npy"
same "valuesout.h5:_$output" valuesback.h5:_npz_p "predictions through .npz"
