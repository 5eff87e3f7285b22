/* Pictures: decoding, channels and resizing as Pillow does them, byte for byte; folders of classes to HDF5; damage. */
#include "import_files.h"

#include <errno.h>
#include <png.h>
#include <sys/stat.h>
#include <zlib.h>

#include "data/dataset.h"
#include "data/image.h"
#include "data/import.h"
#include "golden.h"

/* ---- decoding ---- */

static void write_golden(golden_case *c, const char *to)
{
    const golden_array *const file = golden_get(c, "file");
    unsigned char *const bytes = malloc(file->n);

    assert_non_null(bytes);
    for (size_t i = 0; i < file->n; i++)
        bytes[i] = (unsigned char)file->value[i];
    write_bytes(to, bytes, file->n);
    free(bytes);
}

static bool same_pixels(golden_case *c, const char *name, const ls_image *image)
{
    const golden_array *const want = golden_get(c, name);

    if (want->axes != 3 || want->dim[0] != image->height || want->dim[1] != image->width ||
        want->dim[2] != image->channels) {
        print_error("%s: %zu x %zu x %zu\n", name, image->height, image->width, image->channels);
        return false;
    }
    for (size_t i = 0; i < want->n; i++)
        if (image->pixels[i] != want->value[i]) {
            print_error("%s: byte %zu is %d, not %g\n", name, i, image->pixels[i], want->value[i]);
            return false;
        }
    return true;
}

static bool is_refused(golden_case *c)
{
    static const char *const cases[][2] = {{"refused_transparent", "row 7, column 11"},
                                           {"refused_transparent_colour", "transparent"},
                                           {"refused_16_bits", "16 bits"},
                                           {"refused_cmyk", "CMYK"}};
    ls_image image;

    for (size_t i = 0; i < count_of(cases); i++)
        if (strcmp(cases[i][0], c->name) == 0)
            return failed_with(ls_image_read(input, &image), LS_ERR_DATA,
                               (const char *const[]){input, cases[i][1], NULL}) &&
                   !image.pixels;
    return false;
}

static bool check_image(golden_case *c, void *context)
{
    static const size_t sizes[][2] = {{64, 64}, {8, 8}, {0, 12}, {50, 0}, {7, 90}, {1, 1}};
    ls_image image;
    bool good;

    (void)context;
    write_golden(c, input);
    if (strncmp(c->name, "refused", 7) == 0)
        return is_refused(c);
    good = ok(ls_image_read(input, &image)) && same_pixels(c, "pixels", &image);
    for (size_t i = 0; good && golden_has(c, "64x64") && i < count_of(sizes); i++) {
        const size_t height = sizes[i][0] ? sizes[i][0] : image.height, width = sizes[i][1] ? sizes[i][1] : image.width;
        char name[32];
        ls_image resized;

        snprintf(name, sizeof name, "%zux%zu", height, width);
        good = ok(ls_image_read(input, &resized)) && ok(ls_image_resize(&resized, height, width)) &&
               same_pixels(c, name, &resized);
        ls_image_reset(&resized);
    }
    good = good && ok(ls_image_set_channels(&image, 4 - image.channels)) && same_pixels(c, "converted", &image);
    ls_image_reset(&image);
    return good;
}

static void pixels_are_those_of_pillow(void **state)
{
    (void)state;
    assert_true(golden_each("images.h5", (golden_tolerance){0}, check_image, NULL));
}

