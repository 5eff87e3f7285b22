#!/usr/bin/env bash
# What is installed to be read: manual pages that render without a warning, completion that knows every command and
# option, the change log; and the manual of the library, in which nothing may be left unexplained.
# shellcheck source=tests/support/lib.sh
source "$(dirname "$0")/../support/lib.sh"

build=$(dirname "$lockstep")
prefix=$work/there

# COMMAND...: must succeed and print nothing.
silently() {
    last_command="$*"
    status=0
    "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
    ((status == 0)) || fail "exit status $status"
    [[ ! -s $work/out && ! -s $work/err ]] || fail "it says something"
}

# PATH: a file that is installed.
installed() {
    [[ -s $prefix/$1 ]] || fail "$1 is not installed"
}

# NAME: a program that was there when the build was configured.
had() {
    grep -qE "^LS_$1:FILEPATH=/" "$build/CMakeCache.txt"
}

[[ -e $build/pages/lockstep ]] || {
    say "skipped: this build makes no pages"
    exit 77
}
cmake --install "$build" --prefix "$prefix" >"$work/out" 2>"$work/err" || fail "cmake --install"

# "COMMAND" and "COMMAND FORMAT", as the program lists them.
mapfile -t commands < <("$lockstep" --help | sed -nE 's/^  ([a-z]+)  +.*/\1/p')
mapfile -t formats < <("$lockstep" import --help | grep -oE 'lockstep import [a-z0-9]+ ' | cut -d ' ' -f 3 | sort -u)
((${#commands[@]} > 9 && ${#formats[@]} > 4)) || fail "found ${commands[*]} and ${formats[*]} only"
"$lockstep" import no_such_format 2>&1 | grep -oE 'there are: [a-z0-9, ]+' | sed 's/.*: //; s/, /\n/g' | sort >"$work/out" || true
[[ $(printf '%s\n' "${formats[@]}") == "$(<"$work/out")" ]] || fail "the usage of import shows: ${formats[*]}"

# A new command or format is run by some test here, or nobody knows whether it works.
for command in "${commands[@]}" "${formats[@]/#/import }"; do
    grep -qE '(lockstep"?|succeed|run|refuse|start|both) ([^#]* )?'"$command " "$root"/tests/commands/*.sh ||
        fail "no script in tests/commands runs lockstep $command"
done

say "the change log"
changes=$root/src/package/CHANGELOG.md
cmp "$changes" "$prefix"/share/doc/*/CHANGELOG.md || fail "another change log"
grep -q '^## Unreleased' "$changes" || fail "the change log has no place for what comes"

say "manual pages"
if had HELP2MAN && command -v groff >/dev/null; then
    installed share/man/man1/lockstep.1
    for command in "${commands[@]}" "${formats[@]/#/import-}" run; do
        page=share/man/man1/lockstep-$command.1
        installed "$page"
        silently groff -man -Tutf8 -ww -z "$prefix/$page"
        grep -qx '\.SH SYNOPSIS' "$prefix/$page" || fail "$page has no synopsis"
    done
    silently groff -man -Tutf8 -ww -z "$prefix/share/man/man1/lockstep.1"
    pages=("$prefix"/share/man/man1/*)
    ((${#pages[@]} == 2 + ${#commands[@]} + ${#formats[@]})) || fail "${#pages[@]} pages: ${pages[*]##*/}"
    # An option stands at the head of its explanation, however wide its name is.
    grep -qxF '\fB\-\-allow\-other\-kernel\fR' "$prefix/share/man/man1/lockstep-train.1" || fail "lockstep-train.1"
    grep -qF '\fB\-\-max\-restarts\fR N' "$prefix/share/man/man1/lockstep-run.1" || fail "lockstep-run.1"
else
    say "skipped: help2man or groff is missing"
fi

say "completion for bash"
installed share/bash-completion/completions/lockstep
# shellcheck source=/dev/null
source "$prefix/share/bash-completion/completions/lockstep"
[[ $(complete -p lockstep) == *'-F _lockstep lockstep' ]] || fail "nothing completes lockstep"

# WORD... EXPECTED: what can become of the last word of the line "lockstep WORD...", sorted.
completes() {
    local words=("${@:1:$#-1}")

    COMP_WORDS=(lockstep "${words[@]}")
    COMP_CWORD=${#words[@]}
    COMPREPLY=()
    _lockstep || true
    [[ $(printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd ' ') == "${!#}" ]] ||
        fail "lockstep ${words[*]} is completed by ${COMPREPLY[*]}, not by ${!#}"
}

mkdir "$work/files"
cd "$work/files"
mkdir runs
touch runs.yaml 'a b.h5' images labels
completes '' "$(printf '%s\n' "${commands[@]}" | sort | paste -sd ' ')"
completes tra train
completes import '' "$(printf '%s\n' "${formats[@]}" | sort | paste -sd ' ')"
completes --v --version
completes train --re --resume
completes train ru 'runs runs.yaml'
completes train --verbose '' '0 1 2'
completes train --verbose = '0 1 2'
completes train --verbose = 1 1
completes train --output ru runs
completes train --set fit ''
completes evaluate model.h5 --data a 'a b.h5'
completes import idx --split train = im images
completes import idx --split = train = images,la images,labels
completes import csv --split train = ru 'runs runs.yaml'
completes import csv --deflate '' '0 1 2 3 4 5 6 7 8 9'
completes verify runs.yaml -- '--help --ranks --set'

say "every option that the program reads is completed, and no other"
# shellcheck disable=SC2154
offered=$(printf '%s ' "${_lockstep_options[@]}" | tr -s ' ' '\n' | sort -u | grep -vxE -e '--help|--version|')
read_by_program=$(grep -hoE '\{"[a-z-]+", *(no|required)_argument' "$root"/src/cli/*.[ch] | sed -E 's/\{"([^"]*)".*/--\1/' | sort -u)
diff <(echo "$read_by_program") <(echo "$offered") >"$work/out" || fail "options of the program (<), of --help (>)"

say "completion for zsh"
installed share/zsh/site-functions/_lockstep
if command -v zsh >/dev/null; then
    # TYPED EXPECTED: what a user with an empty configuration sees after the tab.
    cat >"$work/type.zsh" <<'END'
zmodload zsh/zpty
setopt extended_glob
zpty shell zsh -f -i
expect() {
    local seen= piece
    repeat 600; do
        while zpty -r -t shell piece; do seen+=$piece; done
        seen=${seen//$'\e['[0-9;?]#[a-zA-Z]/} # colours
        [[ $seen == *$1* ]] && return
        sleep 0.05
    done
    print -r -- "no '$1' in: ${(V)seen}"
    exit 1
}
zpty -w shell "PS1='> '; fpath=($1 \$fpath); autoload -U compinit; compinit -u -D; echo rea''dy"
expect ready
while (($# > 2)); do
    zpty -w -n shell $'\x15'"lockstep $2"$'\t'
    expect "lockstep $3"
    shift 2
done
END
    zsh -f "$work/type.zsh" "$prefix/share/zsh/site-functions" eval evaluate 'train --verb' 'train --verbose=' \
        'import cs' 'import csv ' 'import csv --unknown=' 'import csv --unknown=ignore' 'train runs.y' 'train runs.yaml' \
        >"$work/out" 2>"$work/err" || fail "zsh"
else
    say "skipped: zsh is missing"
fi

say "the manual of the library"
if had DOXYGEN; then
    cmake --build "$build" --target docs >"$work/out" 2>&1 || fail "target docs"
    [[ -s $build/docs/html/index.html ]] || fail "no manual"
    cp -r "$root/include/lockstep" "$work/headers"
    echo 'int ls_unexplained(int a);' >>"$work/headers/version.h"
    ! { cat "$build/Doxyfile" && printf 'INPUT=%s\nOUTPUT_DIRECTORY=%s\n' "$work/headers" "$work/docs"; } |
        doxygen - >"$work/out" 2>&1 || fail "a function without a word about it passes"
    grep -q 'ls_unexplained' "$work/out" || fail "the function is not named"
else
    say "skipped: doxygen is missing"
fi
