#include "comm/mpi_settings.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

#define PREFIX "OMPI_MCA_"
#define MOST_NAME_BYTES 64

/*
 * A rank that waits leaves its core to whoever works. One TCP connection does not fill a wire both ways at once, two
 * do; and of large messages a piece in hand should be as long as a segment of the ring.
 */
const ls_mpi_setting ls_mpi_settings[LS_MPI_SETTINGS] = {
    {"mpi_yield_when_idle", "1"},
    {"btl_tcp_links", "2"},
    {"btl_tcp_eager_limit", "1048576"},
    {"btl_tcp_max_send_size", "1048576"},
};

/* What was found before anything was set. */
static struct {
    ls_setting_source source;
    char *value, *file; /* of a file */
} found[LS_MPI_SETTINGS];

bool ls_mpi_parameter(const char *text, const char *name, ls_text *out)
{
    const size_t length = strlen(name);
    const char *value = NULL;
    size_t n = 0;

    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        const char *end = line + strcspn(line, "#\n"), *at = line + strspn(line, " \t");

        if (strncmp(at, name, length) != 0)
            continue;
        at += length;
        at += strspn(at, " \t");
        if (*at != '=' || at >= end)
            continue;
        at++;
        at += strspn(at, " \t");
        while (end > at && isspace((unsigned char)end[-1]))
            end--;
        value = at;
        n = end > at ? (size_t)(end - at) : 0;
    }
    if (value)
        ls_text_add_bytes(out, value, n);
    return value != NULL;
}

/* Does the file name the setting? */
static bool look_into(size_t i, const char *file)
{
    ls_text text = {0}, value = {0};
    bool named = false;

    if (access(file, R_OK) == 0 && ls_file_read(file, &text) == LS_OK && text.data)
        named = ls_mpi_parameter(text.data, ls_mpi_settings[i].name, &value);
    if (named) {
        found[i].value = value.data ? value.data : ls_strdup("");
        found[i].file = ls_strdup(file);
    }
    ls_text_reset(&text);
    return named;
}

/* Of a list as Open MPI takes them, the first file that names the setting. */
static bool look_through(size_t i, const char *files)
{
    char file[4096];

    for (size_t n; *files; files += n, files += *files != '\0') {
        n = strcspn(files, ":,");
        if (n == 0 || n >= sizeof file)
            continue;
        snprintf(file, sizeof file, "%.*s", (int)n, files);
        if (look_into(i, file))
            return true;
    }
    return false;
}

/* Where Open MPI looks when nobody says where. */
static bool look_into_usual(size_t i)
{
    const char *home = getenv("HOME"), *folder = getenv("OPAL_SYSCONFDIR"), *prefix = getenv("OPAL_PREFIX");
    char file[4096];

    if (home && snprintf(file, sizeof file, "%s/.openmpi/mca-params.conf", home) < (int)sizeof file &&
        look_into(i, file))
        return true;
    if (folder)
        snprintf(file, sizeof file, "%.4000s/openmpi-mca-params.conf", folder);
    else if (prefix)
        snprintf(file, sizeof file, "%.4000s/etc/openmpi-mca-params.conf", prefix);
    else
        snprintf(file, sizeof file, "%s/openmpi-mca-params.conf", LS_OPEN_MPI_SYSCONFDIR);
    return look_into(i, file);
}

void ls_mpi_settings_apply(void)
{
    const char *more = getenv(PREFIX "mca_base_param_file_prefix"), *files = getenv(PREFIX "mca_base_param_files");
    char name[MOST_NAME_BYTES];

    for (size_t i = 0; i < LS_MPI_SETTINGS; i++) {
        snprintf(name, sizeof name, PREFIX "%s", ls_mpi_settings[i].name);
        found[i].source = LS_SETTING_OURS;
        if (getenv(name))
            found[i].source = LS_SETTING_ENVIRONMENT;
        else if ((more && look_through(i, more)) || (files ? look_through(i, files) : look_into_usual(i)))
            found[i].source = LS_SETTING_FILE;
        else
            setenv(name, ls_mpi_settings[i].value, 1);
    }
}

ls_setting_source ls_mpi_setting_in_force(size_t i, const char **value, const char **file)
{
    char name[MOST_NAME_BYTES];

    snprintf(name, sizeof name, PREFIX "%s", ls_mpi_settings[i].name);
    *file = found[i].file;
    *value = found[i].source == LS_SETTING_FILE ? found[i].value : getenv(name);
    return found[i].source;
}
