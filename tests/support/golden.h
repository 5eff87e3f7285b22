/*
 * Reading the golden data: what the real Keras computed, in tests/golden (README.md there explains every file).
 *
 *     golden_each("layers.h5", check, …) ─► check(case, …) for every group of the file
 *                                             golden_get, golden_text, …   what the case is given
 *                                             golden_close                 what came out against Keras in float64
 *
 * Nothing is skipped in silence: an array of a case that the check never looked at makes the case fail, and so does a
 * file without cases.
 */
#ifndef LS_TEST_GOLDEN_H
#define LS_TEST_GOLDEN_H

#include "ls_test.h"

#include <stdlib.h>

#include <hdf5.h>

#include "base/options.h"
#include "formats/yaml.h"
#include "tensor/shape.h"

#define GOLDEN_FORMAT_VERSION 1
#define GOLDEN_ARRAYS_MAX 160 /* of a case */
#define GOLDEN_NAME_BYTES 200
#define GOLDEN_NAMES_MAX 256   /* of a group */
#define GOLDEN_TEXT_BYTES 4096 /* of a configuration */

typedef struct golden_array {
    char name[GOLDEN_NAME_BYTES];
    double *value; /* float32, float64 and int32 all fit exactly */
    size_t n, axes, dim[LS_AXES_MAX + 2];
    bool integer;
} golden_array;

/* A group of the file. Owns the arrays that were read, until the check returns. */
typedef struct golden_case {
    hid_t group;
    const char *name;
    golden_array array[GOLDEN_ARRAYS_MAX];
    size_t arrays;
    double atol, rtol; /* of golden_close: see "Tolerances" in README.md */
    bool partly;       /* set by a check that leaves arrays to another test */
} golden_case;

typedef struct golden_tolerance {
    double atol, rtol;
} golden_tolerance;

/* ---- one case ---- */

bool golden_has(const golden_case *c, const char *name);

bool golden_has_attribute(const golden_case *c, const char *name);

/* A text attribute into out, which is returned. */
const char *golden_text(const golden_case *c, const char *name, char *out, size_t out_bytes);

int golden_int(hid_t object, const char *name);

/* An array of the case by its path in it ("weights/kernel"); it must be there. Lent. */
const golden_array *golden_get(golden_case *c, const char *name);

/* golden_get of a name made with snprintf: ("weights_%s/%s", …). */
const golden_array *golden_getf(golden_case *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The values as float32, which is what inputs and weights are stored as. */
void golden_floats(const golden_array *a, float *out);

/* The shape of one sample: all axes but the first. */
ls_shape golden_sample_shape(const golden_array *a);

/* Does the array have exactly this shape, without a batch axis? */
bool golden_shape_is(const golden_array *a, const ls_shape *shape);

/*
 * Values against those of the float64 run, NAME_f64; where Keras has none (its top-k metrics), against NAME. All n
 * values are expected and no more.
 */
bool golden_close_doubles(golden_case *c, const char *name, const double *got, size_t n);

bool golden_close(golden_case *c, const char *name, const float *got, size_t n);

typedef struct golden_names {
    char name[GOLDEN_NAMES_MAX][GOLDEN_NAME_BYTES];
    size_t n;
} golden_names;

/* What a group holds ("history" of a case), without the float64 twins. */
void golden_list(hid_t place, const char *group, golden_names *out);

/* ---- the components that the cases of a file are about ---- */

typedef struct golden_coverage {
    const ls_ops *seen[128];
    size_t n;
} golden_coverage;

void golden_note(golden_coverage *coverage, const ls_ops *ops);

/* Everything in the registry that Keras has too was met in some case. */
bool golden_covers(const golden_coverage *coverage, const ls_registry *registry);

/* The `config` of a case as a tree (ls_config_free). */
ls_config *golden_config(const golden_case *c);

/* ---- all cases of a file ---- */

bool golden_is_group(hid_t place, const char *name);

typedef bool (*golden_check)(golden_case *c, void *context);

/* The file, which must have the format this reader knows. */
hid_t golden_open(const char *file);

/* Every case of the file, also after one that failed; false if one did or if there was none. */
bool golden_each(const char *file, golden_tolerance tolerance, golden_check check, void *context);

#endif
