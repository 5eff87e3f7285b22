#!/usr/bin/env bash
# From somebody's own file to a model and predictions without an edit: `new` and `train --data` look at a table, a folder
# of images or a dataset file, say what they saw and chose, and write an experiment that trains.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"
cd "$work"

# TEXT...: the output of the last command has these lines.
says() {
    local text
    for text in "$@"; do
        grep -qxF -- "$text" out || fail "it does not say '$text'"
    done
}

say 'a table, in two commands'
awk -v OFS=, 'BEGIN {
    split("S S S C Q", port, " "); print "PassengerId", "Survived", "Pclass", "Name", "Sex", "Age", "Port", "Deck", "Planet"
    for (i = 1; i <= 200; i++) {
        sex = i * 7 % 3 ? "male" : "female"
        print i, (sex == "female" || i % 11 == 0), i * 5 % 3 + 1, "\"Doe, " i "\"", sex, (i % 6 == 0 ? "NA" : i % 50 + i % 4 / 4), \
            (i == 77 ? "" : port[i * 3 % 5 + 1]), (i % 3 ? "" : "A" i % 2), "Earth"
    } }' >titanic.csv
for ranks in 1 3; do
    rm -rf runs titanic.yaml titanic.h5
    succeed $ranks train --data titanic.csv --target survived
    fingerprint >fingerprint.$ranks
done
same fingerprint.1 fingerprint.3 'train --data on 3 ranks'
says 'titanic.csv: 200 rows, 9 columns' \
    '  PassengerId: left out: it numbers the rows' \
    '  Survived: the target: 2 classes: 0 (122), 1 (78)' \
    '  Pclass: whole numbers from 1 to 3; scaled' \
    '  Name: left out: it has too many different texts' \
    '  Sex: 2 categories: male, female; one-hot' \
    '  Age: numbers from 0 to 49.75; 33 missing: the mean of the training rows; scaled' \
    '  Port: 3 categories: C, S, Q; 1 missing: S; one-hot' \
    '  Deck: 2 categories: A1, A0; 134 missing: a category of their own; one-hot' \
    '  Planet: left out: it has one value' \
    'wrote titanic.h5, the data as a model reads them' 'wrote titanic.yaml, the experiment: read and change it'
grep -q 'loss: binary_crossentropy' titanic.yaml || fail 'another loss'
[[ $(sed -n 's/^test accuracy: //p' out) > 0.8 ]] || fail "test accuracy $(sed -n 's/^test accuracy: //p' out)"
schema=$(sed -n '1s/^# yaml-language-server: $schema=//p' titanic.yaml)
[[ $schema -ef $(dirname "$lockstep")/share/lockstep/experiment.schema.json ]] || fail "the schema is '$schema'"
succeed 1 schema experiment
same out "$schema" 'lockstep schema'
refuse 2 2 "not for 'model'" -- schema model
succeed 1 predict runs/titanic titanic.csv --output predictions.csv
[[ $(wc -l <predictions.csv) == 201 ]] || fail "predictions.csv has $(wc -l <predictions.csv) lines"
[[ $(head -n 1 predictions.csv) == 'row,PassengerId,Survived,Name,Planet,class,p(1)' ]] || fail "$(head -n 1 predictions.csv)"
sed '2s/female\|male/other/' titanic.csv >strange.csv
succeed 1 predict runs/titanic strange.csv --output strange-p.csv # a category of no training row, as --unknown ignore says
# The command that it names makes the same file.
mv titanic.h5 first.h5
eval "$(sed -n 's/^# made by: lockstep/"$lockstep"/p' titanic.yaml)" >/dev/null
same first.h5 titanic.h5 'the command in the comment'

say 'other tables: semicolons, decimal commas, no names; numbers to predict, several classes'
awk 'BEGIN { OFS = ";"; for (i = 0; i < 60; i++) print i % 9 ",5", (i % 2 ? "Köln" : "Bonn"), i % 9 * 30000 + i % 2 * 500 ",25" }' >houses.csv
succeed 1 new houses.csv
says 'houses.csv: 60 rows, 3 columns, without names, separated by semicolons, fractions behind commas' \
    '  3: the target: numbers; scaled (a guess; another one: --target COLUMN)'
