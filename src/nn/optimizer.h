/* Optimizers: elementwise updates, so that shards may be cut anywhere. Formulas: src/nn/KERAS.md, section 7. */
#ifndef LS_NN_OPTIMIZER_H
#define LS_NN_OPTIMIZER_H

#include "base/options.h"

#define LS_OPTIMIZER_SLOTS_MAX 4
#define LS_OPTIMIZER_SCALARS_MAX 4
#define LS_OPTIMIZER_TRUST 7

/* What every optimizer takes besides its own options; parsed from the same map. */
typedef struct ls_optimizer_common {
    ls_component learning_rate_schedule;         /* ops NULL: the constant below */
    double learning_rate;                        /* as float32, as Keras keeps it */
    double weight_decay;                         /* NAN: none */
    double clipnorm, clipvalue, global_clipnorm; /* NAN: none; at most one */
    bool use_ema;
    double ema_momentum;
    int64_t ema_overwrite_frequency;     /* 0: never */
    int64_t gradient_accumulation_steps; /* 1: none */
} ls_optimizer_common;

/* The option table of ls_optimizer_common; without learning_rate, which may be a schedule. */
extern const ls_option ls_optimizer_common_options[];

typedef struct ls_optimizer_ops {
    ls_ops ops;           /* options: its own only, not the common ones */
    double learning_rate; /* default */
    double weight_decay;  /* default; NAN: none */
    size_t slots_max;
    const char *slot_names[LS_OPTIMIZER_SLOTS_MAX];
    /* REQUIRED. Slots in use under this configuration, as a mask over slot_names. */
    unsigned (*slots)(const void *config);
    /* OPTIONAL. Initial value of a slot; NULL: 0. */
    float (*slot_initial)(const void *config, size_t slot);
    /*
     * REQUIRED. Once per update, before the shards: fill h[] (up to 8 floats) from t (from 1) and lr; may advance
     * scalars[] (state in the checkpoint; Nadam's u_product). Powers through tensor/math.h, never libm.
     */
    void (*prepare)(const void *config, uint64_t t, float lr, double *scalars, float h[8]);
    double scalars_initial; /* of every scalar */
    size_t scalars;
    const char *scalar_names[LS_OPTIMIZER_SCALARS_MAX];
    bool first_slot_starts_from_weights; /* slot 0 is the weights before the first update */
    /*
     * OPTIONAL, both or none: rules with a factor for each weight (a kernel, a bias). direct, elementwise, makes u (n)
     * from g (n) and may change slots; when all of it is there, trust gives the factor of a weight from the norms of
     * the weight and of its u, which are exact. update then gets u for g, and the factor in h[LS_OPTIMIZER_TRUST].
     */
    void (*direct)(const void *config, const float h[8], const float *g, float *const *slot, float *u, size_t n);
    double (*trust)(const void *config, double w_norm, double u_norm);
    /* REQUIRED. Elementwise, in place: w (n) and slot[s] (n) from g (n). Slots not in use are NULL. */
    void (*update)(const void *config, const float h[8], float *w, const float *g, float *const *slot, size_t n);
    /* Keras's order of slot variables: so many of the first take turns per weight (Adam's two), the others follow one
     * after another. */
    size_t slots_interleaved;
} ls_optimizer_ops;

extern const ls_registry ls_optimizers;
extern const ls_registry ls_schedules;

typedef struct ls_schedule_ops {
    ls_ops ops;
    /* REQUIRED. The rate before update number `step` (from 0); computed in double, rounded to float32 by the caller. */
    double (*rate)(const void *config, uint64_t step);
} ls_schedule_ops;

typedef struct ls_optimizer {
    ls_component own; /* ops is an ls_optimizer_ops */
    ls_optimizer_common common;
} ls_optimizer;

/*
 * Where an optimizer stands after some steps. Arrays have the layout of a model's trainable weights; all are borrowed.
 */
typedef struct ls_optimizer_state {
    uint64_t iterations;                       /* steps so far, as Keras counts them */
    const float *slot[LS_OPTIMIZER_SLOTS_MAX]; /* NULL: not in use */
    const float *average, *accumulator;        /* of use_ema and gradient_accumulation_steps; NULL: not in use */
    const double *scalars;                     /* [LS_OPTIMIZER_SCALARS_MAX] */
} ls_optimizer_state;

/* ls_optimizer_state to be written: the same arrays. */
typedef struct ls_optimizer_room {
    uint64_t *iterations;
    float *slot[LS_OPTIMIZER_SLOTS_MAX];
    float *average, *accumulator;
    double *scalars;
} ls_optimizer_room;

/* Reads "rmsprop" or {rmsprop: {learning_rate: 0.001, rho: 0.9}}; learning_rate may be a number or a schedule. */
ls_status ls_optimizer_parse(const ls_config *node, const char *where, ls_optimizer *out);
void ls_optimizer_reset(ls_optimizer *optimizer);
const ls_optimizer_ops *ls_optimizer_ops_of(const ls_optimizer *optimizer);

#endif
