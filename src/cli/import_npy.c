/* lockstep import npy */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/locale.h"
#include "base/memory.h"
#include "cli/import.h"
#include "data/import.h"

enum { SPLIT = 1, ARRAY, SCALE, CHANNELS_FIRST };

static const struct option options[] = {
    {"split", required_argument, NULL, SPLIT},
    {"array", required_argument, NULL, ARRAY},
    {"scale", required_argument, NULL, SCALE},
    {"channels-first", required_argument, NULL, CHANNELS_FIRST},
    LS_IMPORT_OPTIONS,
};

typedef struct arguments {
    ls_npy_source *source;
    size_t sources;
    ls_setting *scale;
    const char **channels_first;
    size_t scales, channels_firsts;
} arguments;

static ls_status begin(void *context, size_t words)
{
    arguments *const a = context;

    a->source = ls_calloc(2 * words, sizeof *a->source, "arguments");
    a->scale = ls_calloc(words, sizeof *a->scale, "arguments");
    a->channels_first = ls_calloc(words, sizeof *a->channels_first, "arguments");
    return a->source && a->scale && a->channels_first ? LS_OK : LS_ERR_MEMORY;
}

static void end(void *context)
{
    arguments *const a = context;

    ls_free(a->source);
    ls_free(a->scale);
    ls_free(a->channels_first);
}

static void add_source(arguments *a, const char *split, const char *array, const char *file, const char *member)
{
    a->source[a->sources++] =
        (ls_npy_source){.split = split, .array = array, .file = file, .member = member, .scale = NAN};
}

/* "train=X.npy,Y.npy" or "train=FILE.npz" */
static ls_status read_split(arguments *a, ls_import_options *o)
{
    static const char form[] = "--split takes NAME=X.npy,Y.npy or NAME=FILE.npz";
    char *split, *x, *comma;

    LS_TRY(ls_import_pair(o, form, optarg, &split, &x));
    comma = strchr(x, ',');
    if (comma ? comma == x || !comma[1] || strchr(comma + 1, ',') != NULL : !ls_ends_with(x, ".npz"))
        return ls_fail(LS_ERR_USAGE, "%s, not '%s'", form, optarg);
    if (comma)
        *comma = '\0';
    add_source(a, split, "x", x, comma ? NULL : "x");
    add_source(a, split, "y", comma ? comma + 1 : x, comma ? NULL : "y");
    return LS_OK;
}

/* "train/x=FILE.npy" or "train/x=FILE.npz:MEMBER" */
static ls_status read_array(arguments *a, ls_import_options *o)
{
    static const char form[] = "--array takes SPLIT/NAME=FILE.npy or SPLIT/NAME=FILE.npz:MEMBER";
    char *split, *file, *slash, *colon;

    LS_TRY(ls_import_pair(o, form, optarg, &split, &file));
    slash = strchr(split, '/');
    if (!slash || slash == split || !slash[1])
        return ls_fail(LS_ERR_USAGE, "%s, not '%s'", form, optarg);
    *slash = '\0';
    colon = strrchr(file, ':');
    if (colon)
        *colon = '\0';
    if (colon && !ls_ends_with(file, ".npz")) {
        *colon = ':'; /* of the file's name */
        colon = NULL;
    }
    if (colon ? !colon[1] : ls_ends_with(file, ".npz"))
        return ls_fail(LS_ERR_USAGE, "--array: which array of '%s'? Say FILE.npz:MEMBER", file);
    add_source(a, split, slash + 1, file, colon ? colon + 1 : NULL);
    return LS_OK;
}

static ls_status read_scale(arguments *a, ls_import_options *o)
{
    char *array, *factor;

    LS_TRY(ls_import_pair(o, "--scale takes ARRAY=NUMBER, as in x=1/255", optarg, &array, &factor));
    a->scale[a->scales++] = (ls_setting){.key = array, .value = factor};
    return LS_OK;
}

/* "0.5" or "1/255". */
static ls_status read_factor(const ls_setting *scale, double *factor)
{
    char *end;

    *factor = ls_parse_double(scale->value, &end);
    if (*end == '/')
        *factor /= ls_parse_double(end + 1, &end);
    if (*end || !isfinite(*factor) || *factor == 0)
        return ls_fail(LS_ERR_USAGE, "--scale %s=%s: a number other than 0 is needed, or a fraction as 1/255",
                       scale->key, scale->value);
    return LS_OK;
}

