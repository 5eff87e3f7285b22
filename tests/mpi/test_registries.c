/*
 * Everything that can be chosen by name keeps the invariant: the same fingerprint on all ranks together as on one rank,
 * and on every machine the one in tests/golden/fingerprints.txt.
 * The tests walk the registries, so that what is added later is covered without being remembered: an entry without a
 * case, where it needs one, fails.
 */
#include "fingerprints.h"
#include "training.h"

#include "nn/constraint.h"
#include "nn/initializer.h"
#include "nn/regularizer.h"

#define SAMPLES 53 /* batches of 24, 24 and 5; microbatches of 4, the last of 1 */
#define FEATURES 36

static int set_up(void **state)
{
    float x[SAMPLES * FEATURES], tokens[SAMPLES * 5], label[SAMPLES], p[SAMPLES * 4];

    if (training_set_up(state))
        return -1;
    for (size_t i = 0; i < SAMPLES * FEATURES; i++)
        x[i] = (float)((i * 37 + i / 7) % 211) / 105.0f - 1;
    for (size_t i = 0; i < SAMPLES * 5; i++)
        tokens[i] = (float)((i * 13 + i / 3) % 11);
    for (size_t i = 0; i < SAMPLES; i++)
        label[i] = (float)((i * 5 + i / 3) % 4);
    for (size_t i = 0; i < SAMPLES; i++) {
        float sum = 0;

        for (size_t c = 0; c < 4; c++)
            sum += p[4 * i + c] = (float)(1 + (i * 3 + c * c) % 7);
        for (size_t c = 0; c < 4; c++)
            p[4 * i + c] /= sum;
    }
    data_begin();
    data_put("/x", SAMPLES, FEATURES, x);
    data_put("/tokens", SAMPLES, 5, tokens);
    data_put("/label", SAMPLES, 0, label);
    data_put("/p", SAMPLES, 4, p);
    return 0;
}

typedef struct choice {
    const char *x, *y, *model, *compile, *fit;
} choice;

/* Collective. Trains on the world and on each rank alone. kind/name: of the golden fingerprint. */
static bool is_invariant(const char *kind, const char *name, choice c)
{
    char text[4096], what[128];
    ls_fit_result together = {0}, alone = {0};
    bool good;

    snprintf(what, sizeof what, "%s/%s", kind, name);
    snprintf(text, sizeof text,
             "seed: 11\n"
             "data: {file: data.h5, train: {x: %s, y: %s}}\n"
             "model: %s\n"
             "compile: {%s}\n"
             "fit: {epochs: 2, batch_size: 24, microbatch: 4, validation_split: 0.2%s%s}\n",
             c.x ? c.x : "/x", c.y ? c.y : "/label", c.model, c.compile, c.fit ? ", " : "", c.fit ? c.fit : "");
    good = ok(training_fit(MPI_COMM_WORLD, text, &together, NULL)) &&
           ok(training_fit(MPI_COMM_SELF, text, &alone, NULL)) && together.updates == 4 &&
           strcmp(together.fingerprint, alone.fingerprint) == 0;
    if (!good)
        print_error("%s: %s on all ranks, %s on one\n%s", what, together.fingerprint, alone.fingerprint, text);
    return all_ranks(good && fingerprint_is_golden(what, together.fingerprint));
}

#define SEQUENTIAL(layers) "[input: {shape: [36]}, " layers ", flatten: {}, dense: {units: 4, activation: softmax}]"
#define STEPS "reshape: {target_shape: [9, 4]}, "
#define IMAGE(layers) SEQUENTIAL("reshape: {target_shape: [6, 6, 1]}, " layers)
#define LINE(layers) SEQUENTIAL("reshape: {target_shape: [12, 3]}, " layers)
#define VOLUME(layers) SEQUENTIAL("reshape: {target_shape: [3, 3, 4, 1]}, " layers)
#define GRAPH(layer)                                                                                      \
    "{inputs: {i: {shape: [36]}}, layers: [{name: a, dense: {units: 6, activation: tanh}, inputs: [i]}, " \
    "{name: b, dense: {units: 6}, inputs: [i]}, {name: m, " layer ", inputs: [a, b]}, "                   \
    "{name: o, dense: {units: 4, activation: softmax}, inputs: [m]}], outputs: [o]}"
