/*
 * Option tables: one table per kind of layer, loss, optimizer, … gives its arguments, defaults and ranges, and serves
 * the experiment reader, the Keras reader and writer, and the documentation alike. Names and defaults are Keras's.
 *
 * Things that are chosen by name ("relu", {random_normal: {stddev: 0.1}}) begin with an ls_ops header and stand in a
 * registry; a chosen one with its parsed arguments is an ls_component.
 */
#ifndef LS_BASE_OPTIONS_H
#define LS_BASE_OPTIONS_H

#include "base/config.h"

typedef enum ls_option_kind {
    LS_OPTION_INT,       /* int64_t */
    LS_OPTION_FLOAT,     /* double; Keras holds hyper-parameters as doubles too */
    LS_OPTION_BOOL,      /* bool */
    LS_OPTION_CHOICE,    /* int: index into choices */
    LS_OPTION_INTS,      /* ls_ints; a lone integer stands for itself repeated `repeat` times (0: one) */
    LS_OPTION_FLOATS,    /* ls_floats */
    LS_OPTION_TEXT,      /* char[LS_OPTION_TEXT_BYTES] */
    LS_OPTION_COMPONENT, /* ls_component from `registry`; null gives ops NULL */
} ls_option_kind;

#define LS_OPTION_LIST_MAX 64
#define LS_OPTION_TEXT_BYTES 128

typedef struct ls_ints {
    int64_t value[LS_OPTION_LIST_MAX];
    size_t count;
} ls_ints;

typedef struct ls_floats {
    double value[LS_OPTION_LIST_MAX];
    size_t count;
} ls_floats;

typedef struct ls_ops ls_ops;
typedef struct ls_registry ls_registry;

/* Something chosen by name, with its arguments. ops NULL: none chosen. config is owned. */
typedef struct ls_component {
    const ls_ops *ops;
    void *config; /* ops->config_bytes bytes, filled from the option table; NULL if ops takes no options */
} ls_component;

typedef struct ls_option {
    const char *name; /* as in YAML and in Keras's JSON: "learning_rate" */
    ls_option_kind kind;
    size_t offset;       /* of the field in the config struct */
    const char *initial; /* default, as it would be written in YAML; NULL: required; "null": none (see `nullable`) */
    double min, max; /* INT, INTS, FLOAT, FLOATS: inclusive bounds; 0,0 means unbounded; max < min: only min counts */
    bool open_min, open_max; /* the bound itself is not allowed; with 0,0 the open side is a bound: above or below 0 */
    bool nullable;           /* null gives, to FLOAT, NAN; INT, min - 1; INTS, FLOATS, count 0; TEXT, "" */
    size_t repeat;           /* INTS: a lone integer is repeated this often, and a list must have this length; 0: any */
    bool nulls;              /* INTS: null in a list stands for 0 */
    bool pairs;              /* INTS: `repeat` pairs, [[1, 2], [0, 1]]; one number stands for both, or for all */
    const char *const *choices;  /* CHOICE: NULL-terminated */
    const char *advice;          /* CHOICE: what to do instead of a choice that is none; NULL: nothing */
    const ls_registry *registry; /* COMPONENT */
} ls_option;

/* The header of every ops table. */
struct ls_ops {
    const char *name;           /* in experiment files: "dense" */
    const char *keras_name;     /* Keras's class, "Dense"; NULL if Keras has none */
    const char *const *aliases; /* other names, NULL-terminated; NULL: none */
    const ls_option *options;   /* ended by an option with name NULL; NULL: takes none */
    size_t config_bytes;
    /* OPTIONAL. A check over several options, after parsing; fails with ls_config_fail(at, ...). */
    ls_status (*check)(const void *config, const ls_config *at);
};

/* A known name of what is not there, which is no misspelling, and why it is not: "it …". */
typedef struct ls_refusal {
    const char *name;
    const char *why; /* NULL: there is nothing to say */
} ls_refusal;

struct ls_registry {
    const char *what;             /* "layer", for messages */
    const ls_ops *const *entries; /* NULL-terminated */
    const ls_refusal *lacking;    /* OPTIONAL, ended by a name of NULL */
};

/* The entry of that name, alias or Keras class name, or NULL. */
const ls_ops *ls_registry_find(const ls_registry *registry, const char *name);
/* What is known of a name that lockstep lacks, however it is written: conv1d, Conv1D, conv_1d. NULL: no such name. */
const ls_refusal *ls_registry_refusal(const ls_registry *registry, const char *name);

/* The entry whose name is most like this one, by letters, by its beginning, or by what it is ("hinge_loss"); or NULL.
 */
const char *ls_registry_nearest(const ls_registry *registry, const char *name);
/*
 * Append how Python's Adam(0.001), or names with commas between, are written in YAML. False: the text is neither.
 */
bool ls_registry_rewrite(const ls_registry *registry, const char *text, ls_text *out);

/*
 * Read "name", {name: {args}}, {name: null} or null into *out, or what Keras writes, {class_name: Name, config:
 * {args}}. An unknown name lists the known ones. where: "compile.optimizer", for messages. *out owns nothing after a
 * failure.
 */
ls_status ls_component_parse(const ls_registry *registry, const ls_config *node, const char *where, ls_component *out);
/* The named entry with all its defaults. LS_ERR_ARG if a required option has none. */
ls_status ls_component_default(const ls_registry *registry, const char *name, ls_component *out);
/*
 * Arguments only: `args` is a map or null. All that are wrong are told together. extra: further keys that are allowed
 * and left alone, NULL-terminated; ls_any_key: all are, for another table of the same map tells of those that are not.
 */
ls_status ls_component_parse_args(const ls_ops *ops, const ls_config *args, const char *where, const char *const *extra,
                                  ls_component *out);
extern const char *const ls_any_key[];
/* ls_component_parse_args. at: where the thing is named, for messages about what is not written. */
ls_status ls_component_parse_args_at(const ls_ops *ops, const ls_config *args, const ls_config *at, const char *where,
                                     const char *const *extra, ls_component *out);
ls_status ls_component_copy(const ls_component *source, ls_component *out);
void ls_component_reset(ls_component *component);

#endif
