/* What the formats of import do with their words. */
#include <string.h>

#include "base/memory.h"
#include "cli/import.h"

static ls_status read_option(const ls_import_format *format, void *arguments, ls_import_options *o, int option)
{
    long level;

    switch (option) {
    case LS_IMPORT_OUTPUT:
        o->output = optarg;
        return LS_OK;
    case LS_IMPORT_DEFLATE:
        LS_TRY(ls_cli_number("--deflate", optarg, 0, 9, &level));
        o->deflate = (int)level;
        return LS_OK;
    default:
        return format->read_option(arguments, o, option);
    }
}

ls_status ls_import_options_read(const ls_import_format *format, void *arguments, int argc, char **argv,
                                 ls_import_options *out)
{
    ls_status st = LS_OK;
    int option;

    *out = (ls_import_options){.text = ls_calloc((size_t)argc, sizeof *out->text, "arguments")};
    if (!out->text)
        return LS_ERR_MEMORY;
    if (format->begin)
        LS_TRY(format->begin(arguments, (size_t)argc));
    optind = 2; /* behind the format */
    while ((option = ls_cli_option(argc, argv, format->options, &st)) != -1)
        LS_TRY(read_option(format, arguments, out, option));
    LS_TRY(st);
    LS_TRY(format->read_operands(arguments, argc, argv));
    if (!out->output)
        return ls_fail(LS_ERR_USAGE, "--output is missing: say which dataset file to write");
    return LS_OK;
}

void ls_import_options_reset(ls_import_options *options)
{
    for (size_t i = 0; i < options->texts; i++)
        ls_free(options->text[i]);
    ls_free(options->text);
    *options = (ls_import_options){0};
}

ls_status ls_import_keep(ls_import_options *options, const char *given, char **text)
{
    if (!(*text = options->text[options->texts] = ls_strdup(given)))
        return LS_ERR_MEMORY;
    options->texts++;
    return LS_OK;
}

ls_status ls_import_pair(ls_import_options *options, const char *form, const char *given, char **key, char **value)
{
    char *equals;

    LS_TRY(ls_import_keep(options, given, key));
    equals = strchr(*key, '=');
    if (!equals || equals == *key || !equals[1])
        return ls_fail(LS_ERR_USAGE, "%s, not '%s'", form, given);
    *equals = '\0';
    *value = equals + 1;
    return LS_OK;
}
