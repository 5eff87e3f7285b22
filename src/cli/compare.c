/* lockstep compare */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#define XXH_STATIC_LINKING_ONLY /* for a hash state on the stack */
#include <xxhash.h>

#include "base/memory.h"
#include "cli/cli.h"
#include "cli/h5_describe.h"
#include "cli/print.h"
#include "cli/weight_list.h"
#include "formats/keras_file.h"
#include "formats/keras_weights.h"
#include "nn/summary.h"
#include "run/run_files.h"

static const char help[] =
    "usage: lockstep compare A.h5|RUN B.h5|RUN\n\n"
    "Compares the weights of two files of lockstep or Keras (.h5, .weights.h5, .keras) or run directories, bit by bit.\n"
    "Weights are paired by their order, as Keras pairs them, whatever their names. For every weight that differs: how\n"
    "many elements, the first of them with both values in hexadecimal and decimal, and the largest distance in ULPs, the number of float32 steps between two values.\n\n"
    "Exit status 0 only if all bits are the same; the last line then ends with the fingerprint, as `train` prints "
    "it.\n";

static const struct option options[] = {{NULL, 0, NULL, 0}};

typedef struct difference {
    size_t elements, first; /* that differ; index of the first */
    size_t not_a_number;    /* of these, pairs with a NaN on either side: no distance */
    uint64_t ulps;          /* the largest distance of the others */
    size_t farthest;        /* where it is */
} difference;

static uint32_t bits_of(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/*
 * float32 as integers in the order of their values: neighbours are 1 apart, and -0 and +0 are both 0, whose bits
 * differ though: that is distance 0 between elements that count as different.
 */
static int64_t ordered(float value)
{
    const uint32_t bits = bits_of(value);

    return bits & 0x80000000u ? -(int64_t)(bits & 0x7fffffffu) : (int64_t)bits;
}

static difference find_difference(const float *a, const float *b, size_t n)
{
    difference d = {0};

    for (size_t i = 0; i < n; i++) {
        uint64_t ulps;

        if (bits_of(a[i]) == bits_of(b[i]))
            continue;
        if (d.elements++ == 0)
            d.first = i;
        if (isnan(a[i]) || isnan(b[i])) {
            d.not_a_number++;
            continue;
        }
        ulps = ordered(a[i]) > ordered(b[i]) ? (uint64_t)(ordered(a[i]) - ordered(b[i]))
                                             : (uint64_t)(ordered(b[i]) - ordered(a[i]));
        if (ulps > d.ulps) {
            d.ulps = ulps;
            d.farthest = i;
        }
    }
    return d;
}

/* "[3, 17]" of the element at a flat index. */
static void add_index(const ls_weight_entry *entry, size_t index, ls_text *out)
{
    size_t at[LS_H5_AXES_MAX];

    for (size_t i = entry->axes; i-- > 0; index /= entry->dim[i])
        at[i] = index % entry->dim[i];
    ls_text_add(out, "[");
    for (size_t i = 0; i < entry->axes; i++)
        ls_text_add(out, "%s%zu", i ? ", " : "", at[i]);
    ls_text_add(out, "]");
}

static void add_value(float value, ls_text *out)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    if (isnan(value))
        ls_text_add(out, "NaN (bits 0x%08x)", (unsigned)bits);
    else
        ls_text_add(out, "%a (%.9g)", (double)value, (double)value);
}

static void add_name(const ls_weight_entry *a, const ls_weight_entry *b, ls_text *out)
{
    ls_text_add(out, "%s", a->name);
    if (strcmp(a->name, b->name) != 0)
        ls_text_add(out, " | %s", b->name);
    ls_text_add(out, " ");
    ls_describe_shape(a->axes, a->dim, out);
}

