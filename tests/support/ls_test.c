#include "ls_test.h"

bool all_close(const float *got, const double *want, size_t n, double atol, double rtol)
{
    for (size_t i = 0; i < n; i++) {
        const double d = fabs((double)got[i] - want[i]);

        if (!isfinite(d) || d > atol + rtol * fabs(want[i])) {
            print_error("element %zu of %zu: got %.9g, want %.9g\n", i, n, (double)got[i], want[i]);
            return false;
        }
    }
    return true;
}

bool close_to(double got, double want, double atol, double rtol)
{
    const double d = fabs(got - want);

    if (isfinite(d) && d <= atol + rtol * fabs(want))
        return true;
    print_error("got %.17g, want %.17g\n", got, want);
    return false;
}

bool same_bits(const float *got, const float *want, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(&got[i], &want[i], sizeof(float)) != 0) {
            print_error("element %zu of %zu: got %a, want %a\n", i, n, (double)got[i], (double)want[i]);
            return false;
        }
    return true;
}

bool ok(ls_status status)
{
    if (status != LS_OK)
        print_error("%s: %s\n", ls_status_text(status), ls_error_message());
    return status == LS_OK;
}

bool failed_with(ls_status got, ls_status want, const char *const *words)
{
    if (got != want) {
        print_error("status is '%s' (%s), want '%s'\n", ls_status_text(got), ls_error_message(), ls_status_text(want));
        return false;
    }
    for (; words && *words; words++)
        if (!strstr(ls_error_message(), *words)) {
            print_error("no '%s' in the message: %s\n", *words, ls_error_message());
            return false;
        }
    return true;
}
