/* TensorBoard's files: checksums against RFC 3720, bytes against TensorFlow's, buckets by hand, and what a resumed run
 * adds. */
#include "files.h"
#include "source_dir.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/event_writer.h"
#include "formats/tfrecord.h"

#define GOLDEN in_source("tests/golden/tensorboard.events")

/* ---- checksums ---- */

/* RFC 3720, appendix B.4; the last is the check value of CRC catalogues. */
static void checksums_are_crc32c(void **state)
{
    static const unsigned char read_pdu[48] = {0x01, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,    0, 0, 0, 0,
                                               0x14, 0,    0, 0, 0, 0, 4, 0, 0, 0, 0, 0x14, 0, 0, 0, 0x18,
                                               0x28, 0,    0, 0, 0, 0, 0, 0, 2, 0, 0, 0,    0, 0, 0, 0};
    unsigned char bytes[32] = {0};

    (void)state;
    assert_int_equal(ls_crc32c(bytes, 0), 0);
    assert_int_equal(ls_crc32c(bytes, 32), 0x8a9136aa);
    memset(bytes, 0xff, 32);
    assert_int_equal(ls_crc32c(bytes, 32), 0x62a8ab43);
    for (unsigned char i = 0; i < 32; i++)
        bytes[i] = i;
    assert_int_equal(ls_crc32c(bytes, 32), 0x46dd794e);
    for (unsigned char i = 0; i < 32; i++)
        bytes[i] = (unsigned char)(31 - i);
    assert_int_equal(ls_crc32c(bytes, 32), 0x113fdb5c);
    assert_int_equal(ls_crc32c(read_pdu, 48), 0xd9963a56);
    assert_int_equal(ls_crc32c("123456789", 9), 0xe3069283);
}

/* ---- records ---- */

static FILE *file_of(const void *bytes, size_t n)
{
    FILE *f = tmpfile();

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    rewind(f);
    return f;
}

/* Whole records come back as they were; half a record, or one with a wrong byte anywhere, is the end. */
static void whole_records_come_back_and_damage_ends_them(void **state)
{
    char large[10000];
    ls_text records = {0}, data = {0};
    size_t first;
    bool end;
    FILE *f;

    (void)state;
    memset(large, 'x', sizeof large);
    ls_tfrecord_add(&records, "one", 3);
    first = records.length;
    assert_int_equal(first, 8 + 4 + 3 + 4);
    ls_tfrecord_add(&records, "", 0);
    ls_tfrecord_add(&records, large, sizeof large);
    f = file_of(records.data, records.length);
    assert_true(ok(ls_tfrecord_read(f, &data, &end)) && !end);
    assert_string_equal(data.data, "one");
    assert_true(ok(ls_tfrecord_read(f, &data, &end)) && !end);
    assert_int_equal(data.length, 0);
    assert_true(ok(ls_tfrecord_read(f, &data, &end)) && !end);
    assert_int_equal(data.length, sizeof large);
    assert_memory_equal(data.data, large, sizeof large);
    assert_true(ok(ls_tfrecord_read(f, &data, &end)) && end);
    fclose(f);
    for (size_t n = 0; n < first; n++) {
        f = file_of(records.data, n);
        assert_true(ok(ls_tfrecord_read(f, &data, &end)) && end);
        fclose(f);
        records.data[n] ^= 4;
        f = file_of(records.data, records.length);
        assert_true(ok(ls_tfrecord_read(f, &data, &end)) && end);
        fclose(f);
        records.data[n] ^= 4;
    }
    ls_text_reset(&records);
    ls_text_reset(&data);
}

/* ---- events ---- */

/* The values of make_tensorboard.py. */
static void add_histogram(ls_text *out, double wall_time, uint64_t step, const char *tag, const float *x, size_t n)
{
    ls_histogram histogram;

    ls_histogram_make(x, n, &histogram);
    ls_event_add_histogram(out, &(ls_event){wall_time, step, tag}, &histogram);
}

