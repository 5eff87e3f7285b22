/* Huber loss, with x = p - t: mean of x^2 / 2 where |x| <= delta, else delta |x| - delta^2 / 2, over the last axis. */
#include "nn/losses/losses.h"

#include <float.h>
#include <math.h>

typedef struct huber {
    double delta;
} huber;

static void element(const void *config, const ls_loss_call *call, const float *restrict t, const float *restrict p,
                    size_t n, float *restrict value, float *restrict slope)
{
    const float delta = (float)((const huber *)config)->delta;

    (void)call;
    for (size_t i = 0; i < n; i++) {
        const float a = fabsf(p[i] - t[i]);

        value[i] = a <= delta ? 0.5f * a * a : delta * a - 0.5f * delta * delta;
    }
    if (slope)
        for (size_t i = 0; i < n; i++) {
            const float x = p[i] - t[i];

            slope[i] = x > delta ? delta : x < -delta ? -delta : x;
        }
}

static void evaluate(const void *config, const ls_loss_call *call)
{
    ls_loss_elementwise(config, call, element, (double)call->n);
}

static const ls_option options[] = {
    {.name = "delta",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(huber, delta),
     .initial = "1.0",
     .max = FLT_MAX,
     .open_min = true},
    {.name = NULL},
};

const ls_loss_ops ls_huber = {
    .ops = {.name = "huber",
            .keras_name = "Huber",
            .aliases = (const char *const[]){"huber_loss", NULL},
            .options = options,
            .config_bytes = sizeof(huber)},
    .evaluate = evaluate,
};
