#!/usr/bin/env bash
# From a CSV file to a CSV file of predictions: the model's file carries how its data were made ready. New rows give what
# the same rows give after import csv --like; data that were made ready otherwise are refused.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"
cd "$work"

# ROWS FIRST FILE: people by a rule; some numbers without a value.
people() {
    awk -v OFS=, -v rows="$1" -v first="$2" 'BEGIN {
        split("Rome Oslo Bonn", city, " ")
        print "id", "age", "city", "kind", "price"
        for (i = first; i < first + rows; i++) {
            age = 20 + i * 7 % 50; c = i * i % 3 + 1
            kind = age > 45 ? "old" : "new"
            print "\"p, " i "\"", (i % 20 == 4 ? "" : age), city[c], kind, 1000 + age * 20 + c
        } }' >"$3"
}
people 240 0 t.csv
people 30 1000 new.csv
sed "s/,[^,]*,[^,]*$//" new.csv >without.csv # no kind, no price
columns=(--array x=age,city --encode city=onehot --scale x=standard --missing age=mean --array y=kind --array p=price --scale p=standard)
succeed 1 import csv t.csv --split train=0.8 --split test=0.2 "${columns[@]}" --output t.h5
experiment() {
    cat <<END
data: {file: t.h5, train: {x: /train/x, y: /train/$1}, test: {x: /test/x, y: /test/$1}}
model: [{dense: {units: 8, activation: relu}}, {dense: {$2}}]
compile: {optimizer: {adam: {learning_rate: 0.02}}, loss: $3}
fit: {epochs: 10, batch_size: 16}
END
}
experiment y 'units: 2, activation: softmax' sparse_categorical_crossentropy >kind.yaml
experiment y 'units: 1, activation: sigmoid' binary_crossentropy >binary.yaml
experiment p 'units: 1' mse >price.yaml
for name in kind binary price; do
    train 2 $name $name.yaml
done
succeed 1 import csv new.csv --like t.h5 --split test=1 --output like.h5

say 'evaluate, as of the same rows imported with --like'
for name in kind binary price; do
    succeed 1 evaluate $name like.h5
    mv out want
    for ranks in 1 3; do
        succeed $ranks evaluate $name new.csv
        diff want out >&2 || fail "evaluate $name new.csv gives something else"
    done
done

say 'predict, in the words and units of the file'
# OUTPUT MODEL: the numbers for like.h5, one a line.
numbers() {
    succeed 1 predict "$1" like.h5 --output like-p.h5
    h5dump -y -w 1 -m %.9g -d "$2" like-p.h5 | sed '/ATTRIBUTE/,$d' | sed -n 's/^ *\(-\?[0-9][^ ,]*\),\?$/\1/p'
}
numbers kind dense_1 | paste -d, - - >p
tail -n +2 new.csv | nl -v 0 -w 1 -s, | paste -d, - p |
    awk -F, -v OFS=, '{ kind = $8 > $9 ? "new" : "old"; print $1, $2 "," $3, $6, $7, kind, $8, $9 }' >want
for ranks in 1 2 3; do
    succeed $ranks predict kind new.csv --output kind.csv
    [[ $(head -n 1 kind.csv) == 'row,id,kind,price,class,p(new),p(old)' ]] || fail "the head is $(head -n 1 kind.csv)"
    tail -n +2 kind.csv | diff want - >&2 || fail "kind.csv"
done
succeed 1 predict kind without.csv --output without-kind.csv
[[ $(head -n 1 without-kind.csv) == 'row,id,class,p(new),p(old)' ]] || fail "the head is $(head -n 1 without-kind.csv)"
diff <(rev kind.csv | cut -d, -f 1-3) <(rev without-kind.csv | cut -d, -f 1-3) >&2 || fail 'targets make a difference'
numbers binary dense_1 | awk -v OFS=, '{ kind = $1 > 0.5 ? "old" : "new"; print kind, $1 }' >want
succeed 1 predict binary new.csv --output binary.csv
[[ $(head -n 1 binary.csv) == 'row,id,kind,price,class,p(old)' ]] || fail "the head is $(head -n 1 binary.csv)"
tail -n +2 binary.csv | rev | cut -d, -f 1,2 | rev | diff want - >&2 || fail "binary.csv"
scale=$(h5dump -m %.17g -a /train/p/scale t.h5 | sed -n 's/^ *(0): //p') offset=$(h5dump -m %.17g -a /train/p/offset t.h5 | sed -n 's/^ *(0): //p')
numbers price dense_1 | awk -v s="$scale" -v o="$offset" '{ printf "%.6g\n", $1 / s + o }' >want
succeed 1 predict price new.csv --output price.csv
[[ $(head -n 1 price.csv) == 'row,id,kind,price,predicted price' ]] || fail "the head is $(head -n 1 price.csv)"
tail -n +2 price.csv | awk -F, '{ printf "%.6g\n", $NF }' | diff want - >&2 || fail "price.csv"
awk -F, 'NR > 1 { if (($NF - $(NF - 1)) ^ 2 > 300 ^ 2) exit 1 }' price.csv || fail 'prices are far off'
succeed 1 predict price t.h5 --output table.csv
[[ $(head -n 1 table.csv) == row,price && $(wc -l <table.csv) == 49 ]] || fail 'a dataset file'
[[ $(h5dump -y -m %.9g -a /dense_1/classes like-p.h5 2>&1) != *new* ]] || fail 'classes of a price'
numbers kind dense_1 >/dev/null
h5dump -y -a /dense_1/classes like-p.h5 | grep -q '"new", "old"' || fail 'no classes'