grep -q '^  loss: mse$' houses.yaml || fail 'another loss'
train 1 houses houses.yaml
succeed 1 predict houses houses.csv --output houses-p.csv
head -n 1 houses-p.csv | grep -q 'predicted 3$' || fail "$(head -n 1 houses-p.csv)"
tail -n +2 houses-p.csv | awk -F, '{ if ($NF < -30000 || $NF > 300000) exit 1 }' || fail 'not in the units of the file'
awk 'BEGIN { OFS = "\t"; print "w", "species", "h"; for (i = 0; i < 30; i++) print i % 3 + i / 100, substr("abc", i % 3 + 1, 1), i % 7 }' >iris.tsv
succeed 1 new --from iris.tsv --target species --output deep.yaml
[[ -e deep.h5 && ! -e iris.h5 ]] || fail 'the dataset is not beside the experiment'
grep -q 'units: 3, activation: softmax' deep.yaml && grep -q 'sparse_categorical_crossentropy' deep.yaml || fail 'another model'
train 1 deep deep.yaml
succeed 1 new
train 2 example example.yaml
[[ $(sed -n 's/^test accuracy: //p' out) == 1.0000 ]] || fail 'the example is not learnt'

say 'dataset files, by their own names and by others'
awk 'BEGIN { print "a,b,y,z"; for (i = 0; i < 80; i++) print i % 7 * 100 "," i % 5 "," i % 4 "," i * i }' >t.csv
succeed 1 import csv t.csv --array x=a,b --array y=y --split train=0.5 --split validation=0.25 --split test=0.25 --output named.h5
succeed 1 new named.h5
says '/train/x: 40 samples to train on, each (2,) of uint16, not scaled: batch normalization comes first' \
    '/train/y: (1,) of uint8: 4 classes' 'validated on /validation/x after every epoch; tested at the end on /test/x'
grep -q 'batch_normalization' named.yaml || fail 'no batch normalization'
train 1 named named.yaml
h5import_like() { # ARRAY...: a file with other names
    succeed 1 import csv t.csv --array features=a,b --array "$1" --split train=1 --output other.h5
}
h5import_like target=z
succeed 1 new other.h5
says '/train/target: (1,) of uint16: numbers, so this is a regression; scaled'
train 1 other other.yaml
h5import_like strange=z
refuse 2 1 'other.h5' '/train/strange' 'write data: {file: other.h5' -- new other.h5 --output again.yaml

say 'images: a folder for each class, and folders of splits'
picture() {
    h5dump -d "/$1/file" -b LE -o "$2" "$root/tests/golden/images.h5" >/dev/null
}
for class in bright dark; do
    mkdir -p shapes/$class
    for i in 1 2 3 4; do
        [[ $class == dark ]] || picture png_rgb shapes/$class/$i.png
        [[ $class == bright ]] || picture jpeg_420 shapes/$class/$i.jpg
    done
done
succeed 1 new shapes/
grep -q 'shapes/: 8 images of 2 classes: bright, dark' out || fail 'what it saw'
grep -q 'conv2d' shapes.yaml || fail 'no convolutions'
train 2 shapes shapes.yaml --set fit.epochs=2
succeed 1 predict shapes shapes/dark --output dark.csv
mkdir -p parted
cp -r shapes parted/train
cp -r shapes parted/val
succeed 1 new parted
grep -q 'validated on /valid/x after every epoch; there is no test split' out || fail 'folders of splits'

say 'what cannot be meant'
before=$(state_of .)
refuse 2 1 'titanic.yaml' 'is there already' '--overwrite' -- train --data titanic.csv --target survived
refuse 2 2 'named.yaml' 'is there already' -- new named.h5
refuse 1 1 "has no column 'Survive'" "did you mean 'Survived'" -- new titanic.csv --target Survive --output never.yaml
refuse 1 1 "column 'Name'" 'too many for classes' '--target COLUMN' -- new titanic.csv --target Name --output never.yaml
refuse 1 1 "column 'Planet'" 'has one value' -- new titanic.csv --target Planet --output never.yaml
refuse 1 2 'nowhere.csv' -- train --data nowhere.csv --target x
refuse 2 1 '--data' -- train --data titanic.csv --target Survived titanic.yaml
refuse 2 1 '--target' '--data' -- train titanic.yaml --target Survived
refuse 2 1 '--resume' -- train --data titanic.csv --resume
refuse 2 1 'no experiment' 'lockstep train --data titanic.csv --target COLUMN' -- train titanic.csv
refuse 2 1 'no experiment' 'lockstep train --data named.h5' -- train named.h5
refuse 2 1 '--target names a column of a table' -- new named.h5 --target y --output never.yaml
refuse 2 1 '--output' '.yaml' -- new titanic.csv --output never.h5
head -n 5 titanic.csv >few.csv
refuse 1 1 'few.csv' '4 rows' -- new few.csv --target Survived
cut -d, -f 2 titanic.csv >one.csv
refuse 1 1 'one.csv' 'one column' -- new one.csv
rm few.csv one.csv
[[ $(state_of . | grep -v '^\./\(out\|err\) ') == $(grep -v '^\./\(out\|err\) ' <<<"$before") ]] || fail 'a refused command leaves something'
