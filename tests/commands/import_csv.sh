#!/usr/bin/env bash
# import csv and the data sets that ship, end to end: from CSV files to dataset files, on one rank and on several.
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"
cd "$work"

# TEXT...: each must be a whole line of the last command's output.
expect_lines() {
    local text
    for text in "$@"; do
        grep -qxF -- "$text" "$work/out" || fail "its output has no line '$text'"
    done
}

say "a small table: numbers, categories, a missing value"
cat >flowers.csv <<'END'
length,width,color,kind
1,10,red,a
2,,blue,b
3,30,red,a
4,40,green,b
END
arrays=(--array x=length,width,color --array y=kind)
succeed 1 import csv flowers.csv "${arrays[@]}" --encode color=onehot --missing width=mean --scale x=standard --output one.h5
expect_lines 'train: x float64 (4, 5), y uint8 (4, 1)'
succeed 3 import csv flowers.csv "${arrays[@]}" --encode color=onehot --missing width=mean --scale x=standard --output three.h5
same one.h5 three.h5 "the dataset file of three ranks"
succeed 1 inspect one.h5
expect_lines '    labels 0 (a): 2, 1 (b): 2' '    @classes a, b' '    @categories blue, green, red' '    @scaling standard'

say "columns taken for categories are listed"
succeed 1 import csv flowers.csv --array x=length,color --array y=kind --output listed.h5
expect_lines 'color: 3 categories, blue, green, red' 'kind: 2 categories, a, b'
printf 'a;b\n1,5;0\n22,0;1\n3,25;0\n' >comma.csv
refuse 1 1 "comma.csv:2: column 'a': '1,5' is not a number" 'line 4' '--decimal ,' -- import csv comma.csv --delimiter ';' --array x=a --output comma.h5
succeed 3 import csv comma.csv --delimiter ';' --decimal , --array x=a --output comma.h5
expect_lines 'train: x float32 (3, 1)'
refuse 2 1 '--decimal takes' -- import csv comma.csv --decimal x --array x=a --output comma.h5

say "rows with missing values can be left out"
succeed 1 import csv flowers.csv --array x=length,width --missing drop --split train=0.67 --split test=0.33 --output dropped.h5
expect_lines 'train: x uint8 (2, 2)' 'test: x uint8 (1, 2)' 'left out: 1 row with missing values'

say "another file like the first one; semicolons, no target"
printf 'color;width;length\nred;25;2\n' | gzip >new.csv.gz
succeed 1 import csv new.csv.gz --like one.h5 --array x --delimiter ';' --output new.h5
expect_lines 'test: x uint8 (1, 5)'

say "another file like one with semicolons and question marks: the same, without saying so again"
printf 'a;b\n1;?\n3;4\n' >semicolons.csv
succeed 1 import csv semicolons.csv --array x=a,b --missing fill:0 --delimiter ';' --na '?' --output semicolons.h5
printf 'b;a\n?;7\n' >more.csv
succeed 1 import csv more.csv --like semicolons.h5 --output more.h5
expect_lines 'test: x uint8 (1, 2)'
printf 'b,a\n?,7\n' >more.csv
succeed 1 import csv more.csv --like semicolons.h5 --delimiter , --output more.h5
refuse 1 1 "no column 'a'" -- import csv more.csv --like semicolons.h5 --output more.h5

say "several files, no header"
printf '1,2\n3,4\n' >a.csv
printf '5,6\n' >b.csv
succeed 1 import csv --split train=a.csv --split test=b.csv --no-header --array x=1:2 --shape x=2,1 --output ab.h5 --deflate 9
expect_lines 'train: x uint8 (2, 2, 1)' 'test: x uint8 (1, 2, 1)'

say "faults name file and line, on one rank and on three, and leave the output alone"
cp one.h5 kept.h5
printf 'a,b\n1,2\n3\n' >ragged.csv
printf 'a,b\n1,2\n\nx,4\n' >word.csv
printf 'a,b\n1,nan\n' >nan.csv
printf 'a\n"1\n' >open.csv
for ranks in 1 3; do
    refuse 1 $ranks 'ragged.csv:3: 1 field' -- import csv ragged.csv --array x=a --output kept.h5
    refuse 1 $ranks "word.csv:4: column 'a': 'x' is not a number" -- import csv word.csv --array x=a --output kept.h5
    refuse 1 $ranks "nan.csv:2: column 'b'" '--na nan' -- import csv nan.csv --array x=b --output kept.h5
    refuse 1 $ranks 'open.csv:2: the quote opened here is never closed' -- import csv open.csv --array x=a --output kept.h5
    refuse 1 $ranks "flowers.csv:3: column 'width': the value is missing" '--missing drop' -- import csv flowers.csv --array x=width --output kept.h5
    refuse 1 $ranks "did you mean 'length'" -- import csv flowers.csv --array x=lenght --output kept.h5
    refuse 1 $ranks nothing.csv 'No such file' -- import csv nothing.csv --array x=a --output kept.h5
done
same one.h5 kept.h5 "an existing output after failures"