say 'several outputs, targets one-hot and of several columns; semicolons and decimal commas'
sed 's/\("[^"]*"\)/\1/; s/,/;/g; s/"p; /"p, /' new.csv | sed 's/\(;[0-9]\+\)$/\1,5/' >semicolons.csv
succeed 1 import csv semicolons.csv --delimiter ';' --decimal , --array x=age,city --encode city=onehot --missing age=mean \
    --scale x=standard --array y=kind --encode kind=onehot --array p=price,age --scale p=standard --output semicolons.h5
cat >graph.yaml <<'END'
data: {file: semicolons.h5, train: {x: /train/x, y: {k: /train/y, v: /train/p}}}
model:
  inputs: {in: {shape: [3]}}
  layers:
    - {name: k, dense: {units: 2, activation: softmax}, inputs: [in]}
    - {name: v, dense: {units: 2}, inputs: [in]}
  outputs: [k, v]
compile: {optimizer: {adam: {learning_rate: 0.02}}, loss: {k: categorical_crossentropy, v: mse}}
fit: {epochs: 60, batch_size: 8}
END
train 1 graph graph.yaml
succeed 1 predict graph semicolons.csv --output graph.csv
[[ $(head -n 1 graph.csv) == 'row,id,kind,price,kind class,kind p(new),kind p(old),v predicted price,v age' ]] ||
    fail "the head is $(head -n 1 graph.csv)"
sed -n 2p semicolons.csv | cut -d ';' -f 5 | grep -q ',5$' || fail 'no decimal commas'
grep -q '^0,"p, 1000",[a-z]*,"[0-9]*,5",' graph.csv || fail "the first row is $(sed -n 2p graph.csv)"
succeed 1 evaluate graph semicolons.csv --report
grep -q '^residuals of price, prediction - target, of 30 samples:' out || fail 'no residuals of the price'

say 'rows that do not fit'
sed '5s/,[A-Z][a-z]*,/,Paris,/' new.csv >bad.csv
refuse 1 2 'bad.csv:5' "'city'" "'Paris'" 'mend it' -- predict kind bad.csv --output never.csv
sed '7s/,[A-Z][a-z]*,/,,/' new.csv >bad.csv
refuse 1 1 'bad.csv:7' "'city'" 'the value is missing' -- predict kind bad.csv --output never.csv
sed '7s/",[0-9]*,/",many,/' new.csv >bad.csv
refuse 1 1 'bad.csv:7' "'age'" "'many'" -- evaluate kind bad.csv
refuse 1 1 "has no column 'kind'" -- evaluate kind without.csv
sed "s/,[^,]*,[^,]*,[^,]*$//" new.csv >bad.csv
refuse 1 1 "has no column 'city'" -- predict kind bad.csv --output never.csv
refuse 2 1 '--split' -- predict kind new.csv --split test --output never.csv
refuse 2 1 'overwrite' -- predict kind new.csv --output new.csv
[[ ! -e never.csv ]] || fail 'a refused command leaves a file'
[[ -z $(find "$work" -maxdepth 1 -name 'lockstep-??????*' -type f) ]] || fail 'temporary files stay'

sed '5s/,[A-Z][a-z]*,/,Paris,/; 9s/",[0-9]*,/",many,/; 20s/,[A-Z][a-z]*,/,,/; 3s/,[A-Z][a-z]*,/,London,/' new.csv >bad.csv
for ranks in 1 2; do
    refuse 1 $ranks '4 errors' -- predict kind bad.csv --output never.csv
    [[ $(grep -oE '^bad.csv:[0-9]+' err | cut -d: -f 2 | tr '\n' ' ') == '3 5 9 20 ' ]] || fail 'not all rows that do not fit, in their order'
done
sed '2,$s/,[A-Z][a-z]*,/,Paris,/' new.csv >bad.csv
refuse 1 1 '11 errors' -- predict kind bad.csv --output never.csv
grep -q '^and there are more' err || fail 'more than ten'