#define ATTEND(layer, from)                                                                                \
    "{inputs: {i: {shape: [36]}}, layers: [{name: s, reshape: {target_shape: [9, 4]}, inputs: i}, "        \
    "{name: m, masking: {}, inputs: s}, {name: a, dense: {units: 4, activation: tanh}, inputs: m}, "       \
    "{name: p, sine_position_encoding: {}, inputs: s}, {name: q, add: {}, inputs: [p, m]}, "               \
    "{name: b, dense: {units: 4}, inputs: q}, {name: c, dense: {units: 4}, inputs: [a]}, {name: t, " layer \
    ", inputs: " from "}, {name: u, add: {}, inputs: [t, c]}, {name: f, flatten: {}, inputs: u}, "         \
    "{name: o, dense: {units: 4, activation: softmax}, inputs: f}], outputs: o}"
#define CLASSIFY "optimizer: adam, loss: sparse_categorical_crossentropy, metrics: [accuracy]"

/* With everything that is random or summed over the batch. */
#define EVENTFUL                                                                                       \
    SEQUENTIAL("dense: {units: 20, activation: relu}, batch_normalization: {}, dropout: {rate: 0.3}, " \
               "gaussian_noise: {stddev: 0.1}")

typedef struct named_text {
    const char *name, *text;
} named_text;

static const char *text_of(const named_text *list, const char *name)
{
    for (; list->name; list++)
        if (strcmp(list->name, name) == 0)
            return list->text;
    return NULL;
}

