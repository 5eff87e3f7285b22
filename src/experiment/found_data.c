#include "experiment/found_data.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/path.h"
#include "h5/file.h"
#include "h5/tree.h"

#define SHOWN_MAX 8 /* datasets that a message lists */

static const char *const train_names[] = {"train", NULL}, *const test_names[] = {"test", NULL};
static const char *const valid_names[] = {"valid", "validation", NULL};

ls_status ls_found_arrays(hid_t file, const char *split, const char *what, bool *found, char ***names, size_t *n)
{
    ls_text path = {0};
    ls_status st;

    *found = false;
    *names = NULL;
    *n = 0;
    ls_text_add(&path, "/%s/%s", split, what);
    st = path.status;
    if (st == LS_OK && ls_h5_has(file, path.data)) {
        *found = true;
        if (ls_h5_is_group(file, path.data))
            st = ls_h5_get_names(file, path.data, names, n);
    }
    ls_text_reset(&path);
    return st;
}

/* ---- what to write instead ---- */

/* Does `word` stand in the path as a word of its own, as x does in /x_train, but not in /index? */
static bool has_word(const char *path, const char *word)
{
    const size_t n = strlen(word);

    for (const char *at = path; *at; at++)
        if (strncasecmp(at, word, n) == 0 && (at == path || !isalnum((unsigned char)at[-1])) &&
            !isalnum((unsigned char)at[n]))
            return true;
    return false;
}

/* The best dataset for one of these words, of those with or without `split` in the path; NULL: none. */
static const char *guess(const ls_h5_tree *tree, const char *split, const char *const *words)
{
    for (; *words; words++)
        for (size_t i = 0; i < tree->n; i++)
            if (tree->node[i].kind == LS_H5_DATASET && has_word(tree->node[i].path, *words) &&
                (!split || has_word(tree->node[i].path, split)))
                return tree->node[i].path;
    return NULL;
}

static const char *guess_of(const ls_h5_tree *tree, const char *split, const char *what)
{
    static const char *const inputs[] = {"x", "images", "image", "data", "features", "inputs", "input", NULL};
    static const char *const targets[] = {"y", "labels", "label", "targets", "target", NULL};

    return guess(tree, split, strcmp(what, "x") == 0 ? inputs : targets);
}

ls_status ls_guess_array(hid_t file, const char *split, const char *what, char **path)
{
    ls_h5_tree tree = {0};
    const char *found;
    ls_status st = ls_h5_tree_read(file, "/", &tree);

    *path = NULL;
    if (st == LS_OK && (found = guess_of(&tree, split, what)) && !(*path = ls_strdup(found)))
        st = LS_ERR_MEMORY;
    ls_h5_tree_reset(&tree);
    return st;
}

static void add_split(const ls_h5_tree *tree, const char *split, bool must, ls_text *out)
{
    const char *x = guess_of(tree, split, "x"), *y = guess_of(tree, split, "y");

    if (must && !x && !y) {
        x = guess_of(tree, NULL, "x");
        y = guess_of(tree, NULL, "y");
    }
    if (must || x)
        ls_text_add(out, ", %s: {x: %s, y: %s}", split, x ? x : "/PATH/OF/X", y ? y : "/PATH/OF/Y");
}

/* LS_ERR_CONFIG: what is missing, what there is, and the line as it should read. */
static ls_status fail_unfound(hid_t file, const ls_config *node, const char *text)
{
    ls_h5_tree tree = {0};
    ls_text message = {0};
    size_t shown = 0;
    ls_status st;

    LS_TRY(ls_h5_tree_read(file, "/", &tree));
    ls_text_add(&message, "'%s' has no /train/x, so its arrays must be named; it holds ", text);
    for (size_t i = 0; i < tree.n; i++)
        if (tree.node[i].kind == LS_H5_DATASET && shown++ < SHOWN_MAX)
            ls_text_add(&message, "%s%s", shown > 1 ? ", " : "", tree.node[i].path);
    ls_text_add(&message, "%s: write data: {file: %s", shown > SHOWN_MAX ? ", ..." : shown ? "" : "no dataset", text);
    add_split(&tree, "train", true, &message);
    add_split(&tree, "test", false, &message);
    ls_text_add(&message, "}");
    st = message.status == LS_OK ? ls_config_fail(node, "%s", message.data) : message.status;
    ls_text_reset(&message);
    ls_h5_tree_reset(&tree);
    return st;
}

/* ---- the tree ---- */