/* A PNG written by libpng: value of row r, column c, channel k is 31 r + 7 c + 3 k. */
static void write_png(const char *path, unsigned height, unsigned width, int channels, int interlace)
{
    static unsigned char pixels[1 << 16];
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_bytep row[256];
    FILE *const f = fopen(path, "wb");

    assert_non_null(f);
    assert_true(height <= 256 && (size_t)height * width * (size_t)channels <= sizeof pixels);
    for (unsigned r = 0, i = 0; r < height; r++) {
        row[r] = pixels + i;
        for (unsigned c = 0; c < width; c++)
            for (unsigned k = 0; k < (unsigned)channels; k++)
                pixels[i++] = (unsigned char)(31 * r + 7 * c + 3 * k);
    }
    png_init_io(png, f);
    png_set_IHDR(png, info, width, height, 8, channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, interlace,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    png_write_image(png, row);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    fclose(f);
}

static void interlaced_images_are_read(void **state)
{
    ls_image image;

    (void)state;
    write_png(input, 13, 9, 3, PNG_INTERLACE_ADAM7);
    assert_true(ok(ls_image_read(input, &image)));
    assert_true(image.height == 13 && image.width == 9 && image.channels == 3);
    for (size_t i = 0; i < 13 * 9 * 3; i++)
        assert_int_equal(image.pixels[i], (unsigned char)(31 * (i / 27) + 7 * (i / 3 % 9) + 3 * (i % 3)));
    ls_image_reset(&image);
}

/* ---- damage ---- */

/* A file cut anywhere is refused; with a byte changed anywhere it is refused, or gives pixels of some size. */
static bool damage(golden_case *c, void *context)
{
    char *bytes;
    size_t n, refused = 0, changed = 0;
    ls_image image;

    (void)context;
    c->partly = true;
    if (strncmp(c->name, "refused", 7) == 0 && strcmp(c->name, "refused_transparent_colour") != 0)
        return true;
    write_golden(c, input);
    bytes = read_whole(input, &n);
    for (size_t length = 0; length + 2 < n;
         length += 1 + length / 9) { /* a JPEG's last two bytes only say that it ends */
        write_bytes(other, bytes, length);
        if (!failed_with(ls_image_read(other, &image), LS_ERR_FORMAT, (const char *const[]){other, NULL}) ||
            image.pixels)
            return false;
    }
    for (size_t i = 0; i < n; i += 1 + i / 50) {
        ls_status st;

        bytes[i] ^= (char)(1 << i % 8);
        write_bytes(other, bytes, n);
        bytes[i] ^= (char)(1 << i % 8);
        st = ls_image_read(other, &image);
        refused += st != LS_OK;
        changed++;
        if (st != LS_OK && (!strstr(ls_error_message(), other) || image.pixels))
            return false;
        ls_image_reset(&image);
    }
    free(bytes);
    if (strncmp(c->name, "jpeg", 4) != 0 && refused != changed) { /* everything in a PNG is checksummed */
        print_error("%zu of %zu changes went unnoticed\n", changed - refused, changed);
        return false;
    }
    return true;
}

static void damaged_images_are_refused_or_sound(void **state)
{
    (void)state;
    assert_true(golden_each("images.h5", (golden_tolerance){0}, damage, NULL));
}

/* bytes[0, at), then `more`, then the rest of them. */
static void write_with(const char *path, const char *bytes, size_t n, size_t at, const char *more, size_t mores)
{
    char *const all = malloc(n + mores);

    assert_non_null(all);
    memcpy(all, bytes, at);
    memcpy(all + at, more, mores);
    memcpy(all + at + mores, bytes + at, n - at);
    write_bytes(path, all, n + mores);
    free(all);
}

/* Where the entropy-coded data of a JPEG begin: behind the head of its first scan. */
static size_t scan_begin(const char *bytes)
{
    const unsigned char *const b = (const unsigned char *)bytes;
    size_t at = 2;

    while (b[at + 1] != 0xda)
        at += 2 + (size_t)(b[at + 2] << 8 | b[at + 3]);
    return at + 2 + (size_t)(b[at + 2] << 8 | b[at + 3]);
}

static bool is_flawed(golden_case *c, const char *flaw)
{
    ls_image image;
    bool good = ok(ls_image_read(other, &image)) && same_pixels(c, "pixels", &image) && strstr(image.flaw, flaw);

    if (!good)
        print_error("%s: '%s' is not '%s'\n", c->name, image.flaw, flaw);
    ls_image_reset(&image);
    return good;
}

static bool is_damaged(const char *why)
{
    ls_image image;

    return failed_with(ls_image_read(other, &image), LS_ERR_FORMAT, (const char *const[]){other, why, NULL}) &&
           !image.pixels;
}

/* What libjpeg warns of, and no pixel is lost: Pillow's pixels of the file as it was. */
static bool flaws(golden_case *c, void *context)
{
    static const char surplus[4000], app_garbage[] = "garbage";
    char *bytes;
    size_t n;
    bool good = true;

    (void)context;
    c->partly = true;
    if (strncmp(c->name, "jpeg", 4) != 0)
        return true;
    write_golden(c, input);
    bytes = read_whole(input, &n);
    assert_memory_equal(bytes + n - 2, "\xff\xd9", 2);
    assert_memory_equal(bytes + 6, "JFIF\0\1", 6);
    bytes[11] = 0;
    write_bytes(other, bytes, n);
    good = good && is_flawed(c, "unknown JFIF revision number 0.0");
    bytes[11] = 1;
    for (size_t more = 10; more <= sizeof surplus && good; more *= 10) { /* fewer, libjpeg does not see */
        write_with(other, bytes, n, n - 2, surplus, more);
        good = is_flawed(c, "extraneous bytes before marker 0xd9");
    }
    write_with(other, bytes, n, 20, app_garbage, sizeof app_garbage); /* behind the 18 bytes of JFIF and the start */
    good = good && is_flawed(c, "8 extraneous bytes before marker 0xdb");
    for (size_t cut = 1; cut <= 2 && good; cut++) {
        write_bytes(other, bytes, n - cut);
        good = is_flawed(c, "Premature end of JPEG file");
    }
    free(bytes);
    return good;
}

/* The same file with pixels missing: it ends early, with and without an end marker, or a part of its data is none. */
static bool losses(golden_case *c, void *context)
{
    char *bytes;
    size_t n, begin;
    bool good = true;

    (void)context;
    c->partly = true;
    if (strncmp(c->name, "jpeg", 4) != 0)
        return true;
    write_golden(c, input);
    bytes = read_whole(input, &n);
    begin = scan_begin(bytes);
    for (size_t length = begin; length + 3 < n && good; length += 1 + (n - begin) / 50) {
        write_bytes(other, bytes, length);
        good = is_damaged("damaged");
    }
    if (strcmp(c->name, "jpeg_progressive") != 0) {
        write_with(other, bytes, begin + (n - begin) / 2, begin + (n - begin) / 2, "\xff\xd9", 2);
        good = good && is_damaged("premature end of data segment");
    }
    free(bytes);
    return good;
}

static void flaws_that_cost_no_pixel_are_noted(void **state)
{
    (void)state;
    assert_true(golden_each("images.h5", (golden_tolerance){0}, flaws, NULL));
}

static void missing_pixels_are_damage(void **state)
{
    (void)state;
    assert_true(golden_each("images.h5", (golden_tolerance){0}, losses, NULL));
}

static void put32(unsigned char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> (24 - 8 * i));
}

