/* The history and its CSV file, byte for byte as Keras's CSVLogger writes it. */
#include "ls_test.h"

#include "train/history.h"

static void a_history_is_written_as_csv(void **state)
{
    static const char *const columns[] = {"val_loss", "loss", "accuracy", "val_accuracy"};
    /* As Python prints a float: float32 values in full, always a point or an exponent. */
    const ls_log first[] = {{"loss", (double)0.1f}, {"accuracy", 1}};
    const ls_log second[] = {{"val_accuracy", 0.5}, {"accuracy", 0}, {"val_loss", 1e-7}, {"loss", 123456789012.0}};
    const ls_log odd[] = {{"loss", 1e22}, {"accuracy", (double)INFINITY}, {"val_loss", -2.5}, {"unknown", 4}};
    ls_history *h = NULL;
    ls_text text = {0};

    (void)state;
    assert_true(ok(ls_history_create(&h)));
    assert_true(ok(ls_history_set_columns(h, columns, count_of(columns))));
    assert_true(ok(ls_history_csv(h, &text)));
    assert_string_equal(text.data, "epoch,accuracy,loss,val_accuracy,val_loss\r\n");
    ls_text_reset(&text);
    assert_true(ok(ls_history_add(h, 0, first, count_of(first))));
    assert_true(ok(ls_history_add(h, 1, second, count_of(second))));
    assert_true(ok(ls_history_add(h, 12, odd, count_of(odd))));
    assert_true(ok(ls_history_csv(h, &text)));
    assert_string_equal(text.data, "epoch,accuracy,loss,val_accuracy,val_loss\r\n"
                                   "0,1.0,0.10000000149011612,NA,NA\r\n"
                                   "1,0.0,123456789012.0,0.5,1e-07\r\n"
                                   "12,inf,1e+22,NA,-2.5\r\n");
    ls_text_reset(&text);
    ls_history_free(h);
    ls_history_free(NULL);
}

/* Columns are fixed by the first call; many epochs make the table grow. */
static void a_history_grows_by_the_epoch(void **state)
{
    static const char *const columns[] = {"loss", "mae"}, *const others[] = {"other"};
    ls_history *h = NULL;

    (void)state;
    assert_true(ok(ls_history_create(&h)));
    assert_true(ok(ls_history_set_columns(h, columns, 2)));
    assert_true(ok(ls_history_set_columns(h, others, 1)));
    assert_int_equal(h->columns, 2);
    for (uint64_t e = 0; e < 1000; e++) {
        const ls_log logs[] = {{"mae", (double)e + 0.5}, {"loss", -(double)e}};

        assert_true(ok(ls_history_add(h, 3 * e, logs, 2)));
    }
    assert_int_equal(h->epochs, 1000);
    for (uint64_t e = 0; e < 1000; e++)
        assert_true(h->epoch[e] == 3 * e && h->value[2 * e] == -(double)e && h->value[2 * e + 1] == (double)e + 0.5);
    ls_history_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_history_is_written_as_csv),
                                       cmocka_unit_test(a_history_grows_by_the_epoch)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