static void add_difference(const ls_weight_entry *entry, const difference *d, const float *a, const float *b,
                           ls_text *out)
{
    char count[LS_NUMBER_BYTES], of[LS_NUMBER_BYTES];

    if (d->elements == 0) {
        ls_text_add(out, ": identical\n");
        return;
    }
    ls_text_add(out, ": %s of %s elements differ\n    first at ", ls_format_count(d->elements, count),
                ls_format_count(entry->size, of));
    add_index(entry, d->first, out);
    ls_text_add(out, ": ");
    add_value(a[d->first], out);
    ls_text_add(out, " | ");
    add_value(b[d->first], out);
    ls_text_add(out, "\n");
    if (d->ulps > 0) {
        ls_text_add(out, "    largest %s ULP%s at ", ls_format_count(d->ulps, count), d->ulps == 1 ? "" : "s");
        add_index(entry, d->farthest, out);
        ls_text_add(out, ": ");
        add_value(a[d->farthest], out);
        ls_text_add(out, " | ");
        add_value(b[d->farthest], out);
        ls_text_add(out, "\n");
    } else if (d->not_a_number < d->elements) {
        ls_text_add(out, "    largest 0 ULPs: zeros of opposite sign\n");
    }
    if (d->not_a_number > 0)
        ls_text_add(out, "    %s with a NaN on one side or both\n", ls_format_count(d->not_a_number, count));
}

typedef struct side {
    const char *path;
    hid_t file;
    ls_model *model; /* NULL: the file does not say */
    ls_weight_list list;
} side;

static ls_status open_side(side *s)
{
    LS_TRY(ls_keras_open(s->path, &s->file));
    s->model = ls_weight_list_model(s->path);
    return LS_OK;
}

/* A weights file of Keras does not say how its layers follow each other: then the other side does. */
static ls_status list_side(side *s, const side *other)
{
    if (!s->model && !other->model && ls_keras_is_weights_file(s->file) && !ls_keras_is_weights_file(other->file))
        return ls_fail(LS_ERR_MISMATCH,
                       "the order of the layers in '%s' stands nowhere: lockstep can build the model of neither file",
                       s->path);
    return ls_weight_list_read(s->file, s->path, s->model ? s->model : other->model, &s->list);
}

static void close_side(side *s)
{
    ls_model_free(s->model);
    ls_weight_list_reset(&s->list);
    ls_h5_close(s->file);
}

/* Any two files of floating-point datasets can be compared, but not such a one with a model. */
static ls_status check_kinds(const side *a, const side *b)
{
    const bool is_model = ls_weight_list_is_model(a->file);

    if (is_model == ls_weight_list_is_model(b->file))
        return LS_OK;
    return ls_fail(LS_ERR_MISMATCH, "'%s' holds no model, whose weights could be compared with those of '%s'",
                   is_model ? b->path : a->path, is_model ? a->path : b->path);
}

/* LS_ERR_MISMATCH naming the first weight that has no partner of its shape. */
static ls_status check_architecture(const side *a, const side *b)
{
    const size_t n = a->list.n < b->list.n ? a->list.n : b->list.n;
    ls_text message = {0};
    ls_status st = LS_OK;

    for (size_t i = 0; i < n && message.length == 0; i++) {
        const ls_weight_entry *x = &a->list.entry[i], *y = &b->list.entry[i];

        if (x->axes == y->axes && memcmp(x->dim, y->dim, x->axes * sizeof *x->dim) == 0)
            continue;
        ls_text_add(&message, "weight %zu is %s ", i + 1, x->name);
        ls_describe_shape(x->axes, x->dim, &message);
        ls_text_add(&message, " in '%s' and %s ", a->path, y->name);
        ls_describe_shape(y->axes, y->dim, &message);
        ls_text_add(&message, " in '%s'", b->path);
    }
    if (message.length == 0 && a->list.n != b->list.n) {
        const side *longer = a->list.n > b->list.n ? a : b;

        ls_text_add(&message, "'%s' has %zu weights, '%s' has %zu; the first without a partner is %s of '%s'", a->path,
                    a->list.n, b->path, b->list.n, longer->list.entry[n].name, longer->path);
    }
    if (message.status != LS_OK)
        st = message.status;
    else if (message.length > 0)
        st = ls_fail(LS_ERR_MISMATCH, "different architectures: %s", message.data);
    ls_text_reset(&message);
    return st;
}