/* A PNG of 2^31 - 1 by 2^31 - 1 pixels, with a right checksum, and one of 16384 by 16384 without any of them. */
static void absurd_sizes_cost_a_message_and_no_memory(void **state)
{
    static const uint32_t sizes[][2] = {{0x7fffffff, 0x7fffffff}, {0x7fffffff, 1}, {16384, 16385}, {16384, 16384}};
    ls_image image;
    char *bytes;
    size_t n;

    (void)state;
    write_png(input, 4, 4, 3, PNG_INTERLACE_NONE);
    bytes = read_whole(input, &n);
    for (size_t i = 0; i < count_of(sizes); i++) {
        put32((unsigned char *)bytes + 16, sizes[i][0]);
        put32((unsigned char *)bytes + 20, sizes[i][1]);
        put32((unsigned char *)bytes + 29, (uint32_t)crc32(0, (unsigned char *)bytes + 12, 17));
        write_bytes(input, bytes, n);
        if (i < 3)
            FAILS(ls_image_read(input, &image), LS_ERR_DATA, input, "pixels");
        else
            FAILS(ls_image_read(input, &image), LS_ERR_FORMAT, input, "damaged");
        assert_null(image.pixels);
    }
    free(bytes);
    write_bytes(input, "GIF89a..", 8);
    FAILS(ls_image_read(input, &image), LS_ERR_FORMAT, input, "neither a PNG nor a JPEG");
    write_bytes(input, "", 0);
    FAILS(ls_image_read(input, &image), LS_ERR_FORMAT, input, "0 bytes");
    FAILS(ls_image_read(folder, &image), LS_ERR_IO, folder, "not a regular file");
    FAILS(ls_image_read("no/such.png", &image), LS_ERR_IO, "no/such.png", "No such file");
}

