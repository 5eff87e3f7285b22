/* lockstep import csv */
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "base/memory.h"
#include "cli/h5_describe.h"
#include "cli/import.h"
#include "data/csv.h"
#include "data/import.h"
#include "data/preprocessing.h"

#define CATEGORIES_SHOWN 10
#define SHOWN 40 /* bytes of a name */

/* Options of the form KEY=VALUE come first: their numbers index the lists of arguments. */
enum {
    SPLIT,
    ARRAY,
    SHAPE,
    SCALE,
    TYPE,
    ENCODE,
    MISSING,
    LISTS,
    NA = LISTS,
    SEED,
    STRATIFY,
    IN_ORDER,
    SHUFFLE,
    UNKNOWN,
    NO_HEADER,
    DELIMITER,
    DECIMAL,
    LIKE
};

static const struct option options[] = {
    {"split", required_argument, NULL, SPLIT},         {"array", required_argument, NULL, ARRAY},
    {"shape", required_argument, NULL, SHAPE},         {"scale", required_argument, NULL, SCALE},
    {"type", required_argument, NULL, TYPE},           {"encode", required_argument, NULL, ENCODE},
    {"missing", required_argument, NULL, MISSING},     {"na", required_argument, NULL, NA},
    {"seed", required_argument, NULL, SEED},           {"stratify", required_argument, NULL, STRATIFY},
    {"in-order", no_argument, NULL, IN_ORDER},         {"shuffle", no_argument, NULL, SHUFFLE},
    {"unknown", required_argument, NULL, UNKNOWN},     {"no-header", no_argument, NULL, NO_HEADER},
    {"delimiter", required_argument, NULL, DELIMITER}, {"decimal", required_argument, NULL, DECIMAL},
    {"like", required_argument, NULL, LIKE},           LS_IMPORT_OPTIONS,
};

static const char *const option_form[LISTS] = {
    "--split takes NAME=FRACTION or NAME=FILE.csv", "--array takes NAME=COLUMNS", "--shape takes ARRAY=NUMBERS",
    "--scale takes ARRAY=standard or ARRAY=minmax", "--type takes COLUMNS=TYPE",  "--encode takes COLUMNS=ENCODING",
    "--missing takes COLUMNS=HOW or HOW",
};

typedef struct arguments {
    ls_csv_import import;
    ls_setting *list[LISTS];
    size_t n[LISTS];
    const char **na;
} arguments;

static ls_status begin(void *context, size_t words)
{
    arguments *const a = context;

    a->import.seed = 1;
    for (int i = 0; i < LISTS; i++)
        if (!(a->list[i] = ls_calloc(words, sizeof *a->list[i], "arguments")))
            return LS_ERR_MEMORY;
    a->na = ls_calloc(words, sizeof *a->na, "arguments");
    return a->na ? LS_OK : LS_ERR_MEMORY;
}

static void end(void *context)
{
    arguments *const a = context;

    for (int i = 0; i < LISTS; i++)
        ls_free(a->list[i]);
    ls_free(a->na);
}

/* The first equals sign outside double quotes. */
static char *find_equals(char *text)
{
    bool quoted = false;

    for (; *text; text++) {
        quoted ^= *text == '"';
        if (*text == '=' && !quoted)
            return text;
    }
    return NULL;
}

static ls_status read_setting(arguments *a, ls_import_options *o, int list)
{
    ls_setting *const setting = &a->list[list][a->n[list]];
    char *text, *equals;

    LS_TRY(ls_import_keep(o, optarg, &text));
    equals = find_equals(text);
    if (equals)
        *equals = '\0';
    if (equals == text || (equals && !equals[1] && list != SHAPE) || (!equals && list != ARRAY && list != MISSING))
        return ls_fail(LS_ERR_USAGE, "%s, not '%s'", option_form[list], optarg);
    *setting = (ls_setting){.key = text, .value = equals ? equals + 1 : NULL};
    if (!equals && list == MISSING)
        *setting = (ls_setting){.value = text};
    a->n[list]++;
    return LS_OK;
}

static ls_status read_delimiter(const char *given, char *delimiter)
{
    if (strcmp(given, "tab") == 0 || strcmp(given, "\\t") == 0)
        given = "\t";
    if (strlen(given) != 1)
        return ls_fail(LS_ERR_USAGE, "--delimiter takes one ASCII character or the word tab, not '%s'", given);
    *delimiter = *given;
    return LS_OK;
}

