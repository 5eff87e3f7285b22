#include "train/advice.h"

#include "nn/losses/losses.h"

static const char *const logits_of[] = {
    [LS_LOGITS_NONE] = "values", [LS_LOGITS_SIGMOID] = "sigmoid", [LS_LOGITS_SOFTMAX] = "softmax"};

/* A cross-entropy after sigmoid or softmax, where the two do not go together. */
static void advise_logits(const ls_task *task, size_t k, ls_text *out)
{
    const ls_node *node = &task->model->node[task->model->output[k]];
    const ls_component *loss = &task->outputs[k].loss;
    const ls_loss_ops *ops = (const ls_loss_ops *)loss->ops;
    const ls_activation_ops *last = ls_activation(&node->layer->activation);

    if (!ls_loss_takes_logits(loss, &node->layer->activation))
        return;
    if (ops->from_logits && ops->from_logits(loss->config))
        ls_text_add(out,
                    "%s has from_logits, but the output '%s' ends with %s and gives no logits: the loss is computed on "
                    "what goes into %s, as Keras does; leave out one of the two\n",
                    ops->ops.name, node->name, last->ops.name, last->ops.name);
    if ((int)last->logits != ops->fused_logits)
        ls_text_add(out,
                    "%s goes with %s, but the output '%s' ends with %s: the loss is computed on what goes into it, as "
                    "Keras does on TensorFlow\n",
                    ops->ops.name, logits_of[ops->fused_logits], node->name, last->ops.name);
}

/* A loss that takes logarithms of probabilities, at an output that gives other numbers. */
static void advise_probabilities(const ls_task *task, size_t k, ls_text *out)
{
    const ls_node *node = &task->model->node[task->model->output[k]];
    const ls_component *loss = &task->outputs[k].loss;
    const ls_loss_ops *ops = (const ls_loss_ops *)loss->ops;
    const ls_activation_ops *last = ls_activation(&node->layer->activation);
    const bool logits = ops->fused_logits != LS_LOGITS_NONE;

    if ((!logits && ops != &ls_kl_divergence) || (ops->from_logits && ops->from_logits(loss->config)))
        return;
    if (last ? last->shares : node->layer->params == 0) /* a layer without weights may pass probabilities on */
        return;
    ls_text_add(
        out,
        "%s takes probabilities, but the output '%s' ends with %s, and what lies outside [0, 1] is cut off: end "
        "with %s%s\n",
        ops->ops.name, node->name, last ? last->ops.name : "linear", logits ? logits_of[ops->fused_logits] : "softmax",
        logits ? ", or say from_logits: true" : "");
}

/* A loss about how the numbers of a position relate, where there is one. */
static void advise_single(const ls_task *task, size_t k, ls_text *out)
{
    const ls_node *node = &task->model->node[task->model->output[k]];
    const ls_loss_ops *ops = (const ls_loss_ops *)task->outputs[k].loss.ops;

    if (ops->sums_axis && node->shape.axes > 0 && node->shape.dim[node->shape.axes - 1] == 1)
        ls_text_add(
            out,
            "%s is about the numbers along the last axis of an output, but '%s' has one there, which alone says "
            "little or nothing\n",
            ops->ops.name, node->name);
}

ls_status ls_task_advice(const ls_task *task, ls_text *out)
{
    for (size_t k = 0; k < task->model->outputs; k++) {
        if (task->outputs[k].loss.ops) {
            advise_logits(task, k, out);
            advise_probabilities(task, k, out);
            advise_single(task, k, out);
        }
    }
    return out->status;
}