say 'data that were made ready otherwise'
succeed 1 import csv new.csv --split test=1 "${columns[@]}" --output own.h5
refuse 1 1 "own.h5:/test/x: column 'age' has its missing values filled by another mean" '--like' -- evaluate kind own.h5
columns=("${columns[@]/age=mean/age=fill:40}")
succeed 1 import csv new.csv --split test=1 "${columns[@]}" --output own.h5
for command in evaluate "predict --output never.csv"; do
    # shellcheck disable=SC2086
    refuse 1 2 'own.h5:/test/x is scaled by other numbers' '--like' -- $command kind own.h5
done
sed 's/,new,/,young,/' new.csv >other.csv # young comes after old
succeed 1 import csv other.csv --split test=1 --array x=age,city --encode city=onehot --array y=kind --missing age=mean --output other.h5
refuse 1 1 'other.h5:/test/x' -- evaluate kind other.h5
sed 's/,Rome,/,Wien,/' new.csv >other.csv
succeed 1 import csv other.csv --split test=1 "${columns[@]}" --output other.h5
refuse 1 1 'other.h5:/test/x' "column 'city' has other categories" -- evaluate kind other.h5
mkdir -p pictures/b pictures/c more/a more/b
h5dump -d /png_rgb/file -b LE -o pictures/b/1.png "$root/tests/golden/images.h5" >/dev/null
for name in pictures/c more/a more/b; do cp pictures/b/1.png $name/; done
succeed 1 import images pictures --output pictures.h5
succeed 1 import images more --split test=1 --output more.h5
cat >pictures.yaml <<'END'
data: {file: pictures.h5, train: {x: /train/x, y: /train/y}}
model: [{flatten: {}}, {dense: {units: 2, activation: softmax}}]
compile: {optimizer: sgd, loss: sparse_categorical_crossentropy, metrics: [accuracy]}
fit: {epochs: 1, batch_size: 2}
END
train 1 pictures-run pictures.yaml
succeed 1 evaluate pictures-run pictures.h5 --split train
refuse 1 1 "more.h5:/test/y: class 0 is 'a', but 'b'" -- evaluate pictures-run more.h5
refuse 1 1 'was not trained on a file of import csv' -- predict pictures-run new.csv --output never.csv

say 'images: of folders without labels, and with'
# NAME FILE: a picture of the golden ones.
picture() {
    h5dump -d "/$1/file" -b LE -o "$2" "$root/tests/golden/images.h5" >/dev/null
}
mkdir -p shapes/bright shapes/dark new labelled/dark
picture png_rgb shapes/bright/1.png
picture jpeg_rgb shapes/bright/2.jpg
picture png_palette2 shapes/dark/1.png
picture jpeg_420 shapes/dark/2.jpg
picture png_gray labelled/dark/3.png # of another size, and gray
succeed 1 import images shapes --output shapes.h5
sed 's/pictures/shapes/; s/epochs: 1/epochs: 20/' pictures.yaml >shapes.yaml
train 2 shapes-run shapes.yaml
cp shapes/bright/1.png new/a.png
cp shapes/dark/2.jpg 'new/b, c.jpg'
cp labelled/dark/3.png new/z.png
for ranks in 1 3; do
    succeed $ranks predict shapes-run new --output images.csv
    [[ $(head -n 1 images.csv) == 'row,image,class,p(bright),p(dark)' ]] || fail "the head is $(head -n 1 images.csv)"
    diff <(printf '%s\n' '0,a.png,' '1,"b, c.jpg",' '2,z.png,') <(tail -n +2 images.csv | grep -o '^[0-9]*,\("[^"]*"\|[^,]*\),') >&2 ||
        fail 'names of images'
done
mkdir -p same/bright same/dark
cp new/a.png same/bright/
cp 'new/b, c.jpg' new/z.png same/dark/
succeed 1 import images same --size 29,37 --channels 3 --split test=1 --output same.h5
succeed 1 predict shapes-run same.h5 --output same.csv
diff <(rev images.csv | cut -d, -f 1-3) <(rev same.csv | cut -d, -f 1-3) >&2 || fail 'other probabilities than of import images'
succeed 1 evaluate shapes-run same.h5
mv out want
for ranks in 1 2; do
    succeed $ranks evaluate shapes-run same
    diff want out >&2 || fail 'evaluate of folders gives something else'
done
succeed 1 evaluate shapes-run labelled # one class of the two
refuse 1 1 "the images in 'new' have no classes" -- evaluate shapes-run new
mv same/bright same/light
refuse 1 2 "same/light' is the folder of a class" -- evaluate shapes-run same
echo text >new/c.png
truncate -s 300 'new/b, c.jpg'
refuse 1 1 '2 of 4 images' -- predict shapes-run new --output never.csv
grep -q '  new/c.png is neither' err || fail 'the second is not listed'
refuse 1 1 'was not trained on a file of import images' -- predict kind new --output never.csv
[[ ! -e never.csv ]] || fail 'a refused command leaves a file'

say 'the same files on any number of ranks'
for ranks in 1 3; do
    train $ranks again kind.yaml
    same kind/model.h5 again/model.h5 "$ranks ranks"
done
