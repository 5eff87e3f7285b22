/* lockstep import npy */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/locale.h"
#include "base/memory.h"
#include "cli/import.h"
#include "cli/print.h"
#include "data/import.h"

enum { SPLIT = 1, ARRAY, SCALE, CHANNELS_FIRST, OUTPUT, DEFLATE };

static const struct option options[] = {
    {"split", required_argument, NULL, SPLIT},
    {"array", required_argument, NULL, ARRAY},
    {"scale", required_argument, NULL, SCALE},
    {"channels-first", required_argument, NULL, CHANNELS_FIRST},
    {"output", required_argument, NULL, OUTPUT},
    {"deflate", required_argument, NULL, DEFLATE},
    {NULL, 0, NULL, 0},
};

typedef struct arguments {
    ls_npy_source *source; /* names lie in text */
    size_t sources;
    ls_setting *scale;
    const char **channels_first;
    size_t scales, channels_firsts;
    char **text;
    size_t texts;
    const char *output;
    long deflate;
} arguments;

/* A copy that lives as long as the arguments and may be cut. */
static ls_status keep(arguments *a, const char *given, char **text)
{
    if (!(*text = a->text[a->texts] = ls_strdup(given)))
        return LS_ERR_MEMORY;
    a->texts++;
    return LS_OK;
}

static void add_source(arguments *a, const char *split, const char *array, const char *file, const char *member)
{
    a->source[a->sources++] =
        (ls_npy_source){.split = split, .array = array, .file = file, .member = member, .scale = NAN};
}

/* "train=X.npy,Y.npy" or "train=FILE.npz", cut in place. */
static ls_status read_split(arguments *a, const char *given)
{
    char *text, *equals, *comma;

    LS_TRY(keep(a, given, &text));
    equals = strchr(text, '=');
    comma = equals ? strchr(equals, ',') : NULL;
    if (!equals || equals == text ||
        (comma ? comma == equals + 1 || !comma[1] || strchr(comma + 1, ',') != NULL
               : !ls_ends_with(equals + 1, ".npz")))
        return ls_fail(LS_ERR_USAGE, "--split takes NAME=X.npy,Y.npy or NAME=FILE.npz, not '%s'", given);
    *equals = '\0';
    if (comma)
        *comma = '\0';
    add_source(a, text, "x", equals + 1, comma ? NULL : "x");
    add_source(a, text, "y", comma ? comma + 1 : equals + 1, comma ? NULL : "y");
    return LS_OK;
}

/* "train/x=FILE.npy" or "train/x=FILE.npz:MEMBER", cut in place. */
static ls_status read_array(arguments *a, const char *given)
{
    char *text, *equals, *slash, *colon;

    LS_TRY(keep(a, given, &text));
    equals = strchr(text, '=');
    slash = strchr(text, '/');
    if (!equals || !slash || slash == text || slash + 1 >= equals || !equals[1])
        return ls_fail(LS_ERR_USAGE, "--array takes SPLIT/NAME=FILE.npy or SPLIT/NAME=FILE.npz:MEMBER, not '%s'",
                       given);
    *equals = *slash = '\0';
    colon = strrchr(equals + 1, ':');
    if (colon)
        *colon = '\0';
    if (colon && !ls_ends_with(equals + 1, ".npz")) {
        *colon = ':'; /* of the file's name */
        colon = NULL;
    }
    if (colon ? !colon[1] : ls_ends_with(equals + 1, ".npz"))
        return ls_fail(LS_ERR_USAGE, "--array: which array of '%s'? Say FILE.npz:MEMBER", equals + 1);
    add_source(a, text, slash + 1, equals + 1, colon ? colon + 1 : NULL);
    return LS_OK;
}

static ls_status read_scale(arguments *a, const char *given)
{
    char *text, *equals;

    LS_TRY(keep(a, given, &text));
    equals = strchr(text, '=');
    if (!equals || equals == text || !equals[1])
        return ls_fail(LS_ERR_USAGE, "--scale takes ARRAY=NUMBER, as in x=1/255, not '%s'", given);
    *equals = '\0';
    a->scale[a->scales++] = (ls_setting){.key = text, .value = equals + 1};
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

static ls_status read_option(arguments *a, int option)
{
    switch (option) {
    case SPLIT:
        return read_split(a, optarg);
    case ARRAY:
        return read_array(a, optarg);
    case SCALE:
        return read_scale(a, optarg);
    case CHANNELS_FIRST:
        a->channels_first[a->channels_firsts++] = optarg;
        return LS_OK;
    case OUTPUT:
        a->output = optarg;
        return LS_OK;
    default:
        return ls_cli_number("--deflate", optarg, 0, 9, &a->deflate);
    }
}

static ls_status read_arguments(int argc, char **argv, arguments *a)
{
    ls_status st = LS_OK;
    int option;

    a->source = ls_calloc(2 * (size_t)argc, sizeof *a->source, "arguments");
    a->scale = ls_calloc((size_t)argc, sizeof *a->scale, "arguments");
    a->channels_first = ls_calloc((size_t)argc, sizeof *a->channels_first, "arguments");
    a->text = ls_calloc((size_t)argc, sizeof *a->text, "arguments");
    if (!a->source || !a->scale || !a->channels_first || !a->text)
        return LS_ERR_MEMORY;
    optind = 2; /* behind the format */
    while ((option = ls_cli_option(argc, argv, options, &st)) != -1)
        LS_TRY(read_option(a, option));
    LS_TRY(st);
    LS_TRY(ls_cli_operands(argc, argv, 0, "npy --split NAME=X.npy,Y.npy --output FILE.h5"));
    if (a->sources == 0)
        return ls_fail(LS_ERR_USAGE,
                       "nothing to import: name a split, as in --split train=X.npy,Y.npy, or an array, as in "
                       "--array train/x=X.npy");
    if (!a->output)
        return ls_fail(LS_ERR_USAGE, "--output is missing: say which dataset file to write");
    return apply_settings(a);
}

static ls_status import_npy(const arguments *a, ls_text *out)
{
    LS_TRY(ls_import_npy(a->source, a->sources, a->output, (int)a->deflate));
    for (size_t i = 0; i < a->sources; i++) {
        bool described = false;

        for (size_t k = 0; k < i; k++)
            described |= strcmp(a->source[k].split, a->source[i].split) == 0;
        if (!described)
            LS_TRY(ls_cli_describe_split(a->output, a->source[i].split, out));
    }
    return LS_OK;
}

static ls_status run(const ls_comm *comm, int argc, char **argv)
{
    arguments a = {0};
    ls_text text = {0};
    ls_status st = read_arguments(argc, argv, &a);

    if (st == LS_OK && comm->rank == 0)
        st = import_npy(&a, &text);
    st = ls_cli_print(comm, st, &text);
    for (size_t i = 0; i < a.texts; i++)
        ls_free(a.text[i]);
    ls_free(a.text);
    ls_free(a.source);
    ls_free(a.scale);
    ls_free(a.channels_first);
    return st;
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

const ls_import_format ls_import_format_npy = {.name = "npy", .run = run, .help = help};
