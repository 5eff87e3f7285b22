/* What is wrong with a text that is no YAML, said for people: what, in which line, and how it should read. */
#ifndef LS_FORMATS_YAML_MISTAKES_H
#define LS_FORMATS_YAML_MISTAKES_H

#include <yaml.h>

#include "base/text.h"

/*
 * From where and why libyaml stopped: a sentence into *out, and the place that it is about into *at, which is often not
 * where libyaml noticed. text: all of the file.
 */
void ls_yaml_explain(const yaml_parser_t *parser, const char *text, size_t bytes, yaml_mark_t *at, ls_text *out);

#endif
