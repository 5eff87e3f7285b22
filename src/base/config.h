/*
 * A configuration tree: what an experiment file, a command line setting or a Keras JSON says, with positions.
 *
 * The readers (formats/yaml, formats/json) make trees; everything else reads them through the typed getters below,
 * whose errors name file, line, column, the offending value and what is allowed:
 *
 *     experiment.yaml:12:5: unknown key 'epoch' in fit; did you mean 'epochs'?
 */
#ifndef LS_BASE_CONFIG_H
#define LS_BASE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

typedef enum ls_config_kind { LS_CONFIG_NULL, LS_CONFIG_SCALAR, LS_CONFIG_LIST, LS_CONFIG_MAP } ls_config_kind;

typedef struct ls_config ls_config;
struct ls_config {
    ls_config_kind kind;
    char *key;        /* inside a map; NULL elsewhere */
    char *text;       /* scalar text as written; NULL elsewhere */
    bool quoted;      /* the scalar was quoted: always text, never a number, bool or null */
    const char *file; /* for messages; borrowed from the root, which owns it */
    char *owned_file; /* only at a root, and at the top of a subtree that ls_config_put brought from another file */
    int line, column; /* of the value, from 1; 0 unknown */
    int key_line, key_column;
    size_t count; /* children */
    ls_config *first, *last, *next;
};

/* A root owns its name for messages ("experiment.yaml"). NULL: out of memory. */
ls_config *ls_config_create(ls_config_kind kind, const char *file);
/*
 * Append a child of that kind; key for maps, NULL for lists. text is copied (scalars). Borrowed; NULL: out of memory.
 */
ls_config *ls_config_add(ls_config *parent, const char *key, ls_config_kind kind, const char *text);
/* A deep copy of `source` as new last child of parent, or in the place of the entry of the same key in a map. */
ls_status ls_config_put(ls_config *parent, const char *key, const ls_config *source);
/* A deep copy of `source` in the place of `old`, a child of parent, which is freed; the key stays. */
ls_status ls_config_replace(ls_config *parent, ls_config *old, const ls_config *source);
/* Takes a child of parent out and frees it. */
void ls_config_remove(ls_config *parent, ls_config *child);
ls_config *ls_config_copy(const ls_config *source);
void ls_config_free(ls_config *root);

/* LS_ERR_CONFIG with "file:line:column: " before the message. at may be NULL. */
ls_status ls_config_fail(const ls_config *at, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* ls_config_fail, pointing at the key rather than the value. */
ls_status ls_config_fail_key(const ls_config *at, const char *format, ...) __attribute__((format(printf, 2, 3)));
#ifdef __clang_analyzer__ /* base/error.h */
#define ls_config_fail(...) ls_still_fault(LS_ERR_INTERNAL, (ls_config_fail)(__VA_ARGS__))
#define ls_config_fail_key(...) ls_still_fault(LS_ERR_INTERNAL, (ls_config_fail_key)(__VA_ARGS__))
#endif

/* The entry of that key, or NULL (also when map is NULL or no map). */
ls_config *ls_config_get(const ls_config *map, const char *key);
/* ls_config_get, but an entry that is absent or null is an error naming `where`. */
ls_status ls_config_need(const ls_config *map, const char *key, const char *where, ls_config **out);
/* An error unless the node is of this kind; `where` names it in the message ("fit"). */
ls_status ls_config_expect(const ls_config *node, ls_config_kind kind, const char *where);
/* An error at every key that is not in known[], with the nearest known one; also at a key given twice. */
ls_status ls_config_check_keys(const ls_config *map, const char *const *known, size_t n, const char *where);

bool ls_config_is_null(const ls_config *node); /* NULL, absent or an unquoted null/~ */

/* Typed values. `where` is "fit.epochs" or the like. Bounds are inclusive. Numbers must be finite. */
ls_status ls_config_int(const ls_config *node, const char *where, int64_t min, int64_t max, int64_t *out);
ls_status ls_config_float(const ls_config *node, const char *where, double min, double max, double *out);
/* ls_config_float; an open bound is not allowed itself. An infinite bound is none. */
ls_status ls_config_float_open(const ls_config *node, const char *where, double min, bool open_min, double max,
                               bool open_max, double *out);
ls_status ls_config_bool(const ls_config *node, const char *where, bool *out);
ls_status ls_config_text(const ls_config *node, const char *where, const char **out); /* lent, lives with the tree */
/* A copy of it (ls_free); absent or null: *out stays. */
ls_status ls_config_copy_text(const ls_config *node, const char *where, char **out);

#endif
