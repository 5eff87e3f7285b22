#include "sweep/protocol.h"

#include <math.h>

#include "base/locale.h"
#include "random/philox.h"
#include "tensor/math.h"

#define GOLDEN 0.6180339887498949 /* 1 / phi: multiples of it modulo 1 are spread most evenly */

/* Learning rates are held as float32. */
#define RATE_MIN 1e-30
#define RATE_MAX 1e30

/* To three digits, as it will be printed. */
static double rounded(double rate)
{
    char text[32];

    ls_format(text, sizeof text, "%.2e", rate);
    return ls_parse_double(text, NULL);
}

void ls_search_points(double low, double high, uint64_t seed, size_t n, double *out)
{
    const ls_stream stream = ls_stream_at(seed, LS_PURPOSE_SEARCH, 0, 0);
    float first;

    ls_stream_uniform(&stream, 0, 1, &first);
    for (size_t k = 0; k < n; k++) {
        const double x = (double)first + (double)k * GOLDEN;

        out[k] = rounded(low * ls_pow_double(high / low, x - floor(x)));
    }
}

double ls_search_step(double low, double high, size_t n)
{
    return ls_pow_double(high / low, 1.0 / (double)n);
}

/* A number that can be compared: not a number is worse than every number. */
static bool is_better_value(double a, double b, bool up)
{
    if (isnan(a) || isnan(b))
        return !isnan(a) && isnan(b);
    return up ? a > b : a < b;
}

static int class_of(const ls_trial_result *r)
{
    return r->status == LS_TRIAL_REACHED ? 0 : r->status == LS_TRIAL_DIVERGED ? 2 : 1;
}

static bool is_better(const ls_trial_result *a, const ls_trial_result *b, bool up)
{
    const bool reached = a->status == LS_TRIAL_REACHED;
    const double x = reached ? a->value : a->best_value, y = reached ? b->value : b->best_value;

    if (class_of(a) != class_of(b))
        return class_of(a) < class_of(b);
    if (reached && a->updates != b->updates)
        return a->updates < b->updates;
    if (a->status != LS_TRIAL_DIVERGED && (is_better_value(x, y, up) || is_better_value(y, x, up)))
        return is_better_value(x, y, up);
    return a->learning_rate < b->learning_rate;
}

size_t ls_search_best(const ls_trial_result *done, size_t n, bool up)
{
    size_t best = 0;

    for (size_t i = 1; i < n; i++)
        if (is_better(&done[i], &done[best], up))
            best = i;
    return best;
}

uint64_t ls_search_limit(const ls_trial_result *done, size_t n)
{
    uint64_t limit = 0;

    for (size_t i = 0; i < n; i++)
        if (done[i].status == LS_TRIAL_REACHED && (!limit || done[i].updates < limit))
            limit = done[i].updates;
    return limit;
}

/* The rates next to one of them, among those tried; NAN: there is none on that side. */
static void find_neighbours(const ls_trial_result *done, size_t n, double rate, double *below, double *above)
{
    *below = *above = NAN;
    for (size_t i = 0; i < n; i++) {
        const double other = done[i].learning_rate;

        if (other < rate && !(other <= *below))
            *below = other;
        if (other > rate && !(other >= *above))
            *above = other;
    }
}

int ls_search_edge(const ls_trial_result *done, size_t n, bool up)
{
    double below, above;

    find_neighbours(done, n, done[ls_search_best(done, n, up)].learning_rate, &below, &above);
    return isnan(below) ? -1 : isnan(above) ? 1 : 0;
}

/* What follows the first `n` trials, of which `widened` went beyond an edge and `refined` between two others. */
static bool propose(const ls_rate_search *search, const ls_trial_result *done, size_t n, bool up, size_t widened,
                    size_t refined, bool *widens, double *rate)
{
    const double best = done[ls_search_best(done, n, up)].learning_rate;
    double below, above;

    find_neighbours(done, n, best, &below, &above);
    *widens = (isnan(below) || isnan(above)) && widened < search->widen;
    if (*widens) {
        *rate = rounded(isnan(below) ? best / search->step_low : best * search->step_high);
        return *rate >= RATE_MIN && *rate <= RATE_MAX;
    }
    if (refined == search->refine)
        return false;
    *rate = rounded(sqrt(isnan(below) || above / best > best / below ? best * above : best * below));
    return *rate != best && *rate != below && *rate != above;
}

bool ls_search_next(const ls_rate_search *search, const ls_trial_result *done, size_t n, bool up, double *rate)
{
    size_t widened = 0, refined = 0;

    if (n < search->points) {
        *rate = search->point[n];
        return true;
    }
    for (size_t k = search->points;; k++) { /* what followed the earlier ones tells how much is used up */
        bool widens;

        if (!propose(search, done, k, up, widened, refined, &widens, rate))
            return false;
        if (k == n)
            return true;
        widened += widens;
        refined += !widens;
    }
}

size_t ls_search_most(const ls_rate_search *search)
{
    return search->points + search->widen + search->refine;
}
