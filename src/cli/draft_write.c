/* The experiment, with comments: model, loss and fit for what was found. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/draft.h"

/* Of so many samples, the value of the first row that is not too small for them. */
typedef struct by_samples {
    uint64_t below;
    int value;
} by_samples;

static int choose(const by_samples *row, uint64_t samples)
{
    while (row->below && samples >= row->below)
        row++;
    return row->value;
}

static const by_samples units[] = {{1000, 16}, {10000, 32}, {100000, 64}, {0, 128}};
static const by_samples batches[] = {{1000, 16}, {10000, 32}, {100000, 128}, {0, 256}};
static const by_samples epochs[] = {{1000, 100}, {10000, 50}, {100000, 20}, {0, 10}};

static void say(const char *comment, ls_text *out, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A line of the file, and what there is to say of it. */
static void say(const char *comment, ls_text *out, const char *format, ...)
{
    char line[512];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    ls_text_add(out, "%-48s # %s\n", line, comment);
}

/* "BEFORE NAME" as YAML has it whatever is in the name. */
static void add_quoted(const char *before, const char *name, ls_text *out)
{
    ls_text_add(out, "\"%s", before);
    for (; *name; name++)
        ls_text_add(out, *name == '"' || *name == '\\' ? "\\%c" : "%c", *name);
    ls_text_add(out, "\"");
}

/* ---- data ---- */

static void add_array(const char *key, const char *path, double scale, double offset, ls_text *out)
{
    char text[2][32];

    ls_text_add(out, "%s: ", key);
    if (scale == 1) {
        add_quoted("", path, out);
        return;
    }
    ls_format_double(scale, text[0], sizeof text[0]);
    ls_format_double(offset, text[1], sizeof text[1]);
    ls_text_add(out, "{path: ");
    add_quoted("", path, out);
    ls_text_add(out, ", scale: %s", text[0]);
    if (offset != 0)
        ls_text_add(out, ", offset: %s", text[1]);
    ls_text_add(out, "}");
}

static void add_split(const ls_draft_arrays *a, const ls_draft_split *split, ls_text *out)
{
    if (!split->name)
        return;
    ls_text_add(out, "  %s: {", split->name);
    add_array("x", split->x, a->is_bytes ? 1 / 255.0 : 1, 0, out);
    ls_text_add(out, ", ");
    add_array("y", split->y, 1 / a->deviation, a->mean, out);
    ls_text_add(out, "}\n");
}

static void add_data(const ls_draft_arrays *a, const char *data, ls_text *out)
{
    const bool whole = a->found && !a->is_bytes && a->deviation == 1;

    ls_text_add(out, "# Relative to this file%s.\n%s", whole ? "; the splits in it are found" : "",
                whole ? "data: " : "data:\n  file: ");
    add_quoted("", data, out);
    ls_text_add(out, "\n");
    if (whole)
        return;
    add_split(a, &a->train, out);
    add_split(a, &a->validation, out);
    add_split(a, &a->test, out);
}

/* ---- the model ---- */

static void add_dense(int n, ls_text *out)
{
    ls_text_add(out, "  - dense: {units: %d, activation: relu}\n", n);
}

static void add_hidden(const ls_draft_arrays *a, ls_text *out)
{
    const int n = choose(units, a->samples);

    if (a->is_image && a->x.axes == 2)
        ls_text_add(out, "  - reshape: [%zu, %zu, 1]\n", a->x.dim[0], a->x.dim[1]);
    if (a->x.axes == 0)
        ls_text_add(out, "  - flatten\n");
    if (a->is_uneven)
        say("the inputs are not scaled", out, "  - batch_normalization");
    if (a->is_image) {
        ls_text_add(out, "  - conv2d: {filters: 16, kernel_size: 3, activation: relu}\n"
                         "  - max_pooling2d\n"
                         "  - conv2d: {filters: 32, kernel_size: 3, activation: relu}\n"
                         "  - max_pooling2d\n"
                         "  - flatten\n"
                         "  - dropout: 0.25\n");
        add_dense(n < 32 ? 32 : n, out);
    } else if (a->x.axes == 2) {
        say("along the first axis; flatten instead, if that is no time", out, "  - gru: %d", n < 32 ? 32 : n);
    } else {
        if (a->x.axes > 1)
            ls_text_add(out, "  - flatten\n");
        add_dense(n, out);
        add_dense(n, out);
    }
}

static void add_outputs(const ls_draft_arrays *a, ls_text *out)
{
    const size_t n = ls_shape_size(&a->y);

    if (a->task == LS_DRAFT_CLASSES || a->task == LS_DRAFT_ONE_HOT)
        say("a probability for each class", out, "  - dense: {units: %zu, activation: softmax}", a->classes);
    else if (a->task == LS_DRAFT_BINARY)
        say("the probability of 1, or of the second class", out, "  - dense: {units: %zu, activation: sigmoid}", n);
    else
        say("the number itself: no activation", out, "  - dense: %zu", n);
    if (a->y.axes < 2)
        return;
    for (size_t i = 0; i < a->y.axes; i++)
        ls_text_add(out, "%s%zu", i ? ", " : "  - reshape: [", a->y.dim[i]);
    ls_text_add(out, "]\n");
}

/* ---- how it is trained ---- */

static void add_compile(const ls_draft_arrays *a, ls_text *out)
{
    static const char *const losses[] = {[LS_DRAFT_REGRESSION] = "mse",
                                         [LS_DRAFT_BINARY] = "binary_crossentropy",
                                         [LS_DRAFT_CLASSES] = "sparse_categorical_crossentropy",
                                         [LS_DRAFT_ONE_HOT] = "categorical_crossentropy"};

    ls_text_add(out, "compile:\n  optimizer: {adam: {learning_rate: 0.001}}\n  loss: %s\n", losses[a->task]);
    if (a->task != LS_DRAFT_REGRESSION)
        ls_text_add(out, "  metrics: [accuracy]\n");
    else
        say("of the target as it is scaled; evaluate --report has its units", out, "  metrics: [mae]");
}

static void add_fit(const ls_draft_arrays *a, ls_text *out)
{
    const int last = choose(epochs, a->samples), patience = last / 10 < 3 ? 3 : last / 10;

    ls_text_add(out, "fit:\n");
    say("at most: see early_stopping", out, "  epochs: %d", last);
    say("of all ranks together, whatever their number", out, "  batch_size: %d", choose(batches, a->samples));
    if (a->validation.name)
        ls_text_add(out, "  validation_data: %s\n", a->validation.name);
    else
        ls_text_add(out, "  validation_split: 0.2\n");
    ls_text_add(out,
                "callbacks:\n"
                "  # Ends when %d epochs brought nothing better, with the weights of the best one.\n"
                "  - early_stopping: {monitor: val_loss, patience: %d, restore_best_weights: true}\n",
                patience, patience);
}

static void add_comments(const ls_text *notes, ls_text *out)
{
    const char *end;

    for (const char *line = notes->length ? notes->data : ""; *line; line = *end ? end + 1 : end) {
        end = line + strcspn(line, "\n");
        ls_text_add(out, "# %.*s\n", (int)(end - line), line);
    }
}

ls_status ls_draft_write(const ls_draft_arrays *arrays, const char *data, const char *name, const ls_text *notes,
                         ls_text *out)
{
    char *schema;

    LS_TRY(ls_draft_schema(&schema));
    if (schema)
        ls_text_add(out, "# yaml-language-server: $schema=%s\n", schema);
    ls_free(schema);
    add_comments(notes, out);
    ls_text_add(out, "\nname: ");
    add_quoted("", name, out);
    ls_text_add(out, "\n");
    say("another one: other weights at the start, another order", out, "seed: 1");
    add_data(arrays, data, out);
    say("a list: one layer after the other", out, "model:");
    add_hidden(arrays, out);
    add_outputs(arrays, out);
    add_compile(arrays, out);
    add_fit(arrays, out);
    ls_text_add(out, "output: ");
    add_quoted("runs/", name, out);
    ls_text_add(out, "\n");
    return out->status;
}
