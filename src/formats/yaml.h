/*
 * YAML text to a configuration tree with positions (libyaml), and back. Anchors, aliases, tags and several documents
 * are refused.
 */
#ifndef LS_FORMATS_YAML_H
#define LS_FORMATS_YAML_H

#include "base/config.h"

/* Nesting deeper than 64 and files above 16 MiB are refused. A key given twice is an error. */
ls_status ls_yaml_read(const char *path, ls_config **out);
ls_status ls_yaml_parse(const char *text, size_t bytes, const char *name, ls_config **out);

/* Apply "fit.epochs=3" to a tree, from the command line or a program: the value is YAML; missing maps are made;
 * "model.1.dense.units" walks into lists by index. */
ls_status ls_yaml_set(ls_config *root, const char *assignment);
/* ls_yaml_set in at most so many steps, where the last one is a key with dots: in two, "set.fit.epochs=3" sets
 * "fit.epochs". */
ls_status ls_yaml_set_steps(ls_config *root, const char *assignment, size_t steps);
/* ls_yaml_set of a value that is a tree already, which is copied. name: who says so, for messages. */
ls_status ls_yaml_put(ls_config *root, const char *path, const ls_config *value, const char *name);

/* A tree in block style, keys in order, deterministic; null entries are kept. For `experiment.yaml` of a run. */
void ls_yaml_write(const ls_config *root, ls_text *out);
/* A value as one line for people: 32, relu, [1, 2], {adam: {beta_1: 0.8}}. Texts stand as they are, without quotes. */
void ls_yaml_write_line(const ls_config *node, ls_text *out);

#endif
