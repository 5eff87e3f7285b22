/* lockstep import images */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/printable.h"
#include "cli/import.h"
#include "data/csv.h"
#include "data/import.h"

enum { SPLIT = 1, SEED, STRATIFY, SHUFFLE, CHANNELS, SIZE, SKIP };

static const struct option options[] = {
    {"split", required_argument, NULL, SPLIT},       {"seed", required_argument, NULL, SEED},
    {"stratify", no_argument, NULL, STRATIFY},       {"shuffle", no_argument, NULL, SHUFFLE},
    {"channels", required_argument, NULL, CHANNELS}, {"size", required_argument, NULL, SIZE},
    {"skip-damaged", no_argument, NULL, SKIP},       LS_IMPORT_OPTIONS,
};

typedef struct arguments {
    ls_images_import import;
    ls_setting *split;
    size_t splits;
} arguments;

static ls_status begin(void *context, size_t words)
{
    arguments *const a = context;

    a->import.seed = 1;
    a->split = ls_calloc(words, sizeof *a->split, "arguments");
    return a->split ? LS_OK : LS_ERR_MEMORY;
}

static void end(void *context)
{
    ls_free(((arguments *)context)->split);
}

static ls_status read_split(arguments *a, ls_import_options *o)
{
    char *name, *value;

    LS_TRY(ls_import_pair(o, "--split takes NAME=FRACTION or NAME=FOLDER", optarg, &name, &value));
    a->split[a->splits++] = (ls_setting){.key = name, .value = value};
    return LS_OK;
}

/* "64,64" */
static ls_status read_size(const char *given, ls_images_import *import)
{
    char *end;
    const long height = strtol(given, &end, 10), width = *end == ',' ? strtol(end + 1, &end, 10) : 0;

    if (*end || height < 1 || width < 1 || height > 65535 || width > 65535)
        return ls_fail(LS_ERR_USAGE, "--size takes HEIGHT,WIDTH of 1 to 65535 pixels, not '%s'", given);
    import->height = (size_t)height;
    import->width = (size_t)width;
    return LS_OK;
}

static ls_status read_option(void *context, ls_import_options *o, int option)
{
    arguments *const a = context;
    ls_images_import *const import = &a->import;
    long number = 0;

    switch (option) {
    case SPLIT:
        return read_split(a, o);
    case SEED:
        LS_TRY(ls_cli_number("--seed", optarg, 0, LONG_MAX, &number));
        import->seed = (uint64_t)number;
        return LS_OK;
    case STRATIFY:
        import->stratify = true;
        return LS_OK;
    case SHUFFLE:
        import->shuffle = true;
        return LS_OK;
    case CHANNELS:
        import->channels = strcmp(optarg, "3") == 0 ? 3 : 1;
        if (strcmp(optarg, "1") != 0 && strcmp(optarg, "3") != 0)
            return ls_fail(LS_ERR_USAGE, "--channels takes 1 (gray) or 3 (red, green, blue), not '%s'", optarg);
        return LS_OK;
    case SKIP:
        import->skip_damaged = true;
        return LS_OK;
    default:
        return read_size(optarg, import);
    }
}

/* A lone folder without splits is one split. */
static ls_status read_operands(void *context, int argc, char **argv)
{
    arguments *const a = context;
    double fraction;

    if (optind == argc && a->splits > 0 && ls_csv_number(a->split[0].value, &fraction) == LS_CSV_TEXT)
        return LS_OK;
    if (optind == argc)
        return ls_fail(LS_ERR_USAGE,
                       "FOLDER is missing: name the folder to import, or one for each split, as in --split "
                       "train=FOLDER");
    LS_TRY(ls_cli_operands(argc, argv, 1, "images FOLDER --output FILE.h5"));
    a->import.input = argv[optind];
    if (a->splits == 0)
        a->split[a->splits++] = (ls_setting){"train", "1"};
    return LS_OK;
}