/* ---- folders ---- */

static ls_images_report report;

static char made[64][96];
static size_t mades;

static const char *make(const char *name, unsigned height, unsigned width, int channels)
{
    char *const path = made[mades++];
    char *slash;

    assert_true(mades <= count_of(made));
    snprintf(path, sizeof made[0], "%s/%s", folder, name);
    for (slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = '\0';
        assert_true(mkdir(path, 0777) == 0 || errno == EEXIST);
    }
    if (height)
        write_png(path, height, width, channels, PNG_INTERLACE_NONE);
    else
        write_bytes(path, "text", 4);
    return path;
}

static int remove_made(void **state)
{
    char *slash;

    (void)state;
    ls_images_report_reset(&report);
    unlink(output);
    unlink(second);
    while (mades > 0) {
        unlink(made[--mades]);
        while ((slash = strrchr(made[mades], '/')) && slash > made[mades] + strlen(folder)) {
            *slash = '\0';
            rmdir(made[mades]); /* fails while there is more in it */
        }
    }
    return 0;
}

#define LIST(...)                                                                                         \
    {                                                                                                     \
        (const ls_setting[]){__VA_ARGS__}, sizeof((const ls_setting[]){__VA_ARGS__}) / sizeof(ls_setting) \
    }
#define REQUEST(...) ((ls_images_import){.output = output, __VA_ARGS__})

static ls_status import_images(const ls_images_import *import)
{
    ls_images_report_reset(&report);
    return ls_import_images(import, &report);
}

#define IMPORT(...) assert_true(ok(import_images(&REQUEST(__VA_ARGS__))))
#define IMPORT_FAILS(status, request, ...)                   \
    do {                                                     \
        FAILS(import_images(&request), status, __VA_ARGS__); \
        assert_int_not_equal(access(output, F_OK), 0);       \
    } while (0)

static const char *in(const char *name)
{
    static char path[4][96];
    static size_t next;
    char *const out = path[next++ % 4];

    snprintf(out, sizeof path[0], "%s/%s", folder, name);
    return out;
}

/* Labels of a split as digits. */
static const char *labels(const char *path)
{
    static char text[64];
    hsize_t dim[8];
    int axes;
    unsigned char *const y = read_dataset(output, path, H5T_NATIVE_UINT8, &axes, dim);

    assert_true(axes == 1 && dim[0] < sizeof text);
    for (size_t i = 0; i < dim[0]; i++)
        text[i] = (char)('0' + y[i]);
    text[dim[0]] = '\0';
    free(y);
    return text;
}

