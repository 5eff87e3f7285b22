#include "cli/output_meaning.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "nn/activations/activations.h"
#include "nn/losses/losses.h"

const ls_prep_array *ls_prepared_table(const ls_preparation *p, const ls_prepared *array)
{
    for (size_t i = 0; p->of_table && array && array->array && i < p->preprocessing.arrays; i++)
        if (strcmp(p->preprocessing.array[i].name, array->array) == 0)
            return &p->preprocessing.array[i];
    return NULL;
}

static bool is_loss(const ls_component *loss, const char *name)
{
    return loss->ops && strcmp(loss->ops->name, name) == 0;
}

/* known: names of classes; outputs with positions are not about classes of samples. */
static void set_classes(const ls_data_arguments *a, size_t k, size_t known, ls_output_meaning *m)
{
    const ls_node *const node = &a->task->model->node[a->task->model->output[k]];
    const char *const activation = node->layer->activation.ops ? node->layer->activation.ops->name : "linear";
    const ls_component *const loss = &a->task->outputs[k].loss;
    const bool is_sigmoid = strcmp(activation, "sigmoid") == 0, is_softmax = strcmp(activation, "softmax") == 0;

    if (node->shape.axes > 1)
        return;
    if (m->width == 1 && (is_loss(loss, "binary_crossentropy") || (known == 2 && is_sigmoid)))
        m->classes = 2;
    else if (m->width > 1 && (known == m->width || is_softmax || is_loss(loss, "sparse_categorical_crossentropy") ||
                              is_loss(loss, "categorical_crossentropy")))
        m->classes = m->width;
    m->is_probability = m->classes && (is_sigmoid || is_softmax);
}

/* Where every value has a column of its own. */
static ls_status name_values(const ls_preprocessing *p, const ls_prep_array *table, ls_output_meaning *m)
{
    for (size_t i = 0; table && i < table->columns; i++)
        if (p->column[table->column[i]].width != 1)
            return LS_OK;
    if (!table || m->classes || table->columns != m->width || m->width == 1)
        return LS_OK;
    if (!(m->value = ls_calloc(m->width, sizeof *m->value, "the names of values")))
        return LS_ERR_MEMORY;
    for (size_t i = 0; i < m->width; i++)
        m->value[i] = p->column[table->column[i]].name;
    return LS_OK;
}

void ls_output_meaning_reset(ls_output_meaning *m)
{
    ls_free(m->value);
    *m = (ls_output_meaning){0};
}

ls_status ls_output_meaning_init(ls_output_meaning *m, const ls_data_arguments *a, size_t k)
{
    const ls_preparation *const p = &a->preparation;
    const ls_node *const node = &a->task->model->node[a->task->model->output[k]];
    const ls_prepared *const target = ls_preparation_output(p, node->name);
    const ls_prep_array *const table = ls_prepared_table(p, target);
    const ls_prep_column *const column =
        table && table->columns == 1 ? &p->preprocessing.column[table->column[0]] : NULL;
    size_t known = target ? target->classes : 0;

    *m = (ls_output_meaning){.name = column ? column->name : node->name, .width = ls_shape_size(&node->shape)};
    if (target)
        m->class = target->class_name;
    if (column && column->encoding == LS_ENCODING_ONE_HOT) {
        m->class = column->category;
        known = column->categories;
    }
    set_classes(a, k, known, m);
    if (known != m->classes)
        m->class = NULL;
    if (target && target->scale && !m->classes) {
        m->scale = target->scale;
        m->offset = target->offset;
        m->period = target->period;
    }
    return name_values(&p->preprocessing, table, m);
}

/* A sigmoid's middle is 1/2, that of a logit 0. The first of equals. */
size_t ls_meant_class(const ls_output_meaning *m, const float *value)
{
    size_t best = 0;

    if (m->width == 1)
        return value[0] > (m->is_probability ? 0.5f : 0.0f);
    for (size_t i = 1; i < m->width; i++)
        if (value[i] > value[best])
            best = i;
    return best;
}

const char *ls_class_name(const ls_output_meaning *m, size_t class, char number[24])
{
    if (m->class && class < m->classes)
        return m->class[class];
    snprintf(number, 24, "%zu", class);
    return number;
}

double ls_meant_value(const ls_output_meaning *m, size_t i, float value)
{
    return m->scale ? (double)value / m->scale[i % m->period] + m->offset[i % m->period] : (double)value;
}
