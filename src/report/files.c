#include "report/files.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/locale.h"
#include "base/memory.h"
#include "formats/json.h"

bool ls_report_has(const char *directory, const char *file)
{
    char *path = ls_path_join(directory, file);
    const bool found = path && ls_file_exists(path);

    ls_free(path);
    return found;
}

ls_status ls_report_read(const char *path, ls_text *out)
{
    FILE *f = fopen(path, "rb");
    char part[1 << 14];
    size_t n;
    ls_status st = LS_OK;

    if (!f)
        return ls_fail(LS_ERR_IO, "cannot read '%s': %s", path, strerror(errno));
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        ls_text_add_bytes(out, part, n);
    if (ferror(f))
        st = ls_fail(LS_ERR_IO, "cannot read '%s': %s", path, strerror(errno));
    fclose(f);
    return st == LS_OK ? out->status : st;
}

ls_status ls_report_json(const char *path, ls_config **out)
{
    ls_text text = {0};
    ls_status st = ls_report_read(path, &text);

    *out = NULL;
    if (st == LS_OK)
        st = ls_json_parse(text.data ? text.data : "", text.length, path, out);
    if (st == LS_OK && (*out)->kind != LS_CONFIG_MAP) {
        ls_config_free(*out);
        *out = NULL;
        st = ls_fail(LS_ERR_FORMAT, "'%s' is damaged: it holds no JSON object", path);
    }
    ls_text_reset(&text);
    return st;
}

const char *ls_report_text(const ls_config *map, const char *key)
{
    const ls_config *entry = ls_config_get(map, key);

    return ls_config_is_null(entry) || entry->kind != LS_CONFIG_SCALAR ? "" : entry->text;
}

double ls_report_number(const ls_config *map, const char *key)
{
    const char *text = ls_report_text(map, key);
    char *end;
    const double value = ls_parse_double(text, &end);

    return *text && !*end ? value : NAN;
}
