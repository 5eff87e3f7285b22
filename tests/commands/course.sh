#!/usr/bin/env bash
# The course's worksheets do not rot: every command in a block marked `shell` in launch/course/*.md is run as it stands there,
# in the order of the worksheet, and each line of a block marked `expect` must be part of what the block before it printed.
# build/lockstep is here a script that makes real data and sweeps short; the five points of worksheet 1 stay as they are.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"

course=$work/course # stands for the root of the repository
mkdir -p "$course/build"
ln -s "$root/launch" "$root/datasets" "$course"
bench=$(dirname "$lockstep")/bench
[[ ! -x $bench/bench_reduce ]] || ln -s "$bench" "$course/build"
cat >"$course/build/lockstep" <<SH
#!/usr/bin/env bash
case "\$1 \${2-}" in
*five_point_line*) ;;
train* | verify*) set -- "\$@" --set 'data.train.rows=[0, 640]' --set 'data.test.rows=[0, 70]' --set fit.epochs=1 ;;
sweep*) set -- "\$@" --set 'budget={updates: 2}' --set 'seeds=[1]' ;;
esac
exec "$lockstep" "\$@"
SH
chmod +x "$course/build/lockstep"
[[ -e $root/datasets/five_point_line.h5 ]] || LOCKSTEP=$lockstep "$root/datasets/make" >"$work/out" 2>"$work/err"

# WORKSHEET: writes its blocks to $work/blocks/NNN.shell and NNN.expect, numbered as they come.
cut_out() {
    rm -rf "$work/blocks"
    mkdir "$work/blocks"
    awk -v to="$work/blocks/" '
        /^```/ && kind { kind = ""; close(file); next }
        /^```/ { kind = substr($0, 4); n++; file = sprintf("%s%03d.%s", to, n, kind); printf "" >file; next }
        kind { print >file }' "$1"
}

# Can this block run here?
possible() {
    if grep -q 'bench_reduce' "$1" && [[ ! -e $course/build/bench ]]; then
        say "skipped: no bench_reduce was built"
        return 1
    elif grep -q 'lockstep report' "$1" && ! { "$lockstep" report --help && command -v gnuplot; } >/dev/null 2>&1; then
        say "skipped: no lockstep report, or no gnuplot for it"
        return 1
    fi
}

ran=0
for worksheet in "$root"/launch/course/[0-9]*.md; do
    say "$(basename "$worksheet")"
    grep -qF "($(basename "$worksheet"))" "$root/launch/course/README.md" || fail "launch/course/README.md has no line for $worksheet"
    cut_out "$worksheet"
    for block in "$work"/blocks/*; do
        case $block in
        *.shell)
            possible "$block" || continue
            last_command=$(<"$block")
            status=0
            (cd "$course" &&
                OMPI_MCA_odls_base_sigkill_timeout=0 timeout --kill-after=5 "$patience_s" bash -eu "$block") \
                >"$work/out" 2>"$work/err" </dev/null || status=$?
            ((status == 0)) || fail "exit status $status"
            ran=$((ran + 1))
            ;;
        *.expect)
            while IFS= read -r line; do
                grep -qF -- "$line" "$work/out" "$work/err" || fail "it does not print '$line'"
            done <"$block"
            ;;
        *)
            fail "$worksheet has a block that is neither shell nor expect: $(head -n 1 "$block")"
            ;;
        esac
    done
done
((ran >= 15)) || fail "only $ran blocks ran"

say "what the worksheets' readers compute by hand: loss 89, w = 3.1, b = 0.9; 12 updates, every sample used 4 times"
runs=$course/runs/course
grep -q '^0,89\.0' "$runs/by_hand/history.csv" || fail "the first loss: $(cat "$runs/by_hand/history.csv")"
succeed 1 inspect "$runs/by_hand/model.h5"
for weight in 'kernel .* mean +3\.1 ' 'bias .* mean +0\.9 '; do
    grep -qE "dense/$weight" "$work/out" || fail "the first update ends elsewhere: no $weight"
done
(($(grep -c '^update' "$runs/pairs/trace.txt") == 12)) || fail "not 12 updates"
grep -o 'samples [0-9a-f]*' "$runs/pairs/trace.txt" | sort | uniq -c | awk '$1 != 4 { exit 1 } END { exit NR != 5 }' ||
    fail "not every one of 5 samples was used 4 times"

say "what they see of fingerprints: one with exact sums, four with fast ones"
for sums in exact:1 fast:4; do
    n=$(for p in 1 2 3 4; do
        sed -n 's/.*"fingerprint": "\([0-9a-f]*\)".*/\1/p' "$runs/${sums%:*}_$p/run.json"
    done | sort -u | wc -l)
    ((n == ${sums#*:})) || fail "$n fingerprints with ${sums%:*} sums"
done

say "what every worksheet's runs and sweeps end with, on every machine"
for file in "$runs"/*/run.json "$runs"/*/sweep.json; do
    run=$(basename "$(dirname "$file")")
    case $file in
    */change/*) ;; # OpenBLAS's among others
    */run.json) golden "course/$run" "$(sed -n 's/.*"fingerprint": "\([0-9a-f]*\)".*/\1/p' "$file")" ;;
    *) golden "course/$run" "$(cat "${file%/*}"/trials/*/result.json | grep -o '"fingerprint": "[0-9a-f]*"' | md5sum | cut -c 1-32)" ;;
    esac
done

say "grade: weights as published, others, copies, and what is no run"
grade() { # STATUS DIR...
    local wanted=$1 status=0
    shift
    last_command="grade $*"
    LOCKSTEP=$lockstep "$root/launch/course/grade" "$@" >"$work/out" 2>"$work/err" || status=$?
    ((status == wanted)) || fail "exit status $status instead of $wanted"
}
grade 0 "$runs/by_hand" "$runs/pairs" "$runs/in_order"
[[ $(grep -c ': as published$' "$work/out") == 3 ]] || fail "not three runs as published"
mkdir "$work/handed_in"
cp -r "$runs/by_hand" "$work/handed_in/pairs"
grade 1 "$runs/exact_1" "$runs/by_hand" "$work/handed_in/pairs" "$runs/change" "$work/nowhere/exact_2"
for line in "$runs/exact_1: ends with $(sed -n 's/^course.exact_1 //p' "$root/tests/golden/fingerprints.txt"), not with " \
    "$work/handed_in/pairs: ends with " "$work/handed_in/pairs: the same run as $runs/by_hand, copied" \
    "$runs/change: launch/course/teacher.md has no fingerprint" "$work/nowhere/exact_2: no finished run"; do
    grep -qF -- "$line" "$work/out" || fail "it does not say '$line'"
done
grade 2

say "every file of the course is named in its worksheets or README"
for file in "$root"/launch/course/*; do
    grep -qF "$(basename "$file")" "$root"/launch/course/*.md || fail "nothing names $file"
done
