/* What a model's outputs mean to people: classes by name, or values in the units of the target. */
#ifndef LS_CLI_OUTPUT_MEANING_H
#define LS_CLI_OUTPUT_MEANING_H

#include "cli/data_arguments.h"

/* One output, {0} before. All texts are borrowed from the model and its preparation. */
typedef struct ls_output_meaning {
    const char *name;    /* of the target's column, else of the output */
    const char **value;  /* [width] names of the target's columns, one for each value, owned; NULL: there are no such */
    char *const *class;  /* names; NULL: classes are numbers */
    size_t width;        /* values per sample */
    size_t classes;      /* 0: the values are no classes'. A single value is about the second of 2 */
    bool is_probability; /* the values are, and no logits */
    const double *scale; /* of the target, with period; NULL: none */
    const double *offset;
    size_t period;
} ls_output_meaning;

/* LS_ERR_MEMORY; to be reset in any case. */
ls_status ls_output_meaning_init(ls_output_meaning *m, const ls_data_arguments *a, size_t output);
void ls_output_meaning_reset(ls_output_meaning *m);

/* The class that these values speak for. */
size_t ls_meant_class(const ls_output_meaning *m, const float *value);
/* The name of a class, or its number in `number`. */
const char *ls_class_name(const ls_output_meaning *m, size_t class, char number[24]);
/* Value i in the units of the target. */
double ls_meant_value(const ls_output_meaning *m, size_t i, float value);

/* The table that import csv made an array of a preparation from; NULL: it is not known. */
const ls_prep_array *ls_prepared_table(const ls_preparation *p, const ls_prepared *array);

#endif