static void every_layer_trains_alike_on_all_ranks(void **unused)
{
    static const named_text models[] = {
        {"dense", SEQUENTIAL("dense: {units: 7, activation: gelu}")},
        {"activation", SEQUENTIAL("dense: {units: 6}, activation: {activation: elu}")},
        {"relu", SEQUENTIAL("dense: {units: 6}, relu: {max_value: 0.5, negative_slope: 0.1}")},
        {"leaky_relu", SEQUENTIAL("dense: {units: 6}, leaky_relu: {}")},
        {"prelu", SEQUENTIAL("reshape: {target_shape: [9, 4]}, prelu: {shared_axes: 1}")},
        {"elu", SEQUENTIAL("dense: {units: 6}, elu: {}")},
        {"softmax", SEQUENTIAL("reshape: {target_shape: [9, 4]}, softmax: {axis: 1}")},
        {"identity", SEQUENTIAL("dense: {units: 6}, identity: {}")},
        {"activity_regularization", SEQUENTIAL("dense: {units: 6}, activity_regularization: {l1: 0.1, l2: 0.2}")},
        {"einsum_dense", SEQUENTIAL("reshape: {target_shape: [9, 4]}, einsum_dense: {equation: \"abc,cde->abde\", "
                                    "output_shape: [9, 2, 3], bias_axes: de}")},
        {"flatten", SEQUENTIAL("dense: {units: 6}, flatten: {}")},
        {"reshape", SEQUENTIAL("dense: {units: 6}, reshape: {target_shape: [3, 2]}, dense: {units: 3}")},
        {"permute", SEQUENTIAL("reshape: {target_shape: [9, 4]}, permute: {dims: [2, 1]}, dense: {units: 3}")},
        {"dropout", SEQUENTIAL("dense: {units: 9}, dropout: {rate: 0.4}, dense: {units: 5}")},
        {"spatial_dropout1d", SEQUENTIAL("reshape: {target_shape: [9, 4]}, spatial_dropout1d: {rate: 0.4}")},
        {"spatial_dropout2d", SEQUENTIAL("reshape: {target_shape: [3, 3, 4]}, spatial_dropout2d: {rate: 0.4}")},
        {"spatial_dropout3d", SEQUENTIAL("reshape: {target_shape: [3, 3, 2, 2]}, spatial_dropout3d: {rate: 0.4}")},
        {"alpha_dropout", SEQUENTIAL("dense: {units: 9, activation: selu}, alpha_dropout: {rate: 0.4}")},
        {"gaussian_dropout", SEQUENTIAL("gaussian_dropout: {rate: 0.4}, dense: {units: 5}")},
        {"random_flip", SEQUENTIAL("reshape: {target_shape: [3, 4, 3]}, random_flip: {}")},
        {"random_crop", SEQUENTIAL("reshape: {target_shape: [3, 4, 3]}, random_crop: {height: 2, width: 3}")},
        {"random_translation",
         SEQUENTIAL("reshape: {target_shape: [3, 4, 3]}, random_translation: {height_factor: 0.3, "
                    "width_factor: 0.2}")},
        {"random_rotation", SEQUENTIAL("reshape: {target_shape: [3, 4, 3]}, random_rotation: {factor: 0.2}")},
        {"random_zoom", SEQUENTIAL("reshape: {target_shape: [3, 4, 3]}, random_zoom: {height_factor: 0.3}")},
        {"random_brightness", SEQUENTIAL("reshape: {target_shape: [3, 4, 3]}, random_brightness: {factor: 0.2, "
                                         "value_range: [0, 1]}")},
        {"random_contrast",
         SEQUENTIAL("reshape: {target_shape: [3, 4, 3]}, random_contrast: {factor: 0.4, value_range: "
                    "[0, 1]}")},
        {"random_erasing", SEQUENTIAL("reshape: {target_shape: [3, 4, 3]}, random_erasing: {value_range: [0, 1]}")},
        {"gaussian_noise", SEQUENTIAL("gaussian_noise: {stddev: 0.3}, dense: {units: 5}")},
        {"batch_normalization",
         SEQUENTIAL("dense: {units: 9}, batch_normalization: {momentum: 0.8}, dense: {units: 5}")},
        {"layer_normalization", SEQUENTIAL("dense: {units: 9}, layer_normalization: {}, dense: {units: 5}")},
        {"rescaling", SEQUENTIAL("rescaling: {scale: 0.3, offset: -0.1}, dense: {units: 5}")},
        {"rms_normalization", SEQUENTIAL("dense: {units: 9}, rms_normalization: {}, dense: {units: 5}")},
        {"unit_normalization", SEQUENTIAL("reshape: {target_shape: [9, 4]}, unit_normalization: {axis: 1}")},
        {"group_normalization", IMAGE("conv2d: {filters: 4, kernel_size: 2}, group_normalization: {groups: 2}")},
        {"embedding", "[input: {shape: [5]}, embedding: {input_dim: 11, output_dim: 3}, flatten: {}, dense: {units: 4, "
                      "activation: softmax}]"},
        {"masking", SEQUENTIAL(STEPS "activation: {activation: {relu: {threshold: 0.9}}}, masking: {}, "
                                     "lstm: {units: 5, return_sequences: true}, dense: {units: 3}")},
        {"simple_rnn", SEQUENTIAL(STEPS "simple_rnn: {units: 5, return_sequences: true, dropout: 0.2}")},
        {"gru", SEQUENTIAL(STEPS "gru: {units: 5, return_sequences: true, dropout: 0.2, recurrent_dropout: 0.3}, "
                                 "gru: {units: 4, reset_after: false, recurrent_dropout: 0.3, go_backwards: true}")},
        {"lstm", SEQUENTIAL(STEPS "lstm: {units: 5, return_sequences: true, dropout: 0.2, recurrent_dropout: 0.3}, "
                                  "lstm: {units: 4, go_backwards: true}")},
        {"bidirectional", SEQUENTIAL(STEPS "bidirectional: {layer: {lstm: {units: 5, dropout: 0.2, recurrent_dropout: "
                                           "0.3, return_sequences: true}}}, "
                                           "bidirectional: {layer: {gru: {units: 4}}, merge_mode: mul}")},
        {"time_distributed", SEQUENTIAL(STEPS "time_distributed: {layer: {dense: {units: 5, activation: tanh}}}, "
                                              "time_distributed: {layer: {dropout: {rate: 0.2}}}")},
        {"repeat_vector", SEQUENTIAL("dense: {units: 6}, repeat_vector: {n: 3}, lstm: {units: 4}")},
        {"multi_head_attention", ATTEND("multi_head_attention: {num_heads: 2, key_dim: 3, dropout: 0.2, "
                                        "use_causal_mask: true}",
                                        "[a, b]")},
        {"group_query_attention", ATTEND("group_query_attention: {num_query_heads: 4, num_key_value_heads: 2, "
                                         "head_dim: 2, dropout: 0.2}",
                                         "[a, b, c]")},
        {"attention", ATTEND("attention: {use_scale: true, score_mode: concat, dropout: 0.2}", "[a, b, c]")},
        {"additive_attention", ATTEND("additive_attention: {dropout: 0.2}", "[a, b]")},
        {"position_embedding", SEQUENTIAL(STEPS "position_embedding: {sequence_length: 11}")},
        {"sine_position_encoding", ATTEND("multiply: {}", "[p, b]")},
        {"concatenate", GRAPH("concatenate: {}")},
        {"add", GRAPH("add: {}")},
        {"subtract", GRAPH("subtract: {}")},
        {"multiply", GRAPH("multiply: {}")},
        {"average", GRAPH("average: {}")},
        {"maximum", GRAPH("maximum: {}")},
        {"minimum", GRAPH("minimum: {}")},
        {"dot", GRAPH("dot: {axes: 1, normalize: true}")},
        {"conv2d", IMAGE("conv2d: {filters: 3, kernel_size: 3, padding: same, activation: relu}")},
        {"conv1d", LINE("conv1d: {filters: 3, kernel_size: 3, padding: causal, activation: relu}")},
        {"conv3d", VOLUME("conv3d: {filters: 3, kernel_size: 2, padding: same, activation: relu}")},
        {"conv1d_transpose", LINE("conv1d_transpose: {filters: 3, kernel_size: 3, strides: 2}")},
        {"conv2d_transpose", IMAGE("conv2d_transpose: {filters: 3, kernel_size: 3, strides: 2, padding: same}")},
        {"conv3d_transpose", VOLUME("conv3d_transpose: {filters: 2, kernel_size: 2, strides: 2}")},
        {"depthwise_conv1d", LINE("depthwise_conv1d: {kernel_size: 3, depth_multiplier: 2}")},
        {"depthwise_conv2d", IMAGE("conv2d: {filters: 3, kernel_size: 2}, depthwise_conv2d: {kernel_size: 3}")},
        {"separable_conv1d", LINE("separable_conv1d: {filters: 3, kernel_size: 3}")},
        {"separable_conv2d", IMAGE("separable_conv2d: {filters: 3, kernel_size: 3, depth_multiplier: 2}")},
        {"max_pooling1d", LINE("conv1d: {filters: 3, kernel_size: 2}, max_pooling1d: {}")},
        {"max_pooling3d", VOLUME("conv3d: {filters: 3, kernel_size: 2}, max_pooling3d: {}")},
        {"average_pooling1d", LINE("conv1d: {filters: 3, kernel_size: 2}, average_pooling1d: {pool_size: 2}")},
        {"average_pooling3d", VOLUME("conv3d: {filters: 3, kernel_size: 2}, average_pooling3d: {pool_size: 2}")},
        {"global_max_pooling1d", LINE("conv1d: {filters: 5, kernel_size: 2}, global_max_pooling1d: {}")},
        {"global_max_pooling2d", IMAGE("conv2d: {filters: 5, kernel_size: 2}, global_max_pooling2d: {}")},
        {"global_max_pooling3d", VOLUME("conv3d: {filters: 5, kernel_size: 2}, global_max_pooling3d: {}")},
        {"global_average_pooling1d", LINE("conv1d: {filters: 5, kernel_size: 2}, global_average_pooling1d: {}")},
        {"global_average_pooling3d", VOLUME("conv3d: {filters: 5, kernel_size: 2}, global_average_pooling3d: {}")},
        {"adaptive_max_pooling1d", LINE("adaptive_max_pooling1d: {output_size: 5}")},
        {"adaptive_max_pooling2d", IMAGE("adaptive_max_pooling2d: {output_size: 4}")},
        {"adaptive_max_pooling3d", VOLUME("adaptive_max_pooling3d: {output_size: 2}")},
        {"adaptive_average_pooling1d", LINE("adaptive_average_pooling1d: {output_size: 5}")},
        {"adaptive_average_pooling2d", IMAGE("adaptive_average_pooling2d: {output_size: 4}")},
        {"adaptive_average_pooling3d", VOLUME("adaptive_average_pooling3d: {output_size: 2}")},
        {"up_sampling1d", LINE("conv1d: {filters: 3, kernel_size: 2}, up_sampling1d: {}")},
        {"up_sampling2d", IMAGE("conv2d: {filters: 3, kernel_size: 2}, up_sampling2d: {interpolation: bilinear}")},
        {"up_sampling3d", VOLUME("conv3d: {filters: 3, kernel_size: 2}, up_sampling3d: {}")},
        {"zero_padding1d", LINE("zero_padding1d: {padding: [2, 1]}, conv1d: {filters: 3, kernel_size: 3}")},
        {"zero_padding2d", IMAGE("zero_padding2d: {padding: [[1, 0], [2, 1]]}, conv2d: {filters: 3, kernel_size: 3}")},
        {"zero_padding3d", VOLUME("zero_padding3d: {}, conv3d: {filters: 3, kernel_size: 2}")},
        {"cropping1d", LINE("conv1d: {filters: 3, kernel_size: 2}, cropping1d: {cropping: [2, 1]}")},
        {"cropping2d", IMAGE("conv2d: {filters: 3, kernel_size: 2}, cropping2d: {cropping: [[1, 0], [2, 1]]}")},
        {"cropping3d", VOLUME("conv3d: {filters: 3, kernel_size: 1}, cropping3d: {cropping: [0, 1, 1]}")},
        {"max_pooling2d", IMAGE("conv2d: {filters: 3, kernel_size: 2}, max_pooling2d: {}")},
        {"average_pooling2d", IMAGE("conv2d: {filters: 3, kernel_size: 2}, average_pooling2d: {pool_size: 2}")},
        {"global_average_pooling2d", IMAGE("conv2d: {filters: 3, kernel_size: 2}, global_average_pooling2d: {}")},
        {NULL, NULL},
    };

    (void)unused;
    for (const ls_ops *const *ops = ls_layers.entries; *ops; ops++) {
        const char *name = (*ops)->name, *model = text_of(models, name);

        if (!model)
            print_error("the layer '%s' has no case here\n", name);
        assert_non_null(model);
        assert_true(is_invariant(
            "layer", name,
            (choice){.x = strcmp(name, "embedding") == 0 ? "/tokens" : NULL, .model = model, .compile = CLASSIFY}));
    }
    assert_true(is_invariant("layer", "masked_output",
                             (choice){.x = "/tokens",
                                      .y = "/tokens",
                                      .model = "[input: {shape: [5]}, embedding: {input_dim: 11, output_dim: 3, "
                                               "mask_zero: true}, bidirectional: {layer: {gru: {units: 4, "
                                               "return_sequences: true, recurrent_dropout: 0.2}}}, "
                                               "dense: {units: 11, activation: softmax}]",
                                      .compile = CLASSIFY}));
    assert_true(is_invariant("layer", "ghost_normalization",
                             (choice){.model = SEQUENTIAL("dense: {units: 9}, "
                                                          "batch_normalization: {groups: 2}, dense: {units: 5}"),
                                      .compile = CLASSIFY}));
}