static ls_status put_path(ls_config *parent, const char *key, const char *split, const char *what, const char *name)
{
    ls_text path = {0};
    ls_status st;

    ls_text_add(&path, "/%s/%s%s%s", split, what, name ? "/" : "", name ? name : "");
    st = path.status;
    if (st == LS_OK && !ls_config_add(parent, key, LS_CONFIG_SCALAR, path.data))
        st = LS_ERR_MEMORY;
    ls_text_reset(&path);
    return st;
}

/* x or y of a split, if the file has it. */
static ls_status put_arrays(hid_t file, ls_config *parent, const char *split, const char *what, bool *found)
{
    char **names;
    size_t n;
    ls_config *map;
    ls_status st;

    LS_TRY(ls_found_arrays(file, split, what, found, &names, &n));
    if (!*found)
        return LS_OK;
    if (!names)
        return put_path(parent, what, split, what, NULL);
    st = (map = ls_config_add(parent, what, LS_CONFIG_MAP, NULL)) ? LS_OK : LS_ERR_MEMORY;
    for (size_t i = 0; i < n && st == LS_OK; i++)
        st = put_path(map, names[i], split, what, names[i]);
    ls_h5_free_texts(names, n);
    return st;
}

/* The first of these splits that has an x; *name NULL: none. */
static ls_status put_split(hid_t file, ls_config *data, const char *const *names, const char **name)
{
    *name = NULL;
    for (; *names && !*name; names++) {
        ls_config *split = ls_config_add(data, *names, LS_CONFIG_MAP, NULL);
        bool has_x = false, has_y;

        if (!split)
            return LS_ERR_MEMORY;
        split->line = data->line;
        split->column = data->column;
        LS_TRY(put_arrays(file, split, *names, "x", &has_x));
        if (!has_x) {
            ls_config_remove(data, split);
            continue;
        }
        LS_TRY(put_arrays(file, split, *names, "y", &has_y));
        *name = *names;
    }
    return LS_OK;
}

static ls_status put_validation(ls_config *root, const char *split)
{
    ls_config *fit = ls_config_get(root, "fit");

    if (ls_config_get(fit, "validation_data") || ls_config_get(fit, "validation_split"))
        return LS_OK;
    if (!fit && !(fit = ls_config_add(root, "fit", LS_CONFIG_MAP, NULL)))
        return LS_ERR_MEMORY;
    if (fit->kind != LS_CONFIG_MAP) /* which others refuse, or which is empty */
        return LS_OK;
    return ls_config_add(fit, "validation_data", LS_CONFIG_SCALAR, split) ? LS_OK : LS_ERR_MEMORY;
}

static ls_status find_splits(hid_t file, ls_config *root, ls_config *data, const ls_config *node)
{
    const char *train, *valid, *test;

    LS_TRY(put_split(file, data, train_names, &train));
    if (!train)
        return fail_unfound(file, node, node->text);
    LS_TRY(put_split(file, data, valid_names, &valid));
    LS_TRY(put_split(file, data, test_names, &test));
    return valid ? put_validation(root, valid) : LS_OK;
}

static bool names_split(const ls_config *data)
{
    static const char *const others[] = {"file", "memory", "links", "unwritten"};

    for (const ls_config *c = data->first; c; c = c->next) {
        bool is_other = false;

        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
            is_other |= strcmp(c->key, others[i]) == 0;
        if (!is_other)
            return true;
    }
    return false;
}

ls_status ls_find_data(ls_config *root, const char *base)
{
    ls_config *data = ls_config_get(root, "data");
    const ls_config *node = ls_config_get(data, "file");
    const char *text;
    char *path;
    bool table;
    hid_t file;
    ls_status st;

    if (ls_config_is_null(node) || names_split(data))
        return LS_OK;
    LS_TRY(ls_config_text(node, "data.file", &text));
    if (!(path = ls_path_beside(base, text)))
        return LS_ERR_MEMORY;
    table = ls_ends_with(text, ".csv") || ls_ends_with(text, ".tsv") || ls_ends_with(text, ".csv.gz");
    st = ls_h5_open_read(path, &file);
    ls_free(path);
    if (st != LS_OK) {
        ls_config_fail(node, "data.file: %s%s%s", ls_error_message(),
                       table ? ": a table is made ready by lockstep new " : "", table ? text : "");
        return st;
    }
    st = find_splits(file, root, data, node);
    ls_h5_close(file);
    return st;
}