typedef struct totals {
    size_t weights, elements; /* that differ */
    uint64_t ulps;
    XXH3_state_t hash; /* of the weights of A: as ls_model_fingerprint, which takes them in the same order */
} totals;

static ls_status compare_weight(const side *a, const side *b, size_t i, totals *t, ls_text *out)
{
    const ls_weight_entry *entry = &a->list.entry[i];
    float *x = NULL, *y = NULL;
    difference d;
    ls_status st;

    LS_TRY_CLEANUP(ls_weight_values(a->file, a->path, entry, &x));
    LS_TRY_CLEANUP(ls_weight_values(b->file, b->path, &b->list.entry[i], &y));
    d = find_difference(x, y, entry->size);
    add_name(entry, &b->list.entry[i], out);
    add_difference(entry, &d, x, y, out);
    t->weights += d.elements > 0;
    t->elements += d.elements;
    t->ulps = d.ulps > t->ulps ? d.ulps : t->ulps;
    XXH3_128bits_update(&t->hash, x, entry->size * sizeof *x);
cleanup:
    ls_free(x);
    ls_free(y);
    return st;
}

static ls_status compare(const char *path_a, const char *path_b, ls_text *out)
{
    side a = {.path = path_a, .file = H5I_INVALID_HID}, b = {.path = path_b, .file = H5I_INVALID_HID};
    char elements[LS_NUMBER_BYTES], of[LS_NUMBER_BYTES], ulps[LS_NUMBER_BYTES];
    totals t = {0};
    ls_status st;

    XXH3_128bits_reset(&t.hash);
    LS_TRY_CLEANUP(open_side(&a));
    LS_TRY_CLEANUP(open_side(&b));
    LS_TRY_CLEANUP(list_side(&a, &b));
    LS_TRY_CLEANUP(list_side(&b, &a));
    LS_TRY_CLEANUP(check_kinds(&a, &b));
    LS_TRY_CLEANUP(check_architecture(&a, &b));
    for (size_t i = 0; i < a.list.n; i++)
        LS_TRY_CLEANUP(compare_weight(&a, &b, i, &t, out));
    ls_format_count(a.list.size, of);
    if (t.weights == 0) {
        const XXH128_hash_t hash = XXH3_128bits_digest(&t.hash);

        ls_text_add(out, "identical: %zu weights, %s parameters, fingerprint %016llx%016llx\n", a.list.n, of,
                    (unsigned long long)hash.high64, (unsigned long long)hash.low64);
        goto cleanup;
    }
    ls_text_add(out, "different: %zu of %zu weights, %s of %s parameters, at most %s ULP%s apart\n", t.weights,
                a.list.n, ls_format_count(t.elements, elements), of, ls_format_count(t.ulps, ulps),
                t.ulps == 1 ? "" : "s");
    st = ls_fail(LS_ERR_MISMATCH, "'%s' and '%s' differ in %zu of %zu weights", path_a, path_b, t.weights, a.list.n);
cleanup:
    close_side(&a);
    close_side(&b);
    return st;
}

static ls_status run(const ls_comm *comm, int argc, char **argv)
{
    char *a = NULL, *b = NULL;
    ls_text text = {0};
    ls_status st = LS_OK;

    ls_cli_option(argc, argv, options, &st);
    if (st == LS_OK)
        st = ls_cli_operands(argc, argv, 2, "A.h5 B.h5");
    if (st == LS_OK && comm->rank == 0)
        st = ls_run_model_file(argv[optind], false, &a);
    if (st == LS_OK && comm->rank == 0)
        st = ls_run_model_file(argv[optind + 1], false, &b);
    if (st == LS_OK && comm->rank == 0)
        st = compare(a, b, &text);
    ls_free(a);
    ls_free(b);
    return ls_cli_print(comm, st, &text);
}

const ls_command ls_command_compare = {
    .name = "compare",
    .summary = "are the weights of two files the same bits?",
    .help = help,
    .works_alone = true,
    .run = run,
};