static void bytes_are_those_of_tensorflow(void **state)
{
    static const float tenths[] = {-0.1f, 0.2f, 0.7f}, equal[] = {-0.25f, -0.25f, -0.25f, -0.25f, -0.25f};
    char want[16384], model[300] = "{\"class_name\": \"Sequential\", \"config\": {\"name\": \"";
    float spread[500], edges[31];
    ls_text got = {0};
    size_t n;
    FILE *f = fopen(GOLDEN, "rb");

    (void)state;
    assert_non_null(f);
    n = fread(want, 1, sizeof want, f);
    fclose(f);
    memset(model + strlen(model), 'x', 200);
    strcat(model, "\"}}");
    for (int i = 0; i < 500; i++)
        spread[i] = (float)(i * 37 % 101) / 8 - 3;
    for (int i = 0; i < 31; i++)
        edges[i] = (float)i;
    ls_event_add_version(&got, 1);
    ls_event_add_keras_model(&got, &(ls_event){2, 0, "keras"}, model, strlen(model));
    ls_event_add_scalar(&got, &(ls_event){3, 3, "epoch_loss"}, 0.5f);
    ls_event_add_scalar(&got, &(ls_event){4, 0, "epoch_accuracy"}, 0.0f);
    ls_event_add_scalar(&got, &(ls_event){5, 127, "batch_loss"}, NAN);
    ls_event_add_scalar(&got, &(ls_event){6, UINT64_C(1) << 40, "batch_loss"}, -1e-7f);
    add_histogram(&got, 7, 2, "dense/kernel/histogram", spread, 500);
    add_histogram(&got, 8, 128, "edges", edges, 31);
    add_histogram(&got, 9, 1, "tenths", tenths, 3);
    add_histogram(&got, 10, 0, "equal", equal, 5);
    add_histogram(&got, 11, 4, "none", NULL, 0);
    assert_int_equal(got.status, LS_OK);
    assert_int_equal(got.length, n);
    assert_memory_equal(got.data, want, n);
    ls_text_reset(&got);
}

static void events_of_tensorflow_are_read(void **state)
{
    static const struct {
        uint64_t step;
        const char *tag;
    } want[] = {{0, "keras"},
                {3, "epoch_loss"},
                {0, "epoch_accuracy"},
                {127, "batch_loss"},
                {UINT64_C(1) << 40, "batch_loss"},
                {2, "dense/kernel/histogram"},
                {128, "edges"},
                {1, "tenths"},
                {0, "equal"},
                {4, "none"}};
    ls_text data = {0}, tag = {0};
    uint64_t step;
    bool end;
    FILE *f = fopen(GOLDEN, "rb");

    (void)state;
    assert_non_null(f);
    assert_true(ok(ls_tfrecord_read(f, &data, &end)) && !end);
    assert_false(ls_event_parse(data.data, data.length, &step, &tag)); /* the version */
    assert_false(ls_event_parse(NULL, 0, &step, &tag));                /* a record without data */
    for (size_t i = 0; i < count_of(want); i++) {
        assert_true(ok(ls_tfrecord_read(f, &data, &end)) && !end);
        assert_true(ls_event_parse(data.data, data.length, &step, &tag));
        assert_int_equal(step, want[i].step);
        assert_string_equal(tag.data, want[i].tag);
        for (size_t n = 1; n < data.length; n += 7) { /* what is cut short must not be read beyond */
            char *const part = malloc(n);

            assert_non_null(part);
            ls_event_parse(memcpy(part, data.data, n), n, &step, &tag);
            free(part);
        }
    }
    assert_true(ok(ls_tfrecord_read(f, &data, &end)) && end);
    fclose(f);
    ls_text_reset(&data);
    ls_text_reset(&tag);
}

/* ---- histograms ---- */