static void every_activation_trains_alike_on_all_ranks(void **unused)
{
    (void)unused;
    for (const ls_ops *const *ops = ls_activations.entries; *ops; ops++) {
        const bool bare = strcmp((*ops)->name, "threshold") != 0;
        char model[256];

        snprintf(model, sizeof model, "[dense: {units: 8, activation: %s}, dense: {units: 4, activation: softmax}]",
                 bare ? (*ops)->name : "{threshold: {threshold: 0.1, default_value: -0.2}}");
        assert_true(is_invariant("activation", (*ops)->name, (choice){.model = model, .compile = CLASSIFY}));
    }
}

static void every_loss_trains_alike_on_all_ranks(void **unused)
{
    (void)unused;
    for (const ls_ops *const *ops = ls_losses.entries; *ops; ops++) {
        const ls_loss_ops *loss = (const ls_loss_ops *)*ops;
        const char *last = loss->fused_logits == LS_LOGITS_SIGMOID ? "sigmoid" : "softmax";
        char model[512], compile[256];

        snprintf(model, sizeof model,
                 "[dense: {units: 8, activation: tanh, kernel_regularizer: l2, activity_regularizer: l1}, "
                 "batch_normalization: {}, dense: {units: 4, activation: %s}]",
                 last);
        snprintf(compile, sizeof compile, "optimizer: {sgd: {global_clipnorm: 0.7, momentum: 0.9}}, loss: %s",
                 (*ops)->name);
        assert_true(is_invariant("loss", (*ops)->name,
                                 (choice){.y = loss->sparse_targets ? "/label" : "/p",
                                          .model = model,
                                          .compile = compile,
                                          .fit = "class_weight: {0: 0.5, 2: 3.0}"}));
    }
}