/* Classes and files by the bytes of their names: B < a < ä; 10 < 2; other files do not count. */
static void folders_are_classes_in_the_order_of_bytes(void **state)
{
    const char *const *classes;
    unsigned char *x;
    hsize_t dim[8];
    ls_array *a;
    float v[24];
    size_t n;
    int axes;

    (void)state;
    make("r/a/2.png", 2, 4, 3);
    make("r/a/10.PNG", 2, 4, 3);
    make("r/\xc3\xa4/i.jpeg", 2, 4, 3); /* a PNG: the first bytes tell */
    make("r/B/z.png", 2, 4, 3);
    make("r/B/notes.txt", 0, 0, 0);
    make("r/B/.hidden.png", 0, 0, 0);
    make("r/README", 0, 0, 0);
    IMPORT(.input = in("r"), .splits = LIST({"train", "1"}));
    assert_int_equal(report.left_out, 2);
    assert_string_equal(labels("/train/y"), "0112");
    assert_string_equal(stored_type(output, "/train/y"), "uint8");
    x = read_dataset(output, "/train/x", H5T_NATIVE_UINT8, &axes, dim);
    assert_true(axes == 4 && dim[0] == 4 && dim[1] == 2 && dim[2] == 4 && dim[3] == 3);
    for (size_t i = 0; i < 4 * 24; i++)
        assert_int_equal(x[i], 31 * (i % 24 / 12) + 7 * (i / 3 % 4) + 3 * (i % 3));
    free(x);
    assert_true(ok(ls_array_open(output, "/train/x", NULL, &a)));
    ls_array_get(a, 3, v);
    assert_true(v[23] == 58.0f / 255.0f);
    ls_array_free(a);
    assert_true(ok(ls_array_open(output, "/train/y", NULL, &a)));
    classes = ls_array_classes(a, &n);
    assert_int_equal(n, 3);
    assert_string_equal(classes[0], "B");
    assert_string_equal(classes[1], "a");
    assert_string_equal(classes[2], "\xc3\xa4");
    ls_array_free(a);

    /* The same again has the same bytes; gray and another size. */
    assert_true(
        ok(import_images(&(ls_images_import){.input = in("r"), .splits = LIST({"train", "1"}), .output = second})));
    assert_true(same_files(output, second));
    IMPORT(.input = in("r"), .splits = LIST({"train", "1"}), .channels = 1, .height = 1, .width = 3, .deflate = 4);
    x = read_dataset(output, "/train/x", H5T_NATIVE_UINT8, &axes, dim);
    assert_true(axes == 4 && dim[0] == 4 && dim[1] == 1 && dim[2] == 3 && dim[3] == 1);
    free(x);
}

static void splits_have_their_images(void **state)
{
    char name[32];

    (void)state;
    for (int i = 0; i < 8; i++) {
        snprintf(name, sizeof name, "r/%c/%d.png", 'a' + i / 4, i);
        make(name, 2 + (unsigned)i, 3, 1);
    }
    for (uint64_t seed = 1; seed < 6; seed++) {
        IMPORT(.input = in("r"), .splits = LIST({"train", "0.75"}, {"test", "0.25"}), .stratify = true, .seed = seed,
               .height = 2, .width = 2);
        assert_string_equal(labels("/train/y"), "000111");
        assert_string_equal(labels("/test/y"), "01");
    }
    IMPORT(.input = in("r"), .splits = LIST({"train", "1"}), .shuffle = true, .height = 2, .width = 2);
    assert_string_not_equal(labels("/train/y"), "00001111");

    make("t/b/1.png", 2, 3, 1);
    IMPORT(.splits = LIST({"test", in("t")}, {"train", in("r")}), .height = 2, .width = 2);
    assert_string_equal(labels("/test/y"), "1");
    assert_string_equal(labels("/train/y"), "00001111");
    unlink(output);
    IMPORT_FAILS(LS_ERR_DATA, REQUEST(.splits = LIST({"train", in("t")}, {"test", in("r")}), .height = 2, .width = 2),
                 "r/a'", "class that the training images do not have");
    IMPORT_FAILS(LS_ERR_USAGE, REQUEST(.splits = LIST({"train", in("t")}), .stratify = true), "cannot be stratified");
    IMPORT_FAILS(LS_ERR_USAGE, REQUEST(.input = in("r"), .splits = LIST({"train", "0.5"})), "add up to 0.5");
}

