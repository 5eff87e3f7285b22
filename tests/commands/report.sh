#!/bin/bash
# lockstep report: pages of real runs and of a real sweep hold what they were made from, are whole, load nothing, and are
# the same twice; the commands they print do what they say.
source "$(dirname "$0")/../support/lib.sh"
cd "$work"

experiment() {
    cat <<EOF
name: "<net> & \"friends\""
seed: 7
data:
  file: $fashion_mnist
  train: {x: /train/x, y: /train/y, rows: [0, 1500]}
  test:  {x: /test/x,  y: /test/y,  rows: [0, 100]}
model:
  - flatten: {}
  - dense: {units: 8, activation: relu}
  - dense: {units: 10, activation: softmax}
compile: {optimizer: {sgd: {learning_rate: 0.1}}, loss: sparse_categorical_crossentropy, metrics: [accuracy]}
fit: {epochs: 3, batch_size: 64, microbatch: 16, validation_split: 0.2}
EOF
}

# FILE: every tag is closed in its order, and nothing is loaded from elsewhere.
whole_page() {
    local problem
    problem=$(grep -o '<[/!]\?[a-zA-Z0-9]\+' "$1" | awk '
        /^<!/ || /^<(meta|img)$/ { next }
        /^<[/]/ { if (n == 0 || open[n] != substr($0, 3)) { print $0 " closes " open[n]; exit } n--; next }
        { open[++n] = substr($0, 2) }
        END { if (n) print open[n] " stays open" }')
    [[ -z $problem ]] || fail "$1: $problem"
    ! grep -qE 'https?://|<script|<link|src="[^d]|url\(' "$1" || fail "$1 loads something"
}

# FILE TEXT...: it holds each of them.
says() {
    local file=$1 text
    shift
    for text in "$@"; do
        grep -qF -- "$text" "$file" || fail "$file does not say '$text'"
    done
}

# DIR NAME...: these figures are there, as SVG, PNG and script, and none is empty.
figures() {
    local dir=$1 name
    shift
    for name in "$@"; do
        [[ $(stat -c %s "$dir/$name.svg") -gt 3000 && $(stat -c %s "$dir/$name.png") -gt 3000 ]] || fail "no figure $dir/$name"
        [[ -s $dir/$name.gp || -s $dir/$name.dot ]] || fail "no script of $dir/$name"
    done
}

# FILE: the commands in its first <pre>, as they would be pasted.
commands() {
    awk '/<pre>/ { on = 1; sub(/.*<pre>/, "") } /<[/]pre>/ { exit } on' "$1" |
        sed "s/&#39;/'/g; s/&quot;/\"/g; s/&lt;/</g; s/&gt;/>/g; s/&amp;/\&/g"
}

# DIR: the best epoch and the scores of the test split, as its run.json has them; as a report says them.
facts() {
    grep -o '"best": {[^}]*}, "test": {[^}]*}' "$1/run.json" || fail "run.json of $1 has no best epoch and test scores"
}
facts_said() {
    facts "$1" | tr -d '{}",' | awk '{ printf "%d (%s %#.4g)\nloss %#.4g, accuracy %#.4g\n", $3, $5, $7, $10, $12 }'
}

say "a run"
experiment >experiment.yaml
dir="a run's #1"
train 2 "$dir" experiment.yaml
cp out train.txt
succeed 1 report "$dir"
[[ $(<out) == "$dir/report.html" ]] || fail "it does not say where the page is"
page=$dir/report.html
whole_page "$page"
says "$page" '<title>&lt;net&gt; &amp; &quot;friends&quot;</title>' "$(<"$dir/fingerprint.txt")" \
    '<td>a run&#39;s #1</td>' 'lockstep train' '<h2>Weights</h2>' '<h2>Gradients</h2>' 'The gradient of the loss at the final' \
    '<td>Dense</td><td>(None, 8)</td><td>6,280</td>' '<tr><td>3</td><td>57</td><td>3,600</td>'
grep -qxF "test loss: $(facts "$dir" | sed 's/.*"test": {"loss": \([0-9.]*\).*/\1/' | awk '{ printf "%.4f", $1 }')" train.txt ||
    fail "run.json has another loss than train says"
mapfile -t said < <(facts_said "$dir")
says "$page" "<th>Best epoch</th><td>${said[0]}</td>" "<th>Test</th><td>${said[1]}</td>"
figures "$dir/figures" loss_{epochs,updates,samples,time} accuracy_{epochs,updates,samples,time} \
    weights_dense weights_dense_1 gradients_dense gradients_dense_1 model

say "losses that a float64 just holds"
cp -r "$dir" far
for loss in 1e308,-1e308,1.7e308 -1.7e308,1e308,1e300 1e308,0.5,0.25 1e308,1e308,1e308; do
    awk -v FS=, -v OFS=, -v losses="$loss" 'BEGIN { split(losses, l, ",") }
        NR == 1 { for (i = 1; i <= NF; i++) if ($i == "loss") c = i } NR > 1 { $c = l[NR - 1] } 1' "$dir/history.csv" >far/history.csv
    grep -q -e "$(cut -d, -f1 <<<"$loss")" far/history.csv || fail "no $loss in far/history.csv"
    succeed 1 report far
    [[ ! -s err ]] || fail "gnuplot complains of $loss"
    whole_page far/report.html
    figures far/figures accuracy_epochs
done

cp "$page" first.html
cp "$dir/figures/loss_time.png" first.png
succeed 3 report "$dir"
same first.html "$page" "the page made twice, on 1 and 3 ranks"
same first.png "$dir/figures/loss_time.png" "a figure made twice"

say "its commands"
lockstep() { "$lockstep" "$@"; }
commands "$page" | sed "s,^mpirun -n 2 lockstep,mpirun -n 2 '$lockstep'," >again.sh
[[ $(wc -l <again.sh) == 2 ]] || fail "not two commands: $(cat again.sh)"
source ./again.sh >again.txt 2>&1 || fail "the printed commands fail: $(tail -n 3 again.txt)"
says again.txt "$(<"$dir/fingerprint.txt")"

say "times go on with the run"
train 2 resumed experiment.yaml --set fit.epochs=1 --set fit.checkpoint_every=7
cut -d, -f1-3,6 resumed/timings.csv >before.txt
succeed 1 train --output resumed --resume experiment.yaml --set fit.checkpoint_every=7
[[ $(cut -d, -f1-3,6 resumed/timings.csv | grep -E '^(epochs|[0-9]+,)') == $'epochs,updates,samples,ranks\n1,19,1200,2\n2,38,2400,1\n3,57,3600,1' ]] ||
    fail "timings.csv after --resume: $(<resumed/timings.csv)"
awk -F, 'NR > 2 && ($4 < seconds || $5 < train || $5 > $4) { exit 1 } { seconds = $4; train = $5 }' resumed/timings.csv ||
    fail "times that run backwards: $(<resumed/timings.csv)"
[[ $(facts resumed) == "$(facts "$dir")" ]] || fail "after --resume $(facts resumed), at once $(facts "$dir")"
rm resumed/timings.csv
succeed 1 train --output resumed --resume experiment.yaml --set fit.epochs=4 --set compile.optimizer.sgd.learning_rate=9
# It got worse: the best epoch is one of the first three still.
[[ $(facts resumed) == "$(facts "$dir" | sed 's/, "test".*//'),"* && $(facts resumed) != "$(facts "$dir")" ]] ||
    fail "after a bad epoch $(facts resumed), before $(facts "$dir")"
[[ ! -e resumed/timings.csv ]] || fail "timings.csv came back without its beginning"
succeed 1 report resumed
says resumed/report.html 'Without timings.csv'
whole_page resumed/report.html

say "runs compared"
succeed 1 report "$dir" "$dir-again" --output 'all #1.html'
says 'all #1.html' "<td>${said[0]}</td><td>${said[1]}</td>" 'All 2 runs ended with the same weights, bit for bit.' 'href="all%20%231_figures/loss_epochs.svg"'
whole_page 'all #1.html'
figures 'all #1_figures' loss_time val_loss_epochs

say "data that is gone"
cp "$fashion_mnist" data.h5
train 1 gone experiment.yaml --set "data.file=$work/data.h5"
rm data.h5
succeed 1 report gone
says gone/report.html 'No histograms of gradients, for they could not be computed: '
figures gone/figures weights_dense

say "a sweep"
cat >sweep.yaml <<EOF
name: "<sweep>"
base: experiment.yaml
grid: {fit.batch_size: [32, 64, 128]}
seeds: [1, 2]
learning_rate: {search: {values: [0.05, 0.2], refine: 0, widen: 0}}
budget: {epochs: 6}
target: {val_accuracy: 0.5}
evaluate: {first_samples: 128, growth: 1.3}
EOF
succeed 2 sweep sweep.yaml --output swept
succeed 1 report swept "$dir" --output swept.html
whole_page swept.html
says swept.html '<title>Sweep &lt;sweep&gt;</title>' 'Protocol: learning rate searched at every combination' \
    '<h2>Batch size</h2>' '<h2>Searches for the learning rate</h2>'
tail -n +2 swept/trials.csv | while IFS=, read -r id _ _ _ _ _ _ _ ended _; do
    says swept.html "<tr><td>$id</td>" "<td>$ended</td>" "--repeat $id "
done
for fingerprint in $(grep -o '\b[0-9a-f]\{32\}\b' swept/trials.csv); do
    says swept.html "<td>$fingerprint</td>"
done
figures swept_figures updates_to_target samples_to_target best_learning_rate time_to_target search_001 search_003 \
    val_accuracy_updates loss_epochs model
cp swept.html first.html
succeed 1 report swept "$dir" --output swept.html
same first.html swept.html "the page of a sweep, twice"
line=$(grep -om 1 'lockstep sweep swept/sweep.yaml .*--repeat 002-seed-2 .*' swept.html)
eval "$line" >again.txt 2>&1 || fail "'$line' fails: $(tail -n 3 again.txt)"

say "errors"
refuse 2 1 "neither the directory of a run" -- report "$root"
refuse 2 1 "DIR is missing" -- report
refuse 2 1 "needs --output" -- report "$dir" swept
refuse 2 1 "name the sweep 'swept' first" -- report "$dir" swept --output x.html
# A gnuplot that is not there looks like this to a shell. (Open MPI needs the rest of the PATH.)
mkdir bin
printf '#!/bin/sh\nexit 127\n' >bin/gnuplot
chmod +x bin/gnuplot
PATH=$work/bin:$PATH refuse 1 1 "gnuplot is not installed: install the package gnuplot-nox" -- report swept
printf '#!/bin/sh\necho "line 7: no such thing" >&2\nexit 1\n' >bin/gnuplot
PATH=$work/bin:$PATH refuse 1 1 "gnuplot failed: line 7: no such thing" -- report swept
sed -i '3s/,.*/,1/' gone/history.csv
refuse 1 1 "gone/history.csv" -- report gone
printf 'epoch,loss\r\n0,x\r\n' >gone/history.csv
refuse 1 1 "gone/history.csv" "'x' is no number" -- report gone
