/* Initializers: laws (limits, moments, shape of the tails), fans, orthogonality, and that the stream alone decides. */
#include "component.h"

#include <stdlib.h>

#include "nn/initializer.h"

static const ls_shape kernel = {2, {300, 500}}, conv = {4, {3, 3, 16, 32}}, column = {1, {50000}};

typedef enum law { CONSTANT, UNIFORM, NORMAL, TRUNCATED, ORTHOGONAL, IDENTITY } law;

typedef struct initializer_case {
    const char *name, *args[7];
    const ls_shape *shape;
    law law;
    double center, spread; /* CONSTANT: value; UNIFORM: half width; NORMAL: stddev; TRUNCATED: stddev before the cut */
} initializer_case;

#define CUT 0.87962566103423978 /* stddev of a standard normal cut at 2 */

static const initializer_case cases[] = {
    {"zeros", {NULL}, &kernel, CONSTANT, 0, 0},
    {"ones", {NULL}, &kernel, CONSTANT, 1, 0},
    {"constant", {NULL}, &kernel, CONSTANT, 0, 0},
    {"constant", {"value", "-2.5", NULL}, &kernel, CONSTANT, -2.5, 0},
    {"random_uniform", {NULL}, &kernel, UNIFORM, 0, 0.05},
    {"random_uniform", {"minval", "-1", "maxval", "3", NULL}, &kernel, UNIFORM, 1, 2},
    {"random_normal", {NULL}, &kernel, NORMAL, 0, 0.05},
    {"random_normal", {"mean", "4", "stddev", "2", NULL}, &kernel, NORMAL, 4, 2},
    {"truncated_normal", {NULL}, &kernel, TRUNCATED, 0, 0.05},
    {"truncated_normal", {"mean", "4", "stddev", "2", NULL}, &kernel, TRUNCATED, 4, 2},
    /* Fans of the kernel: 300 and 500; of the convolution: 144 and 288; of a vector: its length. */
    {"glorot_uniform", {NULL}, &kernel, UNIFORM, 0, 0.08660254037844387},
    {"glorot_uniform", {NULL}, &column, UNIFORM, 0, 0.007745966692414834},
    {"glorot_normal", {NULL}, &kernel, TRUNCATED, 0, 0.05 / CUT},
    {"he_uniform", {NULL}, &kernel, UNIFORM, 0, 0.1414213562373095},
    {"he_normal", {NULL}, &kernel, TRUNCATED, 0, 0.08164965809277261 / CUT},
    {"lecun_uniform", {NULL}, &kernel, UNIFORM, 0, 0.1},
    {"lecun_normal", {NULL}, &kernel, TRUNCATED, 0, 0.05773502691896258 / CUT},
    {"glorot_uniform", {NULL}, &conv, UNIFORM, 0, 0.11785113019775793},
    {"he_uniform", {NULL}, &conv, UNIFORM, 0, 0.20412414523193154},
    {"variance_scaling", {NULL}, &kernel, TRUNCATED, 0, 0.05773502691896258 / CUT},
    {"variance_scaling",
     {"scale", "3", "mode", "fan_out", "distribution", "uniform", NULL},
     &kernel,
     UNIFORM,
     0,
     0.13416407864998739},
    {"variance_scaling", {"mode", "fan_avg", "distribution", "untruncated_normal", NULL}, &kernel, NORMAL, 0, 0.05},
    {"variance_scaling", {"distribution", "normal", NULL}, &kernel, TRUNCATED, 0, 0.05773502691896258 / CUT},
    {"orthogonal", {NULL}, &kernel, ORTHOGONAL, 0, 1},
    {"identity", {"gain", "2.5", NULL}, &kernel, IDENTITY, 2.5, 0},
};

static float *filled(const char *name, const char *const *args, const ls_shape *shape, uint64_t seed,
                     uint64_t parameter)
{
    const ls_stream stream = ls_stream_at(seed, LS_PURPOSE_INITIAL_WEIGHTS, parameter, 0);
    ls_component c = make_of_pairs(&ls_initializers, name, args);
    float *const w = malloc(ls_shape_size(shape) * sizeof *w);

    memset(w, 0x7f, ls_shape_size(shape) * sizeof *w);
    assert_true(ok(ls_initializer_fill(&c, shape, &stream, w)));
    ls_component_reset(&c);
    return w;
}

/* Mean, standard deviation, largest distance from the center, and the share within half the spread. */
static bool follows(const initializer_case *c, const float *w, size_t n)
{
    const double sigma = c->law == UNIFORM ? c->spread / sqrt(3) : c->law == NORMAL ? c->spread : c->spread * CUT;
    /* P(|x| < 1/2 spread): 1/2; 0.3829249; that divided by P(|x| < 2) = 0.9544997. */
    const double half = c->law == UNIFORM ? 0.5 : c->law == NORMAL ? 0.3829249 : 0.3829249 / 0.9544997;
    const double limit = c->law == UNIFORM ? c->spread : c->law == NORMAL ? 6 * c->spread : 2 * c->spread;
    double mean = 0, square = 0, far = 0, within = 0;
    bool good;

    for (size_t i = 0; i < n; i++) {
        const double x = (double)w[i] - c->center;

        mean += x / (double)n;
        square += x * x / (double)n;
        far = fmax(far, fabs(x));
        within += fabs(x) < c->spread / 2;
    }
    /* Five standard errors. */
    good = close_to(mean, 0, 5 * sigma / sqrt((double)n), 0);
    good &= close_to(sqrt(square), sigma, 0, 5 / sqrt(2.0 * (double)n));
    good &= close_to(within / (double)n, half, 5 * 0.5 / sqrt((double)n), 0);
    return good && far <= limit * (1 + 1e-6) && far > (c->law == NORMAL ? 0.5 : 0.97) * limit;
}