/* By hand: width (3 - 0) / 30 = 0.1; what is not finite does not count. */
static void histograms_fall_into_buckets_as_by_hand(void **state)
{
    static const float x[] = {0, 0.05f, 0.25f, 0.25f, NAN, 1.5f, 2.95f, INFINITY, 3, -INFINITY};
    static const struct {
        size_t bucket;
        double count;
    } want[] = {{0, 2}, {2, 2}, {15, 1}, {29, 2}};
    ls_histogram h;
    double all = 0;

    (void)state;
    ls_histogram_make(x, count_of(x), &h);
    for (size_t i = 0; i < count_of(want); i++)
        assert_true(h.bucket[want[i].bucket][2] == want[i].count);
    for (size_t i = 0; i < LS_HISTOGRAM_BUCKETS; i++) {
        all += h.bucket[i][2];
        assert_true(close_to(h.bucket[i][0], (double)i / 10, 1e-14, 0));
        assert_true(close_to(h.bucket[i][1], (double)(i + 1) / 10, 1e-14, 0));
    }
    assert_true(all == 7 && h.bucket[0][0] == 0 && h.bucket[29][1] == 3);
    ls_histogram_make(x + 4, 1, &h); /* nothing that counts */
    for (size_t i = 0; i < LS_HISTOGRAM_BUCKETS; i++)
        assert_true(h.bucket[i][0] == 0 && h.bucket[i][1] == 0 && h.bucket[i][2] == 0);
    ls_histogram_make((const float[]){-3e38f, 3e38f}, 2, &h);
    assert_true(h.bucket[0][2] == 1 && h.bucket[29][2] == 1 && h.bucket[0][0] == (double)-3e38f);
    ls_histogram_make((const float[]){-1e-45f, 0, 1e-45f}, 3, &h); /* denormal numbers */
    assert_true(h.bucket[0][2] == 1 && h.bucket[15][2] == 1 && h.bucket[29][2] == 1);
}

/* ---- files ---- */

/* "tag step, tag step, ..." of all files in the order of their names; a file begins with "|". */
static const char *contents(char *out, size_t bytes)
{
    struct dirent **entry;
    const int n = scandir(folder, &entry, NULL, alphasort);
    ls_text data = {0}, tag = {0};
    size_t length = 0;

    out[0] = '\0';
    for (int i = 0; i < n; i++) {
        char path[512];
        uint64_t step;
        bool end = false;
        FILE *f;

        snprintf(path, sizeof path, "%s/%s", folder, entry[i]->d_name);
        free(entry[i]);
        if (!strstr(path, "tfevents"))
            continue;
        f = fopen(path, "rb");
        assert_non_null(f);
        while (ok(ls_tfrecord_read(f, &data, &end)) && !end)
            if (ls_event_parse(data.data, data.length, &step, &tag))
                length += (size_t)snprintf(out + length, bytes - length, "%s %d, ", tag.data, (int)step);
            else
                length += (size_t)snprintf(out + length, bytes - length, "| ");
        fclose(f);
    }
    free(entry);
    ls_text_reset(&data);
    ls_text_reset(&tag);
    return out;
}

/* Scalars "loss" at these steps, flushed one by one. */
static void write_steps(bool resumed, uint64_t first, uint64_t last)
{
    ls_event_writer *w;

    assert_true(ok(ls_event_writer_create(folder, resumed, &w)));
    for (uint64_t step = first; step <= last; step++) {
        ls_event_writer_scalar(w, "loss", step, 1);
        assert_true(ok(ls_event_writer_flush(w)));
    }
    ls_event_writer_free(w);
}

/* The last file of the directory, which it cuts short by so many bytes. */
static void cut_last(off_t bytes)
{
    struct dirent **entry;
    const int n = scandir(folder, &entry, NULL, alphasort);
    char path[512] = "";
    struct stat info;

    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, entry[i]->d_name);
        free(entry[i]);
    }
    free(entry);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(truncate(path, info.st_size - bytes), 0);
}

