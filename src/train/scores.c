#include "train/scores.h"

#include <math.h>
#include <limits.h>
#include <string.h>

#include "base/memory.h"

typedef struct score_metric {
    const ls_component *metric;
    size_t output, first, width, n; /* n: last axis of the prediction */
    bool weighted;
} score_metric;

struct ls_scores {
    const ls_comm *comm;
    const ls_model *model;
    const ls_output_spec *outputs;
    const ls_objective *objective;
    size_t values;  /* doubles of a contribution */
    size_t counted; /* where in it the numbers of positions that count are, one per output; `values`: no mask */
    double *contribution;
    ls_wide *sums; /* [values] the batch in hand */
    double *batch; /* [values] its totals */
    /*
     * The epoch: [0] sum of loss x batch size, [1] samples, [2 ...) per output the same of its own loss, then the
     * totals of the metrics.
     */
    double *state;
    size_t states;
    score_metric *metric;
    size_t metrics;
    ls_log *log;
    size_t logs;
    char **name; /* owned, [logs] */
};

void ls_scores_free(ls_scores *s)
{
    if (!s)
        return;
    for (size_t i = 0; s->name && i < s->logs; i++)
        ls_free(s->name[i]);
    ls_free(s->name);
    ls_free(s->log);
    ls_free(s->metric);
    ls_free(s->contribution);
    ls_free(s->sums);
    ls_free(s->batch);
    ls_free(s->state);
    ls_free(s);
}

static bool name_taken(const ls_scores *s, const char *name)
{
    for (size_t i = 0; i < s->logs; i++)
        if (strcmp(s->name[i], name) == 0)
            return true;
    return false;
}

/* Keras's names: "<output>_" before it if there are several outputs; a second one of the same name gets _1, _2, … */
static ls_status add_name(ls_scores *s, const char *output, const char *name, bool weighted)
{
    const char *prefix = s->model->outputs > 1 && output ? output : "", *bar = prefix[0] ? "_" : "";
    ls_text text = {0};

    ls_text_add(&text, "%s%s%s", prefix, bar, name);
    if (text.status == LS_OK && weighted && name_taken(s, text.data)) {
        text.length = 0;
        ls_text_add(&text, "%s%sweighted_%s", prefix, bar, name);
    }
    for (size_t k = 1; text.status == LS_OK && name_taken(s, text.data); k++) {
        text.length = 0;
        ls_text_add(&text, "%s%s%s_%zu", prefix, bar, name, k);
    }
    if (text.status != LS_OK) {
        ls_text_reset(&text);
        return LS_ERR_MEMORY;
    }
    s->log[s->logs].name = s->name[s->logs] = text.data;
    s->logs++;
    return LS_OK;
}

static size_t losses_of(const ls_scores *s)
{
    size_t n = 0;

    for (size_t k = 0; k < s->model->outputs; k++)
        n += s->outputs[k].loss.ops != NULL;
    return n;
}

static ls_status plan_metrics(ls_scores *s)
{
    size_t next = s->model->outputs + 1;

    for (size_t k = 0; k < s->model->outputs; k++) {
        const ls_node *node = &s->model->node[s->model->output[k]];
        const size_t n = node->shape.axes ? node->shape.dim[node->shape.axes - 1] : 1;

        if (s->outputs[k].metrics && !s->objective[k].target_size)
            return ls_fail(LS_ERR_CONFIG, "no targets are given for the output '%s', but it has metrics", node->name);
        for (size_t i = 0; i < s->outputs[k].metrics; i++) {
            const ls_component *metric = &s->outputs[k].metric[i];
            const ls_metric_ops *ops = (const ls_metric_ops *)metric->ops;

            s->metric[s->metrics] = (score_metric){.metric = metric,
                                                   .output = k,
                                                   .first = next,
                                                   .width = ops->width(metric->config, n),
                                                   .n = n,
                                                   .weighted = i >= s->outputs[k].unweighted};
            next += s->metric[s->metrics++].width;
            LS_TRY(add_name(s, node->name, s->outputs[k].metric_name[i], i >= s->outputs[k].unweighted));
        }
    }
    s->values = next;
    return LS_OK;
}

static bool has_masks(const ls_model *model)
{
    for (size_t k = 0; k < model->outputs; k++)
        if (model->node[model->output[k]].masked_at_run)
            return true;
    return false;
}