/* A metric by its name or, if that needs arguments, with them. */
static const char *metric_of(const char *name)
{
    static const named_text arguments[] = {
        {"sensitivity_at_specificity", "{sensitivity_at_specificity: {specificity: 0.4}}"},
        {"specificity_at_sensitivity", "{specificity_at_sensitivity: {sensitivity: 0.4}}"},
        {"precision_at_recall", "{precision_at_recall: {recall: 0.4}}"},
        {"recall_at_precision", "{recall_at_precision: {precision: 0.2}}"},
        {"f1_score", "{f1_score: {average: macro}}"},
        {"fbeta_score", "{fbeta_score: {average: weighted, beta: 2.0}}"},
        {"iou", "{iou: {num_classes: 4, target_class_ids: [0, 1]}}"},
        {"mean_iou", "{mean_iou: {num_classes: 4}}"},
        {"one_hot_iou", "{one_hot_iou: {num_classes: 4, target_class_ids: [0, 1]}}"},
        {"one_hot_mean_iou", "{one_hot_mean_iou: {num_classes: 4}}"},
        {NULL, NULL},
    };
    const char *text = text_of(arguments, name);

    return text ? text : name;
}

/* Metrics do not reach the weights; what must agree is the history. */
static void every_metric_counts_alike_on_all_ranks(void **unused)
{
    (void)unused;
    for (const ls_ops *const *ops = ls_metrics.entries; *ops; ops++) {
        const ls_metric_ops *metric = (const ls_metric_ops *)*ops;
        char text[1024], at[64];
        double value[2];

        snprintf(text, sizeof text,
                 "seed: 11\n"
                 "data: {file: data.h5, train: {x: /x, y: %s}}\n"
                 "model: [dense: {units: 4, activation: softmax}]\n"
                 "compile: {optimizer: sgd, loss: %s, metrics: [%s], weighted_metrics: [%s]}\n"
                 "fit: {epochs: 1, batch_size: 24, microbatch: 4, class_weight: {1: 2.5}}\n",
                 metric->sparse_targets ? "/label" : "/p",
                 metric->sparse_targets ? "sparse_categorical_crossentropy" : "mean_squared_error",
                 metric_of((*ops)->name), metric_of((*ops)->name));
        for (int alone = 0; alone < 2; alone++) {
            training t;
            ls_trainer *trainer;
            const ls_trainer_options options = {0};
            const ls_log *logs;
            size_t n;

            assert_true(all_ranks(ok(training_open(alone ? MPI_COMM_SELF : MPI_COMM_WORLD, text, &t))));
            assert_true(all_ranks(ok(ls_trainer_create(t.task, &options, &trainer))));
            ls_trainer_begin_epoch(trainer);
            for (int k = 0; k < 3; k++) {
                bool stop = false;
                double loss;

                assert_true(all_ranks(ok(ls_trainer_update(trainer, &stop, &loss))));
            }
            n = ls_scores_logs(trainer->scores, &logs);
            assert_true(all_ranks(n == 3));
            value[alone] = logs[1].value + 1e3 * logs[2].value;
            snprintf(at, sizeof at, "%s", logs[1].name);
            ls_trainer_free(trainer);
            training_close(&t);
        }
        if (memcmp(&value[0], &value[1], sizeof value[0]) != 0)
            print_error("metric %s: %a on all ranks, %a on one\n", at, value[0], value[1]);
        assert_true(all_ranks(memcmp(&value[0], &value[1], sizeof value[0]) == 0));
    }
}

