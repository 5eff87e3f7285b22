/* Which model files a run may go on from: those whose bits it would have had itself. */
#include "ls_test.h"

#include "h5/file.h"
#include "lockstep/version.h"
#include "run/maker.h"
#include "tensor/kernels.h"

#define GROUP "/lockstep"
#define OURS LS_ARITHMETIC_REVISION

typedef struct maker {
    const char *arithmetic; /* NULL: none, as lockstep 0.1 wrote it */
    int revision;           /* 0: none */
    const char *kernel, *version;
} maker;

static ls_status check(const maker *m, ls_arithmetic ours)
{
    hid_t file;
    ls_status st;

    assert_true(ok(ls_h5_image_create(&file)));
    assert_true(ok(ls_h5_put_group(file, GROUP)));
    assert_true(ok(ls_h5_put_text(file, GROUP, "version", m->version)));
    assert_true(!m->arithmetic || ok(ls_h5_put_text(file, GROUP, "arithmetic", m->arithmetic)));
    assert_true(!m->revision || ok(ls_h5_put_int(file, GROUP, "revision", m->revision)));
    assert_true(!m->kernel || ok(ls_h5_put_text(file, GROUP, "kernel", m->kernel)));
    st = ls_maker_check(file, "run/checkpoint.h5", ours);
    ls_h5_close(file);
    return st;
}

static void portable(void **unused)
{
    const maker same = {"portable", OURS, NULL, "9.9.9"}, other = {"portable", OURS + 1, NULL, ls_version()},
                older = {"portable", OURS - 1 ? OURS - 1 : -1, NULL, ls_version()}, broken = {"portable", 0, NULL, "1"},
                blas = {"openblas", 0, ls_blas_kernel(), ls_version()}, first = {NULL, 0, ls_blas_kernel(), "0.1.0"};

    (void)unused;
    assert_true(ok(check(&same, LS_ARITHMETIC_PORTABLE))); /* of whatever machine and version */
    FAILS(check(&other, LS_ARITHMETIC_PORTABLE), LS_ERR_MISMATCH, "run/checkpoint.h5", "revision",
          "--allow-other-kernel");
    FAILS(check(&older, LS_ARITHMETIC_PORTABLE), LS_ERR_MISMATCH, "run/checkpoint.h5", "revision");
    FAILS(check(&broken, LS_ARITHMETIC_PORTABLE), LS_ERR_FORMAT, "revision");
    FAILS(check(&blas, LS_ARITHMETIC_PORTABLE), LS_ERR_MISMATCH, "distributed.arithmetic: openblas", "portable");
    FAILS(check(&first, LS_ARITHMETIC_PORTABLE), LS_ERR_MISMATCH, "distributed.arithmetic: openblas", "portable");
}

static void openblas(void **unused)
{
    const maker same = {"openblas", 0, ls_blas_kernel(), ls_version()},
                first = {NULL, 0, ls_blas_kernel(), ls_version()}, kernel = {"openblas", 0, "Z80", ls_version()},
                version = {"openblas", 0, ls_blas_kernel(), "0.0.9"}, other = {"portable", OURS, NULL, ls_version()};

    (void)unused;
    assert_true(ok(check(&same, LS_ARITHMETIC_OPENBLAS)));
    assert_true(ok(check(&first, LS_ARITHMETIC_OPENBLAS))); /* lockstep 0.1 had nothing else */
    FAILS(check(&kernel, LS_ARITHMETIC_OPENBLAS), LS_ERR_MISMATCH, "Z80", ls_blas_kernel(),
          "distributed.blas_kernel: Z80");
    FAILS(check(&version, LS_ARITHMETIC_OPENBLAS), LS_ERR_MISMATCH, "0.0.9", ls_version());
    FAILS(check(&other, LS_ARITHMETIC_OPENBLAS), LS_ERR_MISMATCH, "distributed.arithmetic: portable", "openblas");
}

static void what_is_written(void **unused)
{
    (void)unused;
    for (int ours = 0; ours < 2; ours++) {
        hid_t file;

        assert_true(ok(ls_h5_image_create(&file)));
        assert_true(ok(ls_h5_put_group(file, GROUP)));
        assert_true(ok(ls_h5_put_text(file, GROUP, "version", ls_version())));
        assert_true(ok(ls_maker_put(file, (ls_arithmetic)ours)));
        assert_true(ok(ls_maker_check(file, "f", (ls_arithmetic)ours)));
        assert_int_not_equal(ls_maker_check(file, "f", (ls_arithmetic)!ours), LS_OK);
        /* Files of the portable arithmetic are the same on all machines: they do not say which. */
        assert_int_equal(ls_h5_has_attribute(file, GROUP, "kernel"), ours == LS_ARITHMETIC_OPENBLAS);
        ls_h5_close(file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(portable),
        cmocka_unit_test(openblas),
        cmocka_unit_test(what_is_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