static ls_status read_option(void *context, ls_import_options *o, int option)
{
    arguments *const a = context;
    ls_csv_import *const import = &a->import;
    long number = 0;

    switch (option) {
    case NA:
        import->na = a->na;
        a->na[import->nas++] = optarg;
        return LS_OK;
    case SEED:
        LS_TRY(ls_cli_number("--seed", optarg, 0, LONG_MAX, &number));
        import->seed = (uint64_t)number;
        return LS_OK;
    case STRATIFY:
        import->stratify = optarg;
        return LS_OK;
    case IN_ORDER:
        import->in_order = true;
        return LS_OK;
    case SHUFFLE:
        import->shuffle = true;
        return LS_OK;
    case UNKNOWN:
        import->ignore_unknown = strcmp(optarg, "ignore") == 0;
        if (!import->ignore_unknown && strcmp(optarg, "error") != 0)
            return ls_fail(LS_ERR_USAGE, "--unknown takes error or ignore, not '%s'", optarg);
        return LS_OK;
    case NO_HEADER:
        import->no_header = true;
        return LS_OK;
    case DELIMITER:
        return read_delimiter(optarg, &import->delimiter);
    case DECIMAL:
        if (strcmp(optarg, ".") != 0 && strcmp(optarg, ",") != 0)
            return ls_fail(LS_ERR_USAGE, "--decimal takes . or , (what stands before fractions), not '%s'", optarg);
        import->decimal = *optarg;
        return LS_OK;
    case LIKE:
        import->like = optarg;
        return LS_OK;
    default:
        return read_setting(a, o, option);
    }
}

/* A lone file without splits is one split. */
static ls_status read_operands(void *context, int argc, char **argv)
{
    arguments *const a = context;
    ls_csv_import *const import = &a->import;
    double fraction;

    if (optind == argc && a->n[SPLIT] > 0 && ls_csv_number(a->list[SPLIT][0].value, &fraction) == LS_CSV_TEXT)
        return LS_OK;
    if (optind == argc)
        return ls_fail(LS_ERR_USAGE,
                       "FILE.csv is missing: name the file to import, or one for each split, as in --split "
                       "train=FILE.csv");
    LS_TRY(ls_cli_operands(argc, argv, 1, "csv FILE.csv --array NAME=COLUMNS --output FILE.h5"));
    import->input = argv[optind];
    if (a->n[SPLIT] == 0)
        a->list[SPLIT][a->n[SPLIT]++] = (ls_setting){import->like ? "test" : "train", "1"};
    return LS_OK;
}

/* What was taken for names, so that nobody trains on the numbers of categories unawares. */
static ls_status add_categories(const char *path, ls_text *out)
{
    ls_preprocessing p = {0};
    const ls_status st = ls_preprocessing_read(path, &p);

    for (size_t c = 0; st == LS_OK && c < p.columns; c++) {
        const ls_prep_column *const column = &p.column[c];

        if (column->type != LS_COLUMN_CATEGORY)
            continue;
        ls_add_clean(column->name, SHOWN, out);
        ls_text_add(out, ": %zu categor%s, ", column->categories, column->categories == 1 ? "y" : "ies");
        for (size_t i = 0; i < column->categories && i < CATEGORIES_SHOWN; i++) {
            ls_text_add(out, "%s", i ? ", " : "");
            ls_add_clean(column->category[i], SHOWN, out);
        }
        ls_text_add(out, "%s\n", column->categories > CATEGORIES_SHOWN ? ", ..." : "");
    }
    ls_preprocessing_reset(&p);
    return st;
}

static ls_status import_csv(const void *context, const ls_import_options *o, ls_text *out)
{
    const arguments *const a = context;
    ls_csv_import import = a->import;
    uint64_t dropped;

    import.splits = (ls_settings){a->list[SPLIT], a->n[SPLIT]};
    import.arrays = (ls_settings){a->list[ARRAY], a->n[ARRAY]};
    import.shapes = (ls_settings){a->list[SHAPE], a->n[SHAPE]};
    import.scales = (ls_settings){a->list[SCALE], a->n[SCALE]};
    import.types = (ls_settings){a->list[TYPE], a->n[TYPE]};
    import.encodes = (ls_settings){a->list[ENCODE], a->n[ENCODE]};
    import.missing = (ls_settings){a->list[MISSING], a->n[MISSING]};
    import.output = o->output;
    import.deflate = o->deflate;
    LS_TRY(ls_import_csv(&import, &dropped));
    for (size_t i = 0; i < import.splits.n; i++)
        LS_TRY(ls_cli_describe_split(o->output, import.splits.at[i].key, out));
    LS_TRY(add_categories(o->output, out));
    if (dropped)
        ls_text_add(out, "left out: %" PRIu64 " row%s with missing values\n", dropped, dropped == 1 ? "" : "s");
    return LS_OK;
}