static void every_optimizer_trains_alike_on_all_ranks(void **unused)
{
    (void)unused;
    for (const ls_ops *const *ops = ls_optimizers.entries; *ops; ops++) {
        char compile[512];

        snprintf(compile, sizeof compile,
                 "optimizer: {%s: {clipnorm: 0.3, weight_decay: 0.01, use_ema: true, ema_momentum: 0.9, "
                 "ema_overwrite_frequency: 3}}, loss: sparse_categorical_crossentropy",
                 (*ops)->name);
        assert_true(is_invariant("optimizer", (*ops)->name, (choice){.model = EVENTFUL, .compile = compile}));
        snprintf(compile, sizeof compile,
                 "optimizer: {%s: {clipvalue: 0.01, gradient_accumulation_steps: 2}}, loss: "
                 "sparse_categorical_crossentropy",
                 (*ops)->name);
        assert_true(is_invariant("accumulating", (*ops)->name, (choice){.model = EVENTFUL, .compile = compile}));
    }
}

static void every_schedule_trains_alike_on_all_ranks(void **unused)
{
    static const named_text arguments[] = {
        {"exponential_decay", "{initial_learning_rate: 0.1, decay_steps: 3, decay_rate: 0.5}"},
        {"piecewise_constant_decay", "{boundaries: [1, 3], values: [0.1, 0.05, 0.01]}"},
        {"polynomial_decay", "{initial_learning_rate: 0.1, decay_steps: 3, power: 0.5}"},
        {"inverse_time_decay", "{initial_learning_rate: 0.1, decay_steps: 3, decay_rate: 0.5}"},
        {"cosine_decay", "{initial_learning_rate: 0.0, decay_steps: 3, warmup_target: 0.1, warmup_steps: 2}"},
        {"cosine_decay_restarts", "{initial_learning_rate: 0.1, first_decay_steps: 2}"},
        {"batch_scaling", "{base_learning_rate: 0.01, base_batch_size: 8, batch_size: 24, rule: linear, "
                          "warmup_steps: 3}"},
        {NULL, NULL},
    };

    (void)unused;
    for (const ls_ops *const *ops = ls_schedules.entries; *ops; ops++) {
        const char *with = text_of(arguments, (*ops)->name);
        char compile[512];

        if (!with)
            print_error("the schedule '%s' has no case here\n", (*ops)->name);
        assert_non_null(with);
        snprintf(compile, sizeof compile,
                 "optimizer: {adam: {learning_rate: {%s: %s}}}, loss: sparse_categorical_crossentropy", (*ops)->name,
                 with);
        assert_true(is_invariant("schedule", (*ops)->name, (choice){.model = EVENTFUL, .compile = compile}));
    }
}