static void a_resumed_run_goes_on_where_it_was(void **state)
{
    ls_event_writer *w;
    char text[512];

    (void)state;
    write_steps(false, 0, 3);
    assert_string_equal(contents(text, sizeof text), "| loss 0, loss 1, loss 2, loss 3, ");
    /* From a checkpoint of the time when steps 0 and 1 were done: 2 and 3 are there. */
    write_steps(true, 2, 5);
    assert_string_equal(contents(text, sizeof text), "| loss 0, loss 1, loss 2, loss 3, | loss 4, loss 5, ");
    /* The process died while it wrote step 5. All files of the run count. Names rise within a second. */
    cut_last(3);
    write_steps(true, 3, 6);
    assert_string_equal(contents(text, sizeof text), "| loss 0, loss 1, loss 2, loss 3, | loss 4, | loss 5, loss 6, ");
    /* Nothing new, no file. */
    write_steps(true, 6, 6);
    assert_string_equal(contents(text, sizeof text), "| loss 0, loss 1, loss 2, loss 3, | loss 4, | loss 5, loss 6, ");
    /* Another run begins; it is the one that is gone on with. Steps of one tag say nothing about another. */
    write_steps(false, 0, 1);
    assert_true(ok(ls_event_writer_create(folder, true, &w)));
    ls_event_writer_scalar(w, "a", 0, 1);
    ls_event_writer_scalar(w, "loss", 1, 1);
    ls_event_writer_histogram(w, "z", 0, (const float[]){1}, 1);
    ls_event_writer_histogram(w, "loss", 1, (const float[]){1}, 1);
    ls_event_writer_keras_model(w, "loss", 0, "{}", 2);
    ls_event_writer_keras_model(w, "keras", 0, "{}", 2);
    ls_event_writer_scalar(w, "loss", 2, 1);
    assert_true(ok(ls_event_writer_flush(w)));
    ls_event_writer_free(w);
    assert_string_equal(contents(text, sizeof text) + strlen("| loss 0, loss 1, loss 2, loss 3, | loss 4, | loss 5, "
                                                             "loss 6, "),
                        "| loss 0, loss 1, | a 0, z 0, keras 0, loss 2, ");
}

static void expect_end(const char *want)
{
    char text[1024];

    contents(text, sizeof text);
    assert_true(strlen(text) >= strlen(want));
    assert_string_equal(text + strlen(text) - strlen(want), want);
}

/* A file of an impossible time is no file of a run: the names of others do not have to come after it. */
static void a_file_of_an_absurd_time_is_passed_over(void **state)
{
    char path[512];
    FILE *f;

    (void)state;
    snprintf(path, sizeof path, "%s/events.out.tfevents.9223372036854775807.x.v2", folder);
    f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
    write_steps(false, 0, 1);
    write_steps(true, 1, 2);
    expect_end("| loss 0, loss 1, | loss 2, ");
    assert_int_equal(unlink(path), 0);
}

/* A file whose beginning could not be written is begun again. */
static void a_beginning_that_failed_is_written_again(void **state)
{
    struct rlimit old, none;
    ls_event_writer *w;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_true(ok(ls_event_writer_create(folder, false, &w)));
    ls_event_writer_scalar(w, "loss", 9, 1);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    assert_int_equal(ls_event_writer_flush(w), LS_ERR_IO);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_true(ok(ls_event_writer_flush(w)));
    ls_event_writer_free(w);
    expect_end("| loss 9, ");
}

static void errors_name_the_file(void **state)
{
    char path[512];
    ls_event_writer *w;
    FILE *f;

    (void)state;
    snprintf(path, sizeof path, "%s/file", folder);
    f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
    FAILS(ls_event_writer_create(path, false, &w), LS_ERR_IO, "cannot list", path);
    assert_null(w);
    snprintf(path, sizeof path, "%s/file/train", folder);
    FAILS(ls_event_writer_create(path, false, &w), LS_ERR_IO, "cannot list", path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksums_are_crc32c),
        cmocka_unit_test(whole_records_come_back_and_damage_ends_them),
        cmocka_unit_test(bytes_are_those_of_tensorflow),
        cmocka_unit_test(events_of_tensorflow_are_read),
        cmocka_unit_test(histograms_fall_into_buckets_as_by_hand),
        cmocka_unit_test(a_resumed_run_goes_on_where_it_was),
        cmocka_unit_test(a_file_of_an_absurd_time_is_passed_over),
        cmocka_unit_test(a_beginning_that_failed_is_written_again),
        cmocka_unit_test(errors_name_the_file),
    };

    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