static void folders_without_images_are_refused(void **state)
{
    const ls_images_import all = REQUEST(.input = in("r"), .splits = LIST({"train", "1"}));
    ls_images_import changed;

    (void)state;
    IMPORT_FAILS(LS_ERR_IO, all, "cannot open the folder", "/r'", "No such file");
    make("r/README", 0, 0, 0);
    IMPORT_FAILS(LS_ERR_DATA, all, "/r'", "no folders");
    make("r/a/notes.txt", 0, 0, 0);
    IMPORT_FAILS(LS_ERR_DATA, all, "/r/a'", "no images");
    make("r/a/1.png", 4, 3, 3);
    make("r/b/1.png", 4, 3, 1);
    IMPORT_FAILS(LS_ERR_DATA, all, "r/b/1.png is gray", "r/a/1.png", "--channels");
    make("r/b/1.png", 4, 5, 3);
    IMPORT_FAILS(LS_ERR_DATA, all, "r/b/1.png is 4 pixels high and 5 wide", "r/a/1.png, is 4 x 3", "--size");
    make("r/b/1.png", 4, 3, 3);
    make("r/b/2.png", 0, 0, 0);
    IMPORT_FAILS(LS_ERR_FORMAT, all, "r/b/2.png", "neither a PNG nor a JPEG");
    make("r/b/2.png", 4, 3, 3);
    make("r/b/more/3.png", 4, 3, 3);
    IMPORT_FAILS(LS_ERR_DATA, all, "r/b/more'", "folder within");
    changed = all;
    changed.channels = 2;
    IMPORT_FAILS(LS_ERR_USAGE, changed, "not 2");
    changed = all;
    changed.height = 5;
    IMPORT_FAILS(LS_ERR_DATA, changed, "5 x 0");
    changed = all;
    changed.deflate = 11;
    IMPORT_FAILS(LS_ERR_USAGE, changed, "deflate is 11");
    changed = all;
    changed.splits = (ls_settings){0};
    IMPORT_FAILS(LS_ERR_USAGE, changed, "nothing to import");
}

/* Rows of texts of one length in the output. */
static void has_texts(const char *path, const char *const *text, size_t n)
{
    const hid_t f = H5Fopen(output, H5F_ACC_RDONLY, H5P_DEFAULT), set = H5Dopen2(f, path, H5P_DEFAULT);
    const hid_t type = H5Dget_type(set), space = H5Dget_space(set);
    const size_t width = H5Tget_size(type);
    char *const got = calloc(n, width + 1);

    assert_int_equal(H5Sget_simple_extent_npoints(space), n);
    assert_true(H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, got) >= 0);
    for (size_t i = 0; i < n; i++)
        assert_true(strlen(text[i]) <= width && strncmp(got + i * width, text[i], width) == 0);
    free(got);
    H5Sclose(space);
    H5Tclose(type);
    H5Dclose(set);
    H5Fclose(f);
}

/* All of them, by class and name; what is no damage is in the list too, and is not skipped. */
static void all_bad_images_are_listed(void **state)
{
    ls_images_import all = REQUEST(.input = in("r"), .splits = LIST({"train", "1"}));

    (void)state;
    make("r/b/9.png", 0, 0, 0);
    make("r/b/1.png", 4, 3, 3);
    make("r/a/2.png", 0, 0, 0);
    make("r/a/10.png", 0, 0, 0);
    make("r/c/1.png", 4, 4, 3);
    IMPORT_FAILS(LS_ERR_FORMAT, all, "4 of 5 images cannot be imported", "r/a/10.png is neither",
                 "--skip-damaged leaves out the 3");
    assert_int_equal(report.bad, 4);
    assert_non_null(strstr(report.bad_lines.data, "r/a/2.png is neither"));
    assert_true(strstr(report.bad_lines.data, "r/b/9.png") > strstr(report.bad_lines.data, "r/a/2.png"));
    assert_true(strstr(report.bad_lines.data, "r/c/1.png is 4 pixels high and 4 wide") >
                strstr(report.bad_lines.data, "r/b/9.png"));
    all.skip_damaged = true;
    IMPORT_FAILS(LS_ERR_DATA, all, "every image of the class 'a' is damaged");
    make("r/a/3.png", 4, 3, 3);
    IMPORT_FAILS(LS_ERR_DATA, all, "r/c/1.png is 4 pixels high and 4 wide", "r/a/3.png");
    make("r/c/1.png", 4, 3, 3);
    for (int i = 100; i < 130; i++) {
        char name[32];

        snprintf(name, sizeof name, "r/c/%d.png", i);
        make(name, 0, 0, 0);
    }
    all.skip_damaged = false;
    IMPORT_FAILS(LS_ERR_FORMAT, all, "33 of 36");
    assert_non_null(strstr(report.bad_lines.data, "and 13 more"));
}

