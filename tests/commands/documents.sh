#!/usr/bin/env bash
# Whoever has only the repository finds what a comment or document names: every document and its section, every source
# file, every function and constant of ours. And comments of headers, which editors show alone, name their subject.
# shellcheck source=tests/support/lib.sh
source "$(dirname "$0")/../support/lib.sh"

# Source files named in words that are others': of MPI, BLAS, C and TensorFlow, and what a user is told to write.
foreign='mpi\.h|cblas\.h|complex\.h|record_writer\.h|crc32c\.h|program\.c'

cd "$root"
mapfile -t files < <(find README.md CMakeLists.txt .github src include tests bench launch datasets -type f \
    \( -name '*.[ch]' -o -name '*.md' -o -name '*.sh' -o -name '*.py' -o -name '*.cmake' -o -name CMakeLists.txt \
    -o -name '*.in' -o -name '*.yaml' -o -perm -u+x \) ! -path '*/corpus/*' ! -path '*/runs/*' 2>/dev/null)
((${#files[@]} > 400)) || fail "found ${#files[@]} files only"

# Of C, what stands in comments goes to $work/words and the rest to $work/code; other files are words. "FILE:LINE:TEXT"
: >"$work/code"
: >"$work/words"
awk -v code="$work/code" -v words="$work/words" '
    FNR == 1 { inside = 0; is_c = FILENAME ~ /\.[ch]$/ }
    !is_c { print FILENAME ":" FNR ":" $0 >words; next }
    {
        rest = $0; said = ""; done = ""
        while (rest != "") {
            at = index(rest, inside ? "*/" : "/*")
            piece = at ? substr(rest, 1, at - 1) : rest
            if (inside) said = said " " piece; else done = done " " piece
            if (!at) break
            rest = substr(rest, at + 2)
            inside = !inside
        }
        if (said != "") print FILENAME ":" FNR ":" said >words
        print done >code
    }' "${files[@]}"

# FILE:LINE NAME: something named there that is not here.
complain() {
    echo "$1" >>"$work/missing"
}
: >"$work/missing"

# PATTERN: "FILE:LINE NAME" for every NAME in the words that matches and is no end of a longer one, or of $variable/name.
named() {
    awk -v pattern="$1" '{
        split($0, part, ":"); where = part[1] ":" part[2]
        text = substr($0, length(where) + 2)
        before = ""
        while (match(text, pattern)) {
            if (RSTART > 1) before = substr(text, RSTART - 1, 1)
            if (before !~ /[A-Za-z0-9_.\/$]/) print where, substr(text, RSTART, RLENGTH)
            before = substr(text, RSTART + RLENGTH - 1, 1)
            text = substr(text, RSTART + RLENGTH)
        }
    }' "$work/words" | sort -u
}

say "documents"
while read -r where name; do
    [[ -e $name || -e ${where%/*}/$name ]] || complain "$where names the document $name"
done < <(named '[A-Za-z0-9_.][A-Za-z0-9_./-]*[.]md')

say "sections"
# Without a name it is one of the document itself.
while read -r where name; do
    [[ $name == *.md,* ]] && document=${name%%,*} || document=${where%:*}
    [[ -e $document ]] || document=${where%/*}/$document
    grep -qE "^#+ ${name##* }\. " "$document" 2>/dev/null || complain "$where names a section that is not there: $name"
done < <(named '([A-Za-z0-9_./-]+[.]md, )?section [0-9]+' | grep -E '^[^ ]*\.md:|[.]md, section')
# Elsewhere a section without a document is one of a paper or a standard, whose year or number stands near.
grep -nE -B 2 '(^|[^-])[Ss]ection [0-9]' "$work/words" | awk '
    /^--$/ { near = ""; next }
    { near = near $0 }
    /^[0-9]+:/ && !/[.]md(:|, section)|documents[.]sh:/ && near !~ /RFC [0-9]|(19|20)[0-9][0-9]/ {
        sub(/^[0-9]+:/, "")
        print "a section of what? " $0
    }' >>"$work/missing"

say "source files"
find src include tests bench launch -name '*.[ch]' | sed 's|.*/||' | sort -u >"$work/sources"
named '[a-z0-9_][a-z0-9_/]*[.][ch]($|[^a-z0-9_])' | sed -E 's/([.][ch])[^a-z0-9_]$/\1/' |
    grep -vE "[ /]($foreign)$|/tensorflow/| tensorflow/|^tests/commands/" |
    awk -v sources="$work/sources" 'BEGIN { while ((getline name <sources) > 0) known[name] = 1 } !known[$2]' |
    while read -r where name; do
        [[ -e $name || -e src/$name || -e include/$name || -e tests/$name || -e ${where%/*}/$name ]] ||
            complain "$where names the file $name"
    done

say "functions, types and constants"
grep -oE '\b(ls|LS)_[A-Za-z0-9_]+' "$work/code" | sort -u >"$work/identifiers"
# Those of CMake and of scripts are their own; "ls_h5_put_…" and "LS_TYPE_" are beginnings, ls_NAME and ls_noun patterns.
named '(ls|LS)_[A-Za-z0-9_]+' |
    awk -v identifiers="$work/identifiers" '
        BEGIN {
            while ((getline name <identifiers) > 0) {
                known[name] = 1
                for (i = 4; i <= length(name); i++) if (substr(name, i, 1) == "_") known[substr(name, 1, i)] = 1
            }
        }
        $1 ~ /[.]([ch]|md):/ && $2 !~ /^LS_(WERROR|BENCH|FUZZ)$|NAME$|_(noun|module_verb|NOUN)$/ && !known[$2] {
            print $1 " names " $2
        }' >>"$work/missing"

say "comments of headers name their subject"
# shellcheck disable=SC2016
find src include -name '*.h' -exec awk '
    FNR == 1 { opened = 0 }
    { text = $0; leans = opened && sub(/^ *\* /, "", text) || sub(/^ *\/\*\*? /, "", text) }
    leans && text ~ /^(The same|All of them|Both|Either|Likewise|Ditto|As above)([ ,.:]|$)/ {
        print FILENAME ":" FNR " leans on the line above it: " text
    }
    { opened = $0 ~ /^ *\/\*\*?$/ }' {} + >>"$work/missing"

[[ ! -s $work/missing ]] || {
    cat "$work/missing" >&2
    fail "$(wc -l <"$work/missing") names of what is not there, or of nothing"
}
