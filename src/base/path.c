#include "base/path.h"

#include <string.h>

#include "base/text.h"

char *ls_path_join(const char *directory, const char *name)
{
    ls_text text = {0};

    ls_text_add(&text, "%s/%s", directory, name);
    if (text.status != LS_OK)
        ls_text_reset(&text);
    return text.data;
}

char *ls_path_beside(const char *file, const char *path)
{
    const char *slash = file && path[0] != '/' ? strrchr(file, '/') : NULL;
    ls_text text = {0};

    if (slash)
        ls_text_add(&text, "%.*s/", (int)(slash - file), file);
    ls_text_add(&text, "%s", path);
    if (text.status != LS_OK)
        ls_text_reset(&text);
    return text.data;
}

/* What of `out`, which stands there, the last part is; NULL: none, or it is "..". */
static char *last_part(const ls_text *out)
{
    char *const slash = out->length ? strrchr(out->data, '/') : NULL;
    char *const part = slash ? slash + 1 : out->data;

    return out->length == 0 || !*part || strcmp(part, "..") == 0 ? NULL : part;
}

char *ls_path_plain(const char *path)
{
    ls_text out = {0};

    ls_text_add(&out, "%s", path[0] == '/' ? "/" : "");
    for (size_t n; *path; path += n) {
        char *last;

        path += strspn(path, "/");
        n = strcspn(path, "/");
        if (n == 0 || (n == 1 && path[0] == '.'))
            continue;
        if (n == 2 && strncmp(path, "..", 2) == 0 && (last = last_part(&out)) != NULL) {
            out.length = (size_t)(last - out.data);
            out.length -= out.length > 1; /* its slash, unless that is the root */
            out.data[out.length] = '\0';
        } else if (!(n == 2 && strncmp(path, "..", 2) == 0 && out.length && out.data[out.length - 1] == '/')) {
            ls_text_add(&out, "%s%.*s", out.length && out.data[out.length - 1] != '/' ? "/" : "", (int)n, path);
        }
    }
    if (out.length == 0)
        ls_text_add(&out, ".");
    if (out.status != LS_OK)
        ls_text_reset(&out);
    return out.data;
}
