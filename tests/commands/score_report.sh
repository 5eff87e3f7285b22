#!/usr/bin/env bash
# evaluate --report: scikit-learn's classification_report and confusion_matrix of the same predictions, letter by letter, and
# residuals as NumPy computes them. The expected texts are theirs (scikit-learn 1.9.1 and NumPy 2.4, of the table that predict writes); the
# outputs are the same on every machine.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"
cd "$work"

awk -v OFS=, 'BEGIN {
    print "id", "a", "b", "kind", "sick", "price"
    for (i = 0; i < 200; i++) {
        a = i * 37 % 101 / 50 - 1; b = i * 53 % 97 / 48 - 1; noise = i * 29 % 23 / 22 - 0.5
        kind = "ash tree"
        if (a + noise > 0.4) kind = "oak"
        else if (b > 0) kind = "elm"
        if (i < 3) kind = "yew" # too few to be learned
        sick = a - b + noise > 0 ? "yes" : "no"
        print i, a, b, kind, sick, 100 + 30 * a - 5 * b + 10 * noise
    } }' >t.csv
succeed 1 import csv t.csv --array x=a,b --scale x=standard --array y=kind --array s=sick \
    --array p=price --scale p=minmax --output t.h5
# TARGET LAYER LOSS
experiment() {
    cat <<END
seed: 3
data: {file: t.h5, train: {x: /train/x, y: /train/$1}, test: {x: /train/x, y: /train/$1}}
model: [{dense: {units: 8, activation: relu}}, {dense: {$2}}]
compile: {optimizer: {adam: {learning_rate: 0.02}}, loss: $3}
fit: {epochs: 6, batch_size: 16}
END
}
experiment y 'units: 4, activation: softmax' sparse_categorical_crossentropy >kind.yaml
experiment y 'units: 4' '{sparse_categorical_crossentropy: {from_logits: true}}' >logits.yaml
experiment s 'units: 1, activation: sigmoid' binary_crossentropy >sick.yaml
experiment p 'units: 1' mse >price.yaml
for name in kind logits sick price; do
    train 2 $name $name.yaml
done

# MODEL FILE: what --report adds on 1, 2 and 3 ranks must be the text in FILE.
reports() {
    local ranks
    for ranks in 1 2 3; do
        succeed $ranks evaluate "$1" t.csv
        mv out plain
        succeed $ranks evaluate "$1" t.csv --report
        diff <(cat plain "$2") out >&2 || fail "$1, $ranks ranks"
    done
}

say 'classes: softmax and logits, one class of which nothing is predicted'
cat >want <<'END'

confusion matrix, a row for each true class, a column for each predicted one
          ash tree       elm       oak       yew
ash tree        59         0        12         0
     elm         1        61         5         0
     oak         7         4        48         0
     yew         2         1         0         0

              precision    recall  f1-score   support

    ash tree       0.86      0.83      0.84        71
         elm       0.92      0.91      0.92        67
         oak       0.74      0.81      0.77        59
         yew       0.00      0.00      0.00         3

    accuracy                           0.84       200
   macro avg       0.63      0.64      0.63       200
weighted avg       0.83      0.84      0.83       200
END
reports kind want
reports logits want
succeed 1 predict logits t.csv --output logits.csv
head -n 1 logits.csv | grep -qF 'class,logit(ash tree),' || fail "logits are no probabilities: $(head -n 1 logits.csv)"

say 'two classes of one output'
cat >want <<'END'

confusion matrix, a row for each true class, a column for each predicted one
          no    yes
   no     88     12
  yes      9     91

              precision    recall  f1-score   support

          no       0.91      0.88      0.89       100
         yes       0.88      0.91      0.90       100

    accuracy                           0.90       200
   macro avg       0.90      0.90      0.89       200
weighted avg       0.90      0.90      0.89       200
END
reports sick want

say 'values, in the units of the target'
cat >want <<'END'

residuals of price, prediction - target, of 200 samples:
    mean -0.512759, standard deviation 3.4619, mean absolute 2.8217, root mean square 3.49967
    least -9.26059, quartiles -2.83954, -0.420175, 1.78243, largest 8.38809
    r2 0.961468
END
reports price want

say 'the page of a run has it, and figures/ as a file; a page without the data is whole without it'
succeed 1 report price
diff want price/figures/test_scores.txt >&2 || fail "price/figures/test_scores.txt"
grep -qF 'r2 0.961468' price/report.html || fail "the page does not have the residuals"
mv t.h5 away.h5
succeed 1 report sick --output sick.html
grep -qF 'The test split' sick.html && fail "there was no data to predict"
mv away.h5 t.h5

say 'what has no report'
refuse 2 1 "unknown option '--report'" -- predict kind t.csv --report --output p.csv
refuse 2 1 '--report needs the targets in memory' -- evaluate kind t.h5 --split train --memory 2KB --report