bool ls_scores_by_batch(const ls_scores *s)
{
    return s->values > s->counted;
}

ls_status ls_scores_create(const ls_comm *comm, const ls_model *model, const ls_output_spec *outputs,
                           const ls_objective *objective, ls_scores **out)
{
    ls_scores *s = ls_calloc(1, sizeof *s, "the metrics");
    size_t metrics = 0, logs;
    ls_status st = LS_OK;

    *out = NULL;
    if (!s)
        return LS_ERR_MEMORY;
    s->comm = comm;
    s->model = model;
    s->outputs = outputs;
    s->objective = objective;
    for (size_t k = 0; k < model->outputs; k++)
        metrics += outputs[k].metrics;
    logs = 1 + model->outputs + metrics;
    s->metric = ls_calloc(metrics, sizeof *s->metric, "the metrics");
    s->log = ls_calloc(logs, sizeof *s->log, "the metrics");
    s->name = ls_calloc(logs, sizeof *s->name, "the metrics");
    if (!s->metric || !s->log || !s->name) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    LS_TRY_CLEANUP(add_name(s, NULL, "loss", false));
    for (size_t k = 0; k < model->outputs && losses_of(s) > 1; k++)
        if (outputs[k].loss.ops)
            LS_TRY_CLEANUP(add_name(s, model->node[model->output[k]].name, "loss", false));
    LS_TRY_CLEANUP(plan_metrics(s));
    if (s->values > INT_MAX / LS_WIDE_WORDS) {
        st = ls_fail(LS_ERR_CONFIG, "the metrics keep %zu numbers, more than can be summed at once", s->values);
        goto cleanup;
    }
    s->counted = s->values;
    s->values += has_masks(model) ? model->outputs : 0;
    s->states = 1 + s->counted; /* loss, samples, output losses; the activity's place is taken by `samples` */
    s->contribution = ls_calloc(s->values, sizeof *s->contribution, "the metrics");
    s->sums = ls_calloc(s->values, sizeof *s->sums, "the metrics");
    s->batch = ls_calloc(s->values, sizeof *s->batch, "the metrics");
    s->state = ls_calloc(s->states, sizeof *s->state, "the metrics");
    if (!s->contribution || !s->sums || !s->batch || !s->state) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    *out = s;
    s = NULL;
cleanup:
    ls_scores_free(s);
    return st;
}

void ls_scores_begin_epoch(ls_scores *s)
{
    memset(s->state, 0, s->states * sizeof *s->state);
}

void ls_scores_begin_batch(ls_scores *s)
{
    ls_wide_clear(s->sums, s->values);
}

/* The output has a mask, and losses or metrics that it matters to. */
static bool is_counted(const ls_scores *s, size_t k)
{
    return s->model->node[s->model->output[k]].masked_at_run && s->objective[k].target_size > 0;
}

void ls_scores_add(ls_scores *s, ls_engine *engine, const ls_slice *slice, size_t m, const double *loss_sums,
                   double activity, const bool *binary_labels)
{
    const size_t row = ls_microbatch_row(slice, m), rows = ls_microbatch_rows(slice, m);

    /* The mean over batches weighs each by its samples: a loss that is a sum has to carry their number itself. */
    for (size_t k = 0; k < s->model->outputs; k++)
        s->contribution[k] = loss_sums[k] * (s->objective[k].sums ? (double)slice->batch_rows : 1.0);
    s->contribution[s->model->outputs] = activity;
    for (size_t i = 0; i < s->metrics; i++) {
        const score_metric *metric = &s->metric[i];
        const ls_metric_ops *ops = (const ls_metric_ops *)metric->metric->ops;
        const ls_objective *objective = &s->objective[metric->output];
        const float *weight = ls_engine_score_weights(engine, metric->output, metric->weighted);
        const size_t size = objective->positions * metric->n;

        ops->update(metric->metric->config,
                    &(ls_metric_call){
                        .positions = rows * objective->positions,
                        .n = metric->n,
                        .target = ls_engine_target(engine, metric->output) + row * objective->target_size,
                        .pred = ls_engine_output(engine, metric->output) + row * size,
                        .weight = weight ? weight + row * objective->positions : NULL,
                        .binary_labels = binary_labels && binary_labels[metric->output],
                        .sums = s->contribution + metric->first,
                    });
    }
    for (size_t k = 0; k < s->values - s->counted; k++)
        s->contribution[s->counted + k] = is_counted(s, k) ? ls_engine_counted(engine, slice, k, m) : 0.0;
    for (size_t i = 0; i < s->values; i++)
        ls_wide_add(&s->sums[i], s->contribution[i]);
}