/* One dense layer with `key: NAME` for each entry. */
static void dense_options(const ls_registry *registry, const char *key)
{
    for (const ls_ops *const *ops = registry->entries; *ops; ops++) {
        char model[512];

        snprintf(model, sizeof model,
                 "[dense: {units: 9, activation: tanh, %s: %s}, dense: {units: 4, activation: softmax}]", key,
                 (*ops)->name);
        assert_true(is_invariant(key, (*ops)->name, (choice){.model = model, .compile = CLASSIFY}));
    }
}

static void every_initializer_regularizer_and_constraint_trains_alike_on_all_ranks(void **unused)
{
    (void)unused;
    dense_options(&ls_initializers, "kernel_initializer");
    dense_options(&ls_regularizers, "kernel_regularizer");
    dense_options(&ls_regularizers, "activity_regularizer");
    dense_options(&ls_constraints, "kernel_constraint");
}

static void several_inputs_and_outputs(void **unused)
{
    const choice c = {
        .x = "{i: /x, t: /tokens}",
        .y = "{kind: /label, share: /p}",
        .model =
            "{inputs: {i: {shape: [36]}, t: {shape: [5]}}, layers: ["
            "{name: e, embedding: {input_dim: 11, output_dim: 3}, inputs: [t]}, {name: f, flatten: {}, inputs: [e]}, "
            "{name: h, dense: {units: 15, activation: relu}, inputs: [i]}, "
            "{name: n, batch_normalization: {}, inputs: [h]}, {name: both, concatenate: {}, inputs: [n, f]}, "
            "{name: d, dropout: {rate: 0.2}, inputs: [both]}, "
            "{name: s1, dense: {units: 6, activation: tanh, kernel_constraint: max_norm}, inputs: [d]}, "
            "{name: s0, dense: {units: 30}, inputs: [s1]}, {name: s2, shares: s1, inputs: [s0]}, "
            "{name: sum, add: {}, inputs: [s1, s2]}, "
            "{name: kind, dense: {units: 4, activation: softmax}, inputs: [sum]}, "
            "{name: share, dense: {units: 4, activation: sigmoid}, inputs: [s2]}], outputs: [kind, share]}",
        .compile =
            "optimizer: {adam: {global_clipnorm: 0.5}}, loss: {kind: sparse_categorical_crossentropy, share: mse}, "
            "loss_weights: {kind: 0.7, share: 2.0}, metrics: {kind: [accuracy], share: [mae]}",
    };

    (void)unused;
    assert_true(is_invariant("graph", "several_inputs_and_outputs", c));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_layer_trains_alike_on_all_ranks),
    cmocka_unit_test(every_activation_trains_alike_on_all_ranks),
    cmocka_unit_test(every_loss_trains_alike_on_all_ranks),
    cmocka_unit_test(every_metric_counts_alike_on_all_ranks),
    cmocka_unit_test(every_optimizer_trains_alike_on_all_ranks),
    cmocka_unit_test(every_schedule_trains_alike_on_all_ranks),
    cmocka_unit_test(every_initializer_regularizer_and_constraint_trains_alike_on_all_ranks),
    cmocka_unit_test(several_inputs_and_outputs),
};

LS_MPI_MAIN(tests, set_up, training_tear_down)