static void values_follow_their_laws(void **state)
{
    bool good = true;

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++) {
        const initializer_case *const c = &cases[i];
        const size_t n = ls_shape_size(c->shape);
        float *const w = filled(c->name, c->args, c->shape, 42, 5);
        bool one = true;

        if (c->law == CONSTANT)
            for (size_t k = 0; k < n; k++)
                one &= (double)w[k] == c->center;
        else if (c->law == IDENTITY)
            for (size_t k = 0; k < n; k++)
                one &= (double)w[k] == (k / c->shape->dim[1] == k % c->shape->dim[1] ? c->center : 0);
        else if (c->law != ORTHOGONAL)
            one = follows(c, w, n);
        if (!one)
            print_error("in %s, case %zu\n", c->name, i);
        good &= one;
        free(w);
    }
    assert_true(good);
    assert_true(all_covered(&ls_initializers, cases, count_of(cases), sizeof cases[0]));
}

/* Same address, same bits; another seed or parameter, others. Elements do not depend on how many there are. */
static void the_stream_alone_decides_the_bits(void **state)
{
    const ls_shape few = {1, {50}}, more = {1, {1000}}; /* the laws here do not depend on the shape */
    static const char *const none[] = {NULL};

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++) {
        const initializer_case *const c = &cases[i];
        const size_t n = ls_shape_size(c->shape);
        float *const a = filled(c->name, c->args, c->shape, 1, 5), *const b = filled(c->name, c->args, c->shape, 1, 5);
        float *const other = filled(c->name, c->args, c->shape, 1, 6);
        float *const seed = filled(c->name, c->args, c->shape, 2, 5);

        assert_true(same_bits(a, b, n));
        assert_int_equal(memcmp(a, other, n * sizeof *a) == 0, c->law == CONSTANT || c->law == IDENTITY);
        assert_int_equal(memcmp(a, seed, n * sizeof *a) == 0, c->law == CONSTANT || c->law == IDENTITY);
        free(a);
        free(b);
        free(other);
        free(seed);
    }
    for (size_t i = 0; i < 3; i++) {
        const char *const name = ((const char *const[]){"random_uniform", "random_normal", "truncated_normal"})[i];
        float *const a = filled(name, none, &few, 1, 5), *const b = filled(name, none, &more, 1, 5);

        assert_true(same_bits(a, b, 50));
        free(a);
        free(b);
    }
}

/* Against the raw stream, by hand. */
static void elements_are_those_of_the_raw_stream(void **state)
{
    const ls_shape shape = {2, {2, 4}};
    const ls_stream stream = ls_stream_at(9, LS_PURPOSE_INITIAL_WEIGHTS, 3, 0);
    float u[8], *const w =
                    filled("random_uniform", (const char *const[]){"minval", "2", "maxval", "4", NULL}, &shape, 9, 3);

    (void)state;
    ls_stream_uniform(&stream, 0, 8, u);
    for (size_t i = 0; i < 8; i++)
        assert_true(w[i] == 2.0f + 2.0f * u[i]);
    free(w);
}

/*
 * Columns (or rows) are orthonormal times gain, and R = Q^T A of the normals A is upper triangular with a positive
 * diagonal, which makes Q the one Keras's sign rule picks.
 */
static bool orthogonal_ok(const ls_shape *shape, double gain, const char *const *args)
{
    const size_t size = ls_shape_size(shape), cols = shape->dim[shape->axes - 1], rows = size / cols;
    const size_t n = rows > cols ? rows : cols, k = rows > cols ? cols : rows;
    const ls_stream stream = ls_stream_at(7, LS_PURPOSE_INITIAL_WEIGHTS, 2, 0);
    float *const w = filled("orthogonal", args, shape, 7, 2), *const a = malloc(size * sizeof *a);
    bool good = true;

#define Q(i, j) ((double)(rows >= cols ? w[(i)*cols + (j)] : w[(j)*cols + (i)]) / gain)
    ls_stream_normal(&stream, 0, size, a);
    for (size_t x = 0; x < k; x++)
        for (size_t y = 0; y < k; y++) {
            double qq = 0, r = 0;

            for (size_t i = 0; i < n; i++) {
                qq += Q(i, x) * Q(i, y);
                r += Q(i, x) * (double)a[i * k + y];
            }
            good &= close_to(qq, x == y, 2e-6, 0);
            if (x > y)
                good &= close_to(r, 0, 2e-5, 0);
            if (x == y)
                good &= r > 0;
        }
#undef Q
    free(w);
    free(a);
    return good;
}

