#include "nn/layers/columns.h"

/*
 * Calls visit(x, c, n) for all cells of every window of `samples` samples, in order: n floats of X (NULL: padding) and
 * their place in C. Cells of a window that lie side by side in X are one visit.
 */
static inline void for_cells(const ls_window *w, size_t groups, size_t group, float *X, float *C, size_t samples,
                             void (*visit)(float *x, float *c, size_t n))
{
    const size_t n = w->channels / groups, windows = samples * ls_window_places(w);
    const bool side_by_side = groups == 1 && w->x.dilation == 1;

    for (size_t i = 0; i < windows; i++) {
        const size_t ox = i % w->x.out, oy = i / w->x.out % w->y.out, oz = i / w->x.out / w->y.out % w->z.out;
        float *const sample = X + i / ls_window_places(w) * ls_window_cells(w) * w->channels;

        for (size_t k = 0; k < w->z.kernel * w->y.kernel; k++) {
            const size_t z = ls_window_cell(&w->z, oz, k / w->y.kernel), y = ls_window_cell(&w->y, oy, k % w->y.kernel);

            for (size_t kx = 0, cells; kx < w->x.kernel; kx += cells, C += cells * n) {
                const size_t x = ls_window_cell(&w->x, ox, kx);
                const bool inside = z != SIZE_MAX && y != SIZE_MAX && x != SIZE_MAX;

                cells = 1;
                if (side_by_side && inside)
                    cells = w->x.kernel - kx < w->x.size - x ? w->x.kernel - kx : w->x.size - x;
                visit(inside ? sample + ((z * w->y.size + y) * w->x.size + x) * w->channels + group * n : NULL, C,
                      cells * n);
            }
        }
    }
}

static inline void copy_cells(float *restrict x, float *restrict c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        c[i] = x ? x[i] : 0.0f;
}

static inline void add_cells(float *restrict x, float *restrict c, size_t n)
{
    for (size_t i = 0; x && i < n; i++)
        x[i] += c[i];
}

void ls_columns_write(const ls_window *window, size_t groups, size_t group, const float *X, float *C, size_t samples)
{
    for_cells(window, groups, group, (float *)(uintptr_t)X, C, samples, copy_cells);
}

void ls_columns_add(const ls_window *window, size_t groups, size_t group, float *dX, float *dC, size_t samples)
{
    for_cells(window, groups, group, dX, dC, samples, add_cells);
}