size_t ls_scores_sums(const ls_scores *s, const ls_wide **sums)
{
    *sums = s->sums;
    return s->values;
}

void ls_scores_take(ls_scores *s, const ls_wide *totals)
{
    for (size_t i = 0; i < s->values; i++)
        s->batch[i] = ls_wide_value(&totals[i]);
}

ls_status ls_scores_reduce(ls_scores *s)
{
    if (s->comm->size > 1)
        LS_TRY(ls_mpi_check(
            MPI_Allreduce(MPI_IN_PLACE, s->sums, (int)(s->values * LS_WIDE_WORDS), MPI_INT64_T, MPI_SUM, s->comm->mpi),
            "adding up loss and metrics"));
    ls_scores_take(s, s->sums);
    return LS_OK;
}

static double output_loss(const ls_scores *s, size_t k, uint64_t batch_size)
{
    const double n = s->objective[k].sums ? (double)batch_size
                     : is_counted(s, k)   ? s->batch[s->counted + k]
                                          : (double)batch_size * (double)s->objective[k].positions;

    return n > 0 ? s->batch[k] / n : 0.0;
}

double ls_scores_batch_loss(const ls_scores *s, uint64_t batch_size, double penalty)
{
    double loss = penalty + s->batch[s->model->outputs] / (double)batch_size;

    for (size_t k = 0; k < s->model->outputs; k++)
        if (s->outputs[k].loss.ops)
            loss += s->objective[k].loss_weight * output_loss(s, k, batch_size);
    return loss;
}

double ls_scores_commit(ls_scores *s, uint64_t batch_size, double penalty)
{
    const double loss = ls_scores_batch_loss(s, batch_size, penalty), n = (double)batch_size;
    const size_t outputs = s->model->outputs;

    s->state[0] += loss * n;
    s->state[1] += n;
    for (size_t k = 0; k < outputs; k++)
        if (s->outputs[k].loss.ops)
            s->state[2 + k] += output_loss(s, k, batch_size) * n;
    for (size_t i = outputs + 1; i < s->counted; i++)
        s->state[1 + i] += s->batch[i];
    return loss;
}

void ls_scores_spoil(ls_scores *s, double loss)
{
    s->state[0] += isinf(loss) ? loss : (double)NAN;
    if (s->state[1] == 0) /* else there would be no loss yet */
        s->state[1] = 1;
}

size_t ls_scores_logs(ls_scores *s, const ls_log **logs)
{
    const double n = s->state[1];
    size_t i = 0;

    s->log[i++].value = n > 0 ? s->state[0] / n : 0;
    for (size_t k = 0; k < s->model->outputs && losses_of(s) > 1; k++)
        if (s->outputs[k].loss.ops)
            s->log[i++].value = n > 0 ? s->state[2 + k] / n : 0;
    for (size_t m = 0; m < s->metrics; m++) {
        const score_metric *metric = &s->metric[m];
        const ls_metric_ops *ops = (const ls_metric_ops *)metric->metric->ops;

        s->log[i++].value = ops->result(metric->metric->config, s->state + 1 + metric->first, metric->n);
    }
    for (size_t l = 0; l < s->logs; l++)
        s->log[l].value = (double)(float)s->log[l].value;
    *logs = s->log;
    return s->logs;
}

int ls_scores_direction(const ls_scores *s, const char *name)
{
    const size_t first = s->logs - s->metrics;

    for (size_t i = 0; i < first; i++) /* the loss, and those of outputs */
        if (strcmp(s->name[i], name) == 0)
            return LS_METRIC_DOWN;
    for (size_t m = 0; m < s->metrics; m++)
        if (strcmp(s->name[first + m], name) == 0)
            return (int)((const ls_metric_ops *)s->metric[m].metric->ops)->direction;
    return LS_METRIC_UNKNOWN;
}

size_t ls_scores_state_size(const ls_scores *s)
{
    return s->states;
}

double *ls_scores_state(ls_scores *s)
{
    return s->state;
}