void ls_cli_list_bad_images(ls_images_report *report)
{
    if (report->bad < 2 || !report->bad_lines.data)
        return;
    ls_make_printable(report->bad_lines.data, true);
    fputs(report->bad_lines.data, stderr);
}

static void describe_report(const ls_images_report *report, ls_text *out)
{
    if (report->left_out)
        ls_text_add(out, "left out: %" PRIu64 " file%s not called .png, .jpg or .jpeg in a folder of a class\n",
                    report->left_out, report->left_out == 1 ? "" : "s");
    if (report->skipped)
        ls_text_add(out, "skipped: %" PRIu64 " damaged, listed in /skipped of the file\n%s", report->skipped,
                    report->skipped_lines.data);
    if (report->flawed)
        ls_text_add(out, "%" PRIu64 " not quite as JPEG has it, with all pixels: %s%s\n", report->flawed,
                    report->flawed > 1 ? "the first, " : "", report->flaw.data);
}

static ls_status import_images(const void *context, const ls_import_options *o, ls_text *out)
{
    const arguments *const a = context;
    ls_images_import import = a->import;
    ls_images_report report = {0};
    ls_status st;

    import.splits = (ls_settings){a->split, a->splits};
    import.output = o->output;
    import.deflate = o->deflate;
    if ((st = ls_import_images(&import, &report)) != LS_OK)
        ls_cli_list_bad_images(&report);
    for (size_t i = 0; i < a->splits && st == LS_OK; i++)
        st = ls_cli_describe_split(o->output, a->split[i].key, out);
    if (st == LS_OK)
        describe_report(&report, out);
    ls_images_report_reset(&report);
    return st;
}

static const char help[] =
    "usage: lockstep import images FOLDER --output FILE.h5 [OPTIONS]\n"
    "       lockstep import images --split NAME=FOLDER [--split ...] --output FILE.h5 [OPTIONS]\n\n"
    "PNG and JPEG files of 8 bits in folders, one for each class: FOLDER/CLASS/NAME.png, .jpg or .jpeg. Every split\n"
    "becomes /SPLIT/x, bytes (height, width, channels) with the attribute scale = 1/255, and /SPLIT/y, the number of the\n"
    "class, with the attribute classes. Classes are numbered by name, images ordered by class and name, both byte by byte;\n"
    "the split train, or the first one, says which classes there are. Transparent pixels and damaged files are refused, all in\n"
    "one list. A JPEG is damaged if pixels are missing; other oddities (its revision, surplus bytes) are counted.\n"
    "Colours are taken as they are stored: colour profiles and the orientation in Exif data are ignored.\n\n"
    "  --output FILE.h5            the dataset file to write\n"
    "  --deflate 0..9              compress: 0 not at all (default), 9 as small as possible\n"
    "  --split NAME=FRACTION       deal the images of FOLDER at random; the fractions add up to 1; default: all are train\n"
    "  --split NAME=FOLDER         or a folder for each split\n"
    "  --stratify                  deal so that every split has equal shares of each class\n"
    "  --seed N                    another random order of the images; default: 1\n"
    "  --shuffle                   write the images of a split in random order instead of class after class\n"
    "  --channels 1|3              gray or RGB; default: as the first image, and all must be alike\n"
    "  --size HEIGHT,WIDTH         resize (bilinear, every pixel counts; width and height on their own: the aspect\n"
    "                              ratio is not kept); default: all images must be of one size\n"
    "  --skip-damaged              leave out files that are damaged, or no images; /skipped in FILE.h5 has their names and\n"
    "                              why. A class must have an image left\n\n"
    "  lockstep import images flowers --split train=0.8 --split test=0.2 --stratify --size 64,64 --output flowers.h5\n";

const ls_import_format ls_import_format_images = {
    .name = "images",
    .help = help,
    .options = options,
    .arguments_bytes = sizeof(arguments),
    .begin = begin,
    .read_option = read_option,
    .read_operands = read_operands,
    .import = import_images,
    .end = end,
};