/* What is said of an array holds in every split. */
static ls_status apply_settings(arguments *a)
{
    for (size_t i = 0; i < a->scales; i++) {
        bool found = false;
        double factor;

        LS_TRY(read_factor(&a->scale[i], &factor));
        for (size_t k = 0; k < a->sources; k++)
            if (strcmp(a->source[k].array, a->scale[i].key) == 0) {
                a->source[k].scale = factor;
                found = true;
            }
        if (!found)
            return ls_fail(LS_ERR_USAGE, "--scale is given for an array '%s', but there is none of that name",
                           a->scale[i].key);
    }
    for (size_t i = 0; i < a->channels_firsts; i++) {
        bool found = false;

        for (size_t k = 0; k < a->sources; k++)
            if (strcmp(a->source[k].array, a->channels_first[i]) == 0)
                found = a->source[k].channels_first = true;
        if (!found)
            return ls_fail(LS_ERR_USAGE, "--channels-first is given for an array '%s', but there is none of that name",
                           a->channels_first[i]);
    }
    return LS_OK;
}

static ls_status read_option(void *context, ls_import_options *o, int option)
{
    arguments *const a = context;

    switch (option) {
    case SPLIT:
        return read_split(a, o);
    case ARRAY:
        return read_array(a, o);
    case SCALE:
        return read_scale(a, o);
    default:
        a->channels_first[a->channels_firsts++] = optarg;
        return LS_OK;
    }
}

static ls_status read_operands(void *context, int argc, char **argv)
{
    arguments *const a = context;

    LS_TRY(ls_cli_operands(argc, argv, 0, "npy --split NAME=X.npy,Y.npy --output FILE.h5"));
    if (a->sources == 0)
        return ls_fail(LS_ERR_USAGE,
                       "nothing to import: name a split, as in --split train=X.npy,Y.npy, or an array, as in "
                       "--array train/x=X.npy");
    return apply_settings(a);
}

static ls_status import_npy(const void *context, const ls_import_options *o, ls_text *out)
{
    const arguments *const a = context;

    LS_TRY(ls_import_npy(a->source, a->sources, o->output, o->deflate));
    for (size_t i = 0; i < a->sources; i++) {
        bool described = false;

        for (size_t k = 0; k < i; k++)
            described |= strcmp(a->source[k].split, a->source[i].split) == 0;
        if (!described)
            LS_TRY(ls_cli_describe_split(o->output, a->source[i].split, out));
    }
    return LS_OK;
}

static const char help[] =
    "usage: lockstep import npy --split NAME=X.npy,Y.npy [--split ...] --output FILE.h5 [OPTIONS]\n\n"
    "Arrays of NumPy, first axis = samples, in files .npy and archives .npz. They keep their type and every bit; bool\n"
    "becomes uint8, float16 float32. NaN and infinity are copied, and refused when the dataset is used.\n\n"
    "  --output FILE.h5            the dataset file to write\n"
    "  --deflate 0..9              compress: 0 not at all (default), 9 as small as possible\n"
    "  --split NAME=X.npy,Y.npy    becomes /NAME/x and /NAME/y\n"
    "  --split NAME=FILE.npz       the same from the arrays x and y of an archive\n"
    "  --array SPLIT/NAME=FILE     any other: FILE.npy, or FILE.npz:ARRAY of an archive. May be repeated\n"
    "  --scale ARRAY=NUMBER        multiply by this when a batch is assembled, as in x=1/255; stored as the attribute scale\n"
    "  --channels-first ARRAY      samples are (channels, ...); they are turned around to (..., channels)\n\n"
    "  lockstep import npy --array train/x=mnist.npz:x_train --array train/y=mnist.npz:y_train \\\n"
    "                      --array test/x=mnist.npz:x_test --array test/y=mnist.npz:y_test --scale x=1/255 --output mnist.h5\n";

const ls_import_format ls_import_format_npy = {
    .name = "npy",
    .help = help,
    .options = options,
    .arguments_bytes = sizeof(arguments),
    .begin = begin,
    .read_option = read_option,
    .read_operands = read_operands,
    .import = import_npy,
    .end = end,
};