/* Labels, splits and bytes are those of the folder without the damaged files. */
static void damaged_images_are_skipped(void **state)
{
    char name[32];

    (void)state;
    for (int i = 0; i < 12; i++) {
        snprintf(name, sizeof name, "r/%c/%d.png", 'a' + i / 4, 10 + i);
        make(name, 2, 3, 3);
    }
    for (int deal = 0; deal < 2; deal++) {
        const ls_setting splits[] = {{"train", deal ? "0.5" : "1"}, {"test", "0.5"}};
        ls_images_import all =
            REQUEST(.input = in("r"), .splits = {splits, deal ? 2 : 1}, .stratify = deal, .shuffle = deal);
        char train[16];

        assert_true(ok(import_images(&all)));
        snprintf(train, sizeof train, "%s", labels("/train/y"));
        make("r/a/0.jpg", 0, 0, 0);
        make("r/b/15x.png", 0, 0, 0);
        make("r/c/z.png", 0, 0, 0);
        unlink(output);
        IMPORT_FAILS(LS_ERR_FORMAT, all, "3 of 15 images");
        all.skip_damaged = true;
        assert_true(ok(import_images(&all)));
        assert_int_equal(report.skipped, 3);
        assert_string_equal(labels("/train/y"), train);
        has_texts("/skipped/image", (const char *const[]){"a/0.jpg", "b/15x.png", "c/z.png"}, 3);
        has_texts("/skipped/reason",
                  (const char *const[]){"is neither a PNG nor a JPEG file, by its first bytes",
                                        "is neither a PNG nor a JPEG file, by its first bytes",
                                        "is neither a PNG nor a JPEG file, by its first bytes"},
                  3);
        for (int i = 0; i < 3; i++)
            unlink(made[--mades]);
    }
    make("t/b/1.png", 0, 0, 0);
    make("t/a/1.png", 2, 3, 3);
    IMPORT(.splits = LIST({"train", in("r")}, {"test", in("t")}), .skip_damaged = true);
    assert_string_equal(labels("/test/y"), "0");
    has_texts("/skipped/image", (const char *const[]){"test/b/1.png"}, 1);
}

/* A pipe is not waited for; a link to nothing is one of the bad. */
static void names_of_no_files_are_bad_images(void **state)
{
    const ls_images_import all = REQUEST(.input = in("r"), .splits = LIST({"train", "1"}), .skip_damaged = true);

    (void)state;
    make("r/a/1.png", 2, 3, 3);
    make("r/b/1.png", 2, 3, 3);
    unlink(make("r/b/2.png", 2, 3, 3));
    assert_int_equal(mkfifo(in("r/b/2.png"), 0600), 0);
    unlink(make("r/b/3.png", 2, 3, 3));
    assert_int_equal(symlink("nothing", in("r/b/3.png")), 0);
    IMPORT_FAILS(LS_ERR_IO, all, "2 of 4 images", "r/b/2.png", "not a regular file");
    assert_non_null(strstr(report.bad_lines.data, "r/b/3.png': No such file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixels_are_those_of_pillow),
        cmocka_unit_test(interlaced_images_are_read),
        cmocka_unit_test(damaged_images_are_refused_or_sound),
        cmocka_unit_test(flaws_that_cost_no_pixel_are_noted),
        cmocka_unit_test(missing_pixels_are_damage),
        cmocka_unit_test(absurd_sizes_cost_a_message_and_no_memory),
        cmocka_unit_test_teardown(folders_are_classes_in_the_order_of_bytes, remove_made),
        cmocka_unit_test_teardown(splits_have_their_images, remove_made),
        cmocka_unit_test_teardown(folders_without_images_are_refused, remove_made),
        cmocka_unit_test_teardown(all_bad_images_are_listed, remove_made),
        cmocka_unit_test_teardown(damaged_images_are_skipped, remove_made),
        cmocka_unit_test_teardown(names_of_no_files_are_bad_images, remove_made),
    };

    return cmocka_run_group_tests(tests, import_set_up, import_tear_down);
}
