/* What all commands do with their arguments. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static const char *named(const struct option *options, int option)
{
    while (options->name && options->val != option)
        options++;
    return options->name ? options->name : "";
}

/* Of these no value is an empty text. */
static bool names_file(const struct option *options, int option)
{
    static const char *const names[] = {"output", "dot", "data", "like"};
    const char *const name = named(options, option);
    bool names_one = false;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        names_one |= strcmp(name, names[i]) == 0;
    return names_one;
}

int ls_cli_option(int argc, char **argv, const struct option *options, ls_status *st)
{
    int option;

    opterr = 0;
    option = getopt_long(argc, argv, ":n:", options, NULL);
    if (option == ':' || option == '?') {
        const char *given = optind > 0 && optind <= argc ? argv[optind - 1] : "";
        const char *known[32], *nearest;
        size_t n = 0;
        const bool is_long = strncmp(given, "--", 2) == 0;

        for (; n < 32 && options[n].name; n++)
            known[n] = options[n].name;
        nearest = is_long ? ls_nearest_name(given + 2, known, n) : NULL;
        if (option == ':')
            *st = ls_fail(LS_ERR_USAGE, "option '%s' needs a value; see lockstep %s --help", given, argv[0]);
        else
            *st = ls_fail(LS_ERR_USAGE, "unknown option '%s'%s%s%s; see lockstep %s --help", given,
                          nearest ? ", did you mean '--" : "", nearest ? nearest : "", nearest ? "'?" : "", argv[0]);
        return -1;
    }
    if (option > 0 && optarg && !*optarg && names_file(options, option)) {
        *st =
            ls_fail(LS_ERR_USAGE, "option '--%s' needs the name of a file, not an empty text", named(options, option));
        return -1;
    }
    return option;
}

ls_status ls_cli_operands(int argc, char **argv, int n, const char *what)
{
    if (argc - optind == n)
        return LS_OK;
    if (argc - optind > n)
        return ls_fail(LS_ERR_USAGE, "unexpected argument '%s'; usage: lockstep %s %s", argv[optind + n], argv[0],
                       what);
    return ls_fail(LS_ERR_USAGE, "%s is missing; usage: lockstep %s %s", what, argv[0], what);
}

ls_status ls_cli_number(const char *option, const char *text, long min, long max, long *out)
{
    char *end;
    const long value = strtol(text, &end, 10);

    if (end == text || *end || value < min || value > max)
        return ls_fail(LS_ERR_USAGE, "%s must be a whole number from %ld to %ld, not '%s'", option, min, max, text);
    *out = value;
    return LS_OK;
}