say "a gigabyte in one field is refused at once"
printf 'a,b\n1,"' | gzip >giant.csv.gz
head -c 64M /dev/zero | tr '\0' x | gzip -1 >piece.gz
for i in {1..16}; do cat piece.gz; done >>giant.csv.gz # a gzip file may have many parts
refuse 1 1 'giant.csv.gz:2: a quoted field is longer than 1 MiB' -- import csv giant.csv.gz --array x=a --output kept.h5

say "wrong usage"
refuse 2 1 'FILE.csv' -- import csv --array x=a --output kept.h5
refuse 2 1 'FILE.csv' -- import csv --split train=0.5 --split test=0.5 --array x=a --output kept.h5
refuse 2 1 '--output is missing' -- import csv flowers.csv --array x=length
refuse 2 1 'no array' -- import csv flowers.csv --output kept.h5
refuse 2 1 '--scale takes' -- import csv flowers.csv --array x=length --scale standard --output kept.h5
refuse 2 1 '--delimiter' -- import csv flowers.csv --array x=length --delimiter ';;' --output kept.h5
refuse 2 1 '--unknown' -- import csv flowers.csv --array x=length --unknown drop --output kept.h5
refuse 2 1 "did you mean '--stratify'" -- import csv flowers.csv --array x=length --stratfy kind --output kept.h5
refuse 2 3 'add up to 0.9' -- import csv flowers.csv --array x=length --split train=0.9 --output kept.h5
refuse 2 1 "cannot import 'xml'" 'idx, csv' -- import xml flowers.csv
same one.h5 kept.h5 "an existing output after wrong usage"

say "the data sets that ship"
mkdir datasets
cp "$root"/datasets/{make,make_pairs,make_ratings,five_point_line.csv,iris.csv,digits.csv} datasets/
LOCKSTEP=$lockstep datasets/make >out 2>err || fail "datasets/make"
expect_lines 'train: x uint8 (5, 1), y uint8 (5, 1)' 'train: petal_width float32 (105, 1), species uint8 (105, 1), x float64 (105, 3)' \
    'validation: x uint8 (270, 8, 8, 1), y uint8 (270, 1)' \
    'train: a uint8 (4000, 8, 8, 1), b uint8 (4000, 8, 8, 1), same uint8 (4000, 1)' \
    'test: x uint8 (300, 100), y uint8 (300, 100)'
# The same bytes with every awk; an independent program has made the same ratings.
sha256sum --quiet -c - <<'END' || fail "the generated data differ from those of other machines"
b6fbc204da54932491f84ab2ea796d363f3878656d03531a4a36c0a8f2634460  datasets/generated/pairs_test.csv
263fd9ae46786b70f0a3d8a93fa420fe897b38415fdc115d974815b04fed2b20  datasets/generated/pairs_train.csv
e050b7aed03a1b1b6b1d6c7d3eb60c977dd2219c6fd260608637bffbf6beb95d  datasets/generated/ratings.csv
END
before=$(state_of datasets)
LOCKSTEP=$lockstep datasets/make >out 2>err || fail "datasets/make, again"
[[ ! -s out && $before == "$(state_of datasets)" ]] || fail "datasets/make made again what was there"

say "a model with two outputs learns from iris.h5, the same on three ranks"
cat >iris.yaml <<END
seed: 1
data:
  file: $work/datasets/iris.h5
  train: {x: {flower: /train/x}, y: {width: /train/petal_width, kind: /train/species}}
  test: {x: {flower: /test/x}, y: {width: /test/petal_width, kind: /test/species}}
model:
  inputs:
    flower: {shape: [3]}
  layers:
    - {name: hidden, dense: {units: 16, activation: relu}, inputs: [flower]}
    - {name: width, dense: {units: 1}, inputs: [hidden]}
    - {name: kind, dense: {units: 3, activation: softmax}, inputs: [hidden]}
  outputs: [width, kind]
compile:
  optimizer: {adam: {learning_rate: 0.01}}
  loss: {width: mse, kind: sparse_categorical_crossentropy}
  metrics: {kind: [accuracy]}
fit: {epochs: 40, batch_size: 16}
END
train 1 run1 iris.yaml
train 3 run3 iris.yaml
same run1/fingerprint.txt run3/fingerprint.txt "the weights of three ranks"
succeed 1 evaluate run1/model.h5 --data datasets/iris.h5 --split test
accuracy=$(sed -n 's/^kind_accuracy: //p' out)
awk -v accuracy="$accuracy" 'BEGIN { exit !(accuracy >= 0.85) }' || fail "the species of the test flowers: accuracy '$accuracy'"

say "its predictions: two arrays go into an archive"
succeed 1 predict run1/model.h5 --data datasets/iris.h5 --output out.npz
succeed 1 import npy --array test/width=out.npz:width --array test/kind=out.npz:kind --output back.h5
expect_lines 'test: kind float32 (22, 3), width float32 (22, 1)'
refuse 2 1 "'out.npy' can hold one array" '2 outputs' -- predict run1/model.h5 --data datasets/iris.h5 --output out.npy
refuse 2 1 "'out.txt'" '.npz' -- predict run1/model.h5 --data datasets/iris.h5 --output out.txt