static const char help[] =
    "usage: lockstep import csv FILE.csv --array NAME=COLUMNS [--array ...] --output FILE.h5 [OPTIONS]\n"
    "       lockstep import csv --split NAME=FILE.csv [--split ...] --array NAME=COLUMNS --output FILE.h5 [OPTIONS]\n\n"
    "Text files of rows and columns, plain or gzipped. Every split gets every array, as /SPLIT/ARRAY; a sample has the\n"
    "features of the array's columns side by side. Columns of numbers stay numbers, columns of text become categories,\n"
    "which are listed; a column of numbers with some other text in it is refused.\n"
    "Whatever is fitted (scalings, means, categories, encodings) is fitted on the split train alone, or the first one if\n"
    "there is none, and is kept in FILE.h5 under /preprocessing.\n\n"
    "  --output FILE.h5            the dataset file to write\n"
    "  --deflate 0..9              compress: 0 not at all (default), 9 as small as possible\n"
    "  --array NAME=COLUMNS        an array and its columns: a,b,p0:p63 (from p0 to p63); a name with a comma, a colon or an\n"
    "                              equals sign stands in double quotes. May be repeated\n"
    "  --shape ARRAY=N,N,...       the shape of a sample; default: one axis of all features; empty: no axis\n"
    "  --split NAME=FRACTION       deal the rows of FILE.csv at random; the fractions add up to 1; default: all are train\n"
    "  --split NAME=FILE.csv       or a file for each split\n"
    "  --seed N                    another random order of the rows; default: 1\n"
    "  --stratify COLUMN           deal so that every split has equal shares of each value of COLUMN\n"
    "  --in-order                  the first rows to the first split, the next to the second, none at random\n"
    "  --shuffle                   write the rows of a split in random order instead of that of the file\n"
    "  --scale ARRAY=standard      mean 0 and standard deviation 1; stored as the attributes offset and scale\n"
    "  --scale ARRAY=minmax        from 0 to 1. Labels and one-hot features are never scaled\n"
    "  --type COLUMNS=TYPE         number or category; default: what the values are\n"
    "  --encode COLUMNS=HOW        of categories: label (0, 1, 2, ...; default), onehot, or target:COLUMN, the mean of COLUMN\n"
    "  --missing [COLUMNS=]HOW     what to do with a missing value: error (default), drop (the row), mean or fill:VALUE\n"
    "  --na TEXT                   TEXT means a missing value, as the empty text does. May be repeated\n"
    "  --unknown ignore            let categories pass that train does not have: one-hot all 0, target the overall mean\n"
    "  --no-header                 the first row is data; columns are called 1, 2, 3, ...\n"
    "  --delimiter C               what separates fields: a character or the word tab; default: a comma\n"
    "  --decimal C                 what stands before fractions: a point (default) or a comma\n"
    "  --like TRAIN.h5             treat the file as the one that became TRAIN.h5: arrays, all that was fitted, and --na,\n"
    "                              --unknown, --delimiter, --decimal and --no-header come from there, unless they are given. --array NAME picks\n"
    "                              arrays. Without --split, the split is called test\n\n"
    "  lockstep import csv iris.csv --output iris.h5 --array x=sepal_length:petal_length --array species=species \\\n"
    "                      --scale x=standard --split train=0.8 --split test=0.2 --stratify species\n"
    "  lockstep import csv new_flowers.csv --like iris.h5 --array x --output new_flowers.h5\n";

const ls_import_format ls_import_format_csv = {
    .name = "csv",
    .help = help,
    .options = options,
    .arguments_bytes = sizeof(arguments),
    .begin = begin,
    .read_option = read_option,
    .read_operands = read_operands,
    .import = import_csv,
    .end = end,
};