static void orthogonal_matrices_are_orthogonal(void **state)
{
    const ls_shape line = {1, {4}};
    ls_component c = make(&ls_initializers, "orthogonal", NULL);
    const ls_stream stream = ls_stream_at(7, LS_PURPOSE_INITIAL_WEIGHTS, 2, 0);
    float w[4];

    (void)state;
    assert_true(orthogonal_ok(&(const ls_shape){2, {40, 25}}, 1, (const char *const[]){NULL}));
    assert_true(orthogonal_ok(&(const ls_shape){2, {25, 40}}, 1, (const char *const[]){NULL}));
    assert_true(orthogonal_ok(&(const ls_shape){2, {30, 30}}, 2, (const char *const[]){"gain", "2", NULL}));
    assert_true(orthogonal_ok(&(const ls_shape){4, {3, 3, 2, 5}}, 1, (const char *const[]){NULL}));
    assert_true(orthogonal_ok(&(const ls_shape){2, {1, 9}}, 1, (const char *const[]){NULL}));
    FAILS(ls_initializer_fill(&c, &line, &stream, w), LS_ERR_SHAPE, "orthogonal", "(4");
    ls_component_reset(&c);
}

static void without_an_initializer_weights_are_zero(void **state)
{
    const ls_shape line = {1, {3}}, scalar = {0};
    const ls_stream stream = ls_stream_at(7, LS_PURPOSE_INITIAL_WEIGHTS, 2, 0);
    float w[] = {1, 2, 3}, *one;

    (void)state;
    assert_true(ok(ls_initializer_fill(&(const ls_component){0}, &line, &stream, w)));
    assert_true(w[0] == 0 && w[1] == 0 && w[2] == 0);
    one = filled("lecun_uniform", (const char *const[]){NULL}, &scalar, 1, 1); /* fans 1 and 1 */
    assert_true(fabs((double)*one) <= sqrt(3));
    free(one);
    assert_ptr_equal(ls_registry_find(&ls_initializers, "uniform"),
                     ls_registry_find(&ls_initializers, "RandomUniform"));
    assert_ptr_equal(ls_registry_find(&ls_initializers, "normal"), ls_registry_find(&ls_initializers, "RandomNormal"));
    FAILS(parsed(&ls_initializers, "random_uniform", "minval", "2", "maxval", "1", NULL), LS_ERR_CONFIG, "minval");
    FAILS(parsed(&ls_initializers, "random_normal", "stddev", "-1", NULL), LS_ERR_CONFIG, "stddev");
    FAILS(parsed(&ls_initializers, "variance_scaling", "scale", "0", NULL), LS_ERR_CONFIG, "scale");
    FAILS(parsed(&ls_initializers, "variance_scaling", "mode", "fan", NULL), LS_ERR_CONFIG, "fan_in");
}

/* As in Keras: with a seed of its own an initializer draws the same for every weight, whatever the experiment's seed.
 */
static void a_seed_of_its_own_decides_alone(void **state)
{
    static const char *const names[] = {"random_uniform", "random_normal", "truncated_normal", "glorot_uniform",
                                        "glorot_normal",  "he_uniform",    "he_normal",        "lecun_uniform",
                                        "lecun_normal",   "orthogonal",    "variance_scaling"};
    static const ls_shape shape = {2, {4, 5}};

    (void)state;
    for (size_t i = 0; i < count_of(names); i++) {
        const ls_stream one = ls_stream_at(1, LS_PURPOSE_INITIAL_WEIGHTS, 0, 0);
        const ls_stream other = ls_stream_at(2, LS_PURPOSE_INITIAL_WEIGHTS, 3, 0);
        const char *const none[] = {NULL}, *const seven[] = {"seed", "7", NULL}, *const eight[] = {"seed", "8", NULL};
        ls_component plain = make_of_pairs(&ls_initializers, names[i], none);
        ls_component a = make_of_pairs(&ls_initializers, names[i], seven);
        ls_component b = make_of_pairs(&ls_initializers, names[i], eight);
        float x[20], y[20];

        assert_true(ok(ls_initializer_fill(&plain, &shape, &one, x)) &&
                    ok(ls_initializer_fill(&plain, &shape, &other, y)));
        assert_false(same_bits(x, y, 20));
        assert_true(ok(ls_initializer_fill(&a, &shape, &one, x)) && ok(ls_initializer_fill(&a, &shape, &other, y)));
        assert_true(same_bits(x, y, 20));
        assert_true(ok(ls_initializer_fill(&b, &shape, &one, y)));
        assert_false(same_bits(x, y, 20));
        ls_component_reset(&plain);
        ls_component_reset(&a);
        ls_component_reset(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_follow_their_laws),
        cmocka_unit_test(the_stream_alone_decides_the_bits),
        cmocka_unit_test(elements_are_those_of_the_raw_stream),
        cmocka_unit_test(orthogonal_matrices_are_orthogonal),
        cmocka_unit_test(a_seed_of_its_own_decides_alone),
        cmocka_unit_test(without_an_initializer_weights_are_zero),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
