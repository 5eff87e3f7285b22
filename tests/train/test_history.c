/* The history and its CSV file, byte for byte as Keras's CSVLogger writes it. */
#include "ls_test.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
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
    assert_true(ok(ls_history_csv(h, 0, &text)));
    assert_string_equal(text.data, "epoch,accuracy,loss,val_accuracy,val_loss\r\n");
    ls_text_reset(&text);
    assert_true(ok(ls_history_add(h, 0, first, count_of(first))));
    assert_true(ok(ls_history_add(h, 1, second, count_of(second))));
    assert_true(ok(ls_history_add(h, 12, odd, count_of(odd))));
    assert_true(ok(ls_history_csv(h, 0, &text)));
    assert_string_equal(text.data, "epoch,accuracy,loss,val_accuracy,val_loss\r\n"
                                   "0,1.0,0.10000000149011612,NA,NA\r\n"
                                   "1,0.0,123456789012.0,0.5,1e-07\r\n"
                                   "12,inf,1e+22,NA,-2.5\r\n");
    ls_text_reset(&text);
    assert_true(ok(ls_history_csv(h, 2, &text)));
    assert_string_equal(text.data, "12,inf,1e+22,NA,-2.5\r\n");
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

#define EARLIER 5

/* Of epochs whose numbers are all kinds: the last ones are known, those before come from the file. */
static ls_history *make_history(size_t from, size_t to)
{
    static const char *const columns[] = {"loss", "mae"};
    ls_history *h = NULL;

    assert_true(ok(ls_history_create(&h)) && ok(ls_history_set_columns(h, columns, 2)));
    for (size_t e = from; e < to; e++) {
        const ls_log logs[] = {{"loss", e == 1 ? -(double)NAN : 1.0 / (double)(e + 3)}, {"mae", (double)INFINITY}};

        assert_true(ok(ls_history_add(h, e, logs, e == 2 ? 1 : 2)));
    }
    return h;
}

static void the_beginning_of_a_history_is_read_from_its_file(void **state)
{
    ls_history *whole = make_history(0, 8), *part = make_history(EARLIER, 8);
    ls_text text = {0};
    char path[] = "history.XXXXXX";

    (void)state;
    assert_true(ok(ls_history_csv(whole, 0, &text)));
    ls_text_add(&text, "8,0.5,0.5\r\n9,0."); /* the run that wrote it came further, and died */
    close(mkstemp(path));
    assert_true(ok(ls_file_replace(path, text.data, text.length)));
    assert_true(ok(ls_history_prepend(part, path, EARLIER, whole->digest)));
    assert_true(part->epochs == 8 && part->digest == whole->digest && strcmp(part->name[1], "mae") == 0);
    for (size_t e = 0; e < 8; e++)
        for (size_t c = 0; c < 2; c++)
            assert_true(part->epoch[e] == e && (part->value[2 * e + c] == whole->value[2 * e + c] ||
                                                (isnan(part->value[2 * e + c]) && isnan(whole->value[2 * e + c]))));
    ls_history_free(part);

    /* A digit more, a row less, another column, no number, nothing, no file: nothing of it is taken. */
    for (int i = 0; i < 6; i++) {
        static const char *const bad[] = {"epoch,loss\r\n0,1\r\n", "epoch,loss,mae\r\n0,x,1\r\n", ""};

        part = make_history(EARLIER, 8);
        text.data[text.length - (i == 0 ? 12 : 1)] = '7';
        if (i == 0)
            strstr(text.data, "0.3333")[2] = '4';
        if (i < 2)
            assert_true(ok(ls_file_replace(path, text.data, i == 0 ? text.length : 60)));
        else if (i < 5)
            assert_true(ok(ls_file_replace(path, bad[i - 2], strlen(bad[i - 2]))));
        else
            unlink(path);
        FAILS(ls_history_prepend(part, path, EARLIER, whole->digest), LS_ERR_DATA, path);
        assert_true(part->epochs == 3 && part->epoch[0] == EARLIER);
        ls_history_free(part);
    }
    ls_text_reset(&text);
    ls_history_free(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_history_is_written_as_csv),
                                       cmocka_unit_test(a_history_grows_by_the_epoch),
                                       cmocka_unit_test(the_beginning_of_a_history_is_read_from_its_file)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
