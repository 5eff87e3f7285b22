/* lockstep schema */
#include "run/schema.h"

#include <string.h>

#include "cli/cli.h"
#include "cli/print.h"
#include "sweep/schema.h"

static const char help[] =
    "usage: lockstep schema experiment|sweep\n\n"
    "Prints the JSON Schema of experiment or sweep files, by which editors complete and check them. It is made from the\n"
    "tables that lockstep itself reads by, and installed as share/lockstep/experiment.schema.json and sweep.schema.json.\n"
    "In a file, the first line names it, as in what `lockstep new` writes:\n\n"
    "  # yaml-language-server: $schema=/usr/share/lockstep/experiment.schema.json\n";

static const struct option options[] = {{NULL, 0, NULL, 0}};

static ls_status write_schema(const char *kind, ls_text *out)
{
    if (strcmp(kind, "experiment") == 0)
        return ls_experiment_schema(out);
    if (strcmp(kind, "sweep") == 0)
        return ls_sweep_schema(out);
    return ls_fail(LS_ERR_USAGE, "there is a schema for experiment and one for sweep, not for '%s'", kind);
}

static ls_status run(const ls_comm *comm, int argc, char **argv)
{
    ls_text text = {0};
    ls_status st = LS_OK;

    ls_cli_option(argc, argv, options, &st);
    if (st == LS_OK)
        st = ls_cli_operands(argc, argv, 1, "experiment|sweep");
    if (st == LS_OK && comm->rank == 0)
        st = write_schema(argv[optind], &text);
    return ls_cli_print(comm, st, &text);
}

const ls_command ls_command_schema = {
    .name = "schema",
    .summary = "the JSON Schema of experiment and sweep files, for editors",
    .help = help,
    .works_alone = true,
    .run = run,
};
