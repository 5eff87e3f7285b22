#include "h5_edit.h"

#include <stdlib.h>
#include <string.h>

#define VALUE_BYTES_MAX ((size_t)1 << 16) /* more is declared, but not written */
#define OPERATIONS_MAX 64

typedef struct editor {
    hid_t file;
    fuzz_input *input;
    const fuzz_h5_names *names;
} editor;

static size_t count(const char *const *list)
{
    size_t n = 0;

    while (list[n])
        n++;
    return n;
}

static const char *choose_name(editor *e, const char *const *list)
{
    return list[fuzz_choose(e->input, count(list))];
}

/* ---- types ---- */

static hid_t text_type(size_t bytes, H5T_str_t padding, H5T_cset_t set)
{
    const hid_t type = H5Tcopy(H5T_C_S1);

    H5Tset_size(type, bytes);
    H5Tset_strpad(type, padding);
    H5Tset_cset(type, set);
    return type;
}

static hid_t odd_integer(size_t bytes, size_t precision, size_t offset)
{
    const hid_t type = H5Tcopy(H5T_STD_I64LE);

    H5Tset_precision(type, precision);
    H5Tset_offset(type, offset);
    H5Tset_size(type, bytes);
    return type;
}

static hid_t enumeration(void)
{
    const hid_t type = H5Tenum_create(H5T_STD_I8LE);
    const signed char no = 0, yes = 1;

    H5Tenum_insert(type, "FALSE", &no);
    H5Tenum_insert(type, "TRUE", &yes);
    return type;
}

static hid_t compound(void)
{
    const hid_t type = H5Tcreate(H5T_COMPOUND, 12);

    H5Tinsert(type, "r", 0, H5T_IEEE_F64LE);
    H5Tinsert(type, "i", 8, H5T_STD_I32BE);
    return type;
}

/* The caller's. */
static hid_t choose_type(editor *e)
{
    const hid_t plain[] = {H5T_STD_U8LE,   H5T_STD_I8LE,   H5T_STD_U16LE,  H5T_STD_I16BE,     H5T_STD_U32BE,
                           H5T_STD_I32LE,  H5T_STD_U64LE,  H5T_STD_I64LE,  H5T_STD_I64BE,     H5T_IEEE_F32LE,
                           H5T_IEEE_F32BE, H5T_IEEE_F64LE, H5T_IEEE_F64BE, H5T_NATIVE_LDOUBLE};
    enum { PLAIN = sizeof plain / sizeof plain[0] };
    const size_t choice = fuzz_choose(e->input, PLAIN + 12);
    const hsize_t two[] = {2, 3};

    if (choice < PLAIN)
        return H5Tcopy(plain[choice]);
    switch (choice - PLAIN) {
    case 0:
        return text_type(1 + fuzz_choose(e->input, 20), H5T_STR_NULLTERM, H5T_CSET_ASCII);
    case 1:
        return text_type(1 + fuzz_choose(e->input, 20), H5T_STR_SPACEPAD, H5T_CSET_UTF8);
    case 2:
        return text_type(40000, H5T_STR_NULLPAD, H5T_CSET_ASCII);
    case 3:
        return text_type(H5T_VARIABLE, H5T_STR_NULLTERM, H5T_CSET_UTF8);
    case 4:
        return text_type(H5T_VARIABLE, H5T_STR_NULLTERM, H5T_CSET_ASCII);
    case 5:
        return enumeration();
    case 6:
        return compound();
    case 7:
        return H5Tvlen_create(H5T_STD_I32LE);
    case 8:
        return H5Tarray_create2(H5T_IEEE_F32LE, 2, two);
    case 9:
        return odd_integer(3 + fuzz_choose(e->input, 20), 17, 2);
    case 10:
        return H5Tcreate(H5T_OPAQUE, 1 + fuzz_choose(e->input, 9));
    default:
        return H5Tcopy(H5T_STD_REF_OBJ);
    }
}

/* ---- shapes ---- */

static hsize_t choose_length(editor *e)
{
    static const hsize_t absurd[] = {255,
                                     256,
                                     1000,
                                     65536,
                                     1u << 20,
                                     0x7fffffff,
                                     0x80000000,
                                     0xffffffff,
                                     (hsize_t)1 << 40,
                                     (hsize_t)1 << 60,
                                     ((hsize_t)1 << 60) + 1,
                                     (hsize_t)1 << 62,
                                     H5S_UNLIMITED - 1};
    const uint8_t byte = fuzz_byte(e->input);

    return byte < 240 ? byte % 16 : absurd[fuzz_choose(e->input, sizeof absurd / sizeof absurd[0])];
}

typedef struct shape {
    int axes;
    hsize_t dim[H5S_MAX_RANK];
} shape;

/* The caller's; below 0 if HDF5 wants no such space. */
static hid_t choose_space(editor *e, shape *s)
{
    const size_t choice = fuzz_choose(e->input, 24);

    s->axes = 0;
    if (choice == 0)
        return H5Screate(H5S_NULL);
    if (choice < 4)
        return H5Screate(H5S_SCALAR);
    s->axes = choice == 23 ? 32 : choice == 22 ? 10 : 1 + (int)(choice % 5);
    for (int i = 0; i < s->axes; i++)
        s->dim[i] = choose_length(e);
    return H5Screate_simple(s->axes, s->dim, NULL);
}

/* ---- values ---- */

/* Small whole numbers of any type, or the bytes of the input over and over. */
static void fill(editor *e, hid_t type, unsigned char *value, size_t n, size_t bytes)
{
    const size_t mode = fuzz_choose(e->input, 4);
    fuzz_input part;

    if (mode < 2 && (H5Tget_class(type) == H5T_INTEGER || H5Tget_class(type) == H5T_FLOAT) && bytes <= 8) {
        unsigned char *const wide = calloc(n, 16);

        FUZZ_CHECK(wide);
        for (size_t i = 0; i < n; i++)
            ((int64_t *)(void *)wide)[i] = mode ? (int64_t)i : (int64_t)fuzz_choose(e->input, 12) - 1;
        H5Tconvert(H5T_NATIVE_INT64, type, n, wide, NULL, H5P_DEFAULT);
        memcpy(value, wide, n * bytes);
        free(wide);
        return;
    }
    part = fuzz_part(e->input);
    for (size_t i = 0; i < n * bytes; i++)
        value[i] = part.left ? part.at[i % part.left] : (unsigned char)(i * 37);
}

/* A text from the list, or the next bytes. To be freed. */
static char *choose_text(editor *e)
{
    const size_t n = count(e->names->text), choice = fuzz_choose(e->input, n + 8);
    fuzz_input part;

    if (choice < n) {
        char *const text = malloc(strlen(e->names->text[choice]) + 1);

        FUZZ_CHECK(text);
        return strcpy(text, e->names->text[choice]);
    }
    part = fuzz_part(e->input);
    return fuzz_text(&part);
}

typedef struct values {
    void *data; /* NULL: too many, or of no kind that we write */
    char *text; /* of all variable-length ones */
} values;

/* How many values a space has; SIZE_MAX: more than can be counted, where HDF5 counts modulo 2^64. */
static size_t count_points(hid_t space)
{
    const int axes = H5Sget_simple_extent_ndims(space);
    hsize_t dim[H5S_MAX_RANK];
    size_t n = 1;

    if (H5Sget_simple_extent_type(space) != H5S_SIMPLE)
        return H5Sget_simple_extent_type(space) == H5S_SCALAR;
    H5Sget_simple_extent_dims(space, dim, NULL);
    for (int i = 0; i < axes; i++)
        if (dim[i] == 0)
            return 0;
    for (int i = 0; i < axes; i++)
        if (__builtin_mul_overflow(n, (size_t)dim[i], &n))
            return SIZE_MAX;
    return n;
}

/* Made before the object that they are for, so that the order of the input is always the same. */
static values make_values(editor *e, hid_t type, hid_t space)
{
    const size_t n = count_points(space), bytes = H5Tget_size(type);
    const H5T_class_t class = H5Tget_class(type);
    values v = {NULL, NULL};

    if (n < 1 || bytes < 1 || n > VALUE_BYTES_MAX / bytes)
        return v;
    FUZZ_CHECK((v.data = calloc(n, bytes)) != NULL);
    if (class == H5T_STRING && H5Tis_variable_str(type) > 0) {
        v.text = choose_text(e);
        for (size_t i = 0; i < n; i++)
            ((char **)v.data)[i] = i % 3 == 2 ? NULL : v.text;
    } else if (class == H5T_STRING) {
        v.text = choose_text(e);
        for (size_t i = 0; i < n; i++)
            memcpy((char *)v.data + i * bytes, v.text, strnlen(v.text, bytes));
    } else if (class != H5T_VLEN && class != H5T_REFERENCE) {
        fill(e, type, v.data, n, bytes);
    }
    return v;
}

static void free_values(values *v)
{
    free(v->data);
    free(v->text);
}

/* ---- operations ---- */

static void put_attribute_of(editor *e, hid_t type, hid_t space)
{
    const char *const object = choose_name(e, e->names->object), *const name = choose_name(e, e->names->attribute);
    values v = make_values(e, type, space);
    hid_t attribute;

    if (!v.data && count_points(space) > 0) /* HDF5 would hold it in memory, and so must an attacker */
        return;
    H5Adelete_by_name(e->file, object, name, H5P_DEFAULT);
    attribute = H5Acreate_by_name(e->file, object, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute >= 0 && v.data)
        H5Awrite(attribute, type, v.data);
    if (attribute >= 0)
        H5Aclose(attribute);
    free_values(&v);
}

static void put_attribute(editor *e)
{
    const hid_t type = choose_type(e);
    shape s;
    const hid_t space = choose_space(e, &s);

    if (space >= 0 && type >= 0)
        put_attribute_of(e, type, space);
    H5Sclose(space);
    H5Tclose(type);
}

static void put_text_attribute(editor *e)
{
    const hid_t type = text_type(H5T_VARIABLE, H5T_STR_NULLTERM, H5T_CSET_UTF8), space = H5Screate(H5S_SCALAR);

    put_attribute_of(e, type, space);
    H5Sclose(space);
    H5Tclose(type);
}

/* A list of texts that differ. */
static void put_list_attribute(editor *e)
{
    const hid_t type = text_type(H5T_VARIABLE, H5T_STR_NULLTERM, H5T_CSET_UTF8);
    const char *const object = choose_name(e, e->names->object), *const name = choose_name(e, e->names->attribute);
    const hsize_t n = fuzz_choose(e->input, 6);
    const hid_t space = H5Screate_simple(1, &n, NULL);
    char *text[6];
    hid_t attribute;

    for (hsize_t i = 0; i < n; i++)
        text[i] = choose_text(e);
    H5Adelete_by_name(e->file, object, name, H5P_DEFAULT);
    attribute = H5Acreate_by_name(e->file, object, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute >= 0) {
        H5Awrite(attribute, type, text);
        H5Aclose(attribute);
    }
    for (hsize_t i = 0; i < n; i++)
        free(text[i]);
    H5Sclose(space);
    H5Tclose(type);
}

static hid_t choose_layout(editor *e, const shape *s)
{
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    const size_t choice = fuzz_choose(e->input, 16);
    hsize_t chunk[H5S_MAX_RANK];

    if (choice == 0)
        H5Pset_layout(creation, H5D_COMPACT);
    else if (choice == 1)
        H5Pset_external(creation, "/dev/zero", 0, H5F_UNLIMITED);
    else if (choice >= 8 && s->axes > 0) {
        for (int i = 0; i < s->axes; i++) { /* 16 at most along an axis that is short enough to be written */
            const hsize_t least = s->dim[i] <= VALUE_BYTES_MAX ? (s->dim[i] + 15) / 16 : 1;

            chunk[i] = (least ? least : 1) + fuzz_choose(e->input, 4);
        }
        H5Pset_chunk(creation, s->axes, chunk);
        if (choice & 1)
            H5Pset_fletcher32(creation);
        if (choice & 2)
            H5Pset_deflate(creation, 1);
        if (choice & 4)
            H5Pset_shuffle(creation);
    }
    return creation;
}

static void put_dataset(editor *e)
{
    const char *const path = choose_name(e, e->names->object);
    const hid_t type = choose_type(e), links = H5Pcreate(H5P_LINK_CREATE);
    shape s;
    const hid_t space = choose_space(e, &s), creation = choose_layout(e, &s);

    H5Pset_create_intermediate_group(links, 1);
    if (space >= 0 && type >= 0) {
        values v = make_values(e, type, space);
        hid_t dataset;

        H5Ldelete(e->file, path, H5P_DEFAULT);
        dataset = H5Dcreate2(e->file, path, type, space, links, creation, H5P_DEFAULT);
        if (dataset >= 0 && v.data && H5Pget_external_count(creation) == 0)
            H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, v.data);
        if (dataset >= 0)
            H5Dclose(dataset);
        free_values(&v);
    }
    H5Pclose(creation);
    H5Sclose(space);
    H5Pclose(links);
    H5Tclose(type);
}

static void put_group(editor *e, hid_t links)
{
    const hid_t group = H5Gcreate2(e->file, choose_name(e, e->names->object), links, H5P_DEFAULT, H5P_DEFAULT);

    if (group >= 0)
        H5Gclose(group);
}

static void operate(editor *e, hid_t links)
{
    const char *from, *to;

    switch (fuzz_choose(e->input, 12)) {
    case 0:
    case 1:
        put_attribute(e);
        break;
    case 2:
    case 3:
        put_text_attribute(e);
        break;
    case 4:
        put_list_attribute(e);
        break;
    case 5:
    case 6:
    case 7:
        put_dataset(e);
        break;
    case 8:
        put_group(e, links);
        break;
    case 9:
        H5Ldelete(e->file, choose_name(e, e->names->object), H5P_DEFAULT);
        break;
    case 10:
        from = choose_name(e, e->names->object);
        H5Adelete_by_name(e->file, from, choose_name(e, e->names->attribute), H5P_DEFAULT);
        break;
    default:
        from = choose_name(e, e->names->object);
        to = choose_name(e, e->names->object);
        switch (fuzz_choose(e->input, 5)) {
        case 0:
            H5Lcreate_soft(to, e->file, from, links, H5P_DEFAULT);
            break;
        case 1:
            H5Lcreate_external("/dev/null", to, e->file, from, links, H5P_DEFAULT);
            break;
        case 2: /* also of a group into itself */
            H5Lcreate_hard(e->file, to, e->file, from, links, H5P_DEFAULT);
            break;
        case 3:
            H5Lmove(e->file, to, e->file, from, links, H5P_DEFAULT);
            break;
        default:
            H5Ocopy(e->file, to, e->file, from, H5P_DEFAULT, links);
        }
    }
}

static void edit(hid_t file, fuzz_input *input, const fuzz_h5_names *names)
{
    editor e = {file, input, names};
    const hid_t links = H5Pcreate(H5P_LINK_CREATE);
    H5E_auto2_t print;
    void *data;

    H5Eget_auto2(H5E_DEFAULT, &print, &data);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5Pset_create_intermediate_group(links, 1);
    for (size_t i = 0; i < OPERATIONS_MAX && input->left > 0; i++)
        operate(&e, links);
    H5Eclear2(H5E_DEFAULT);
    H5Eset_auto2(H5E_DEFAULT, print, data);
    H5Pclose(links);
}

static hid_t open_file(const char *path, const void *data, size_t n)
{
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    hid_t file;

    H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V18); /* attributes of more than 64 KB */
    if (n > 0)
        fuzz_write(path, data, n);
    file = n > 0 ? H5Fopen(path, H5F_ACC_RDWR, access) : H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    H5Pclose(access);
    FUZZ_CHECK(file >= 0);
    return file;
}

bool fuzz_h5_make(const char *path, const void *data, size_t n, fuzz_input *input, const fuzz_h5_names *names)
{
    const ssize_t before = H5Fget_obj_count(H5F_OBJ_ALL, H5F_OBJ_ALL);
    const hid_t file = open_file(path, data, n);

    edit(file, input, names);
    if (H5Fclose(file) >= 0 && H5Fget_obj_count(H5F_OBJ_ALL, H5F_OBJ_ALL) == before)
        return true;
    H5close();
    return false;
}

/* ---- the names in a file ---- */

#define NAMES_MAX 200 /* one byte chooses */

typedef struct collector {
    const char *object[NAMES_MAX + 1], *attribute[NAMES_MAX + 1], *text[NAMES_MAX + 1];
} collector;

static void add_name(const char **list, const char *before, const char *name)
{
    const size_t n = count(list), bytes = strlen(before) + strlen(name) + 1;
    char *const copy = malloc(bytes);

    FUZZ_CHECK(copy);
    strcpy(copy, before);
    strcat(copy, name);
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], copy) == 0) {
            free(copy);
            return;
        }
    if (n < NAMES_MAX)
        list[n] = copy;
    else
        free(copy);
}

static void add_texts(hid_t attribute, collector *c)
{
    const hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
    const hssize_t n = H5Sget_simple_extent_npoints(space);
    char **text;

    if (H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) > 0 && n > 0) {
        FUZZ_CHECK((text = calloc((size_t)n, sizeof *text)) != NULL);
        FUZZ_CHECK(H5Aread(attribute, type, text) >= 0);
        for (hssize_t i = 0; i < n; i++)
            add_name(c->text, "", text[i]);
        H5Dvlen_reclaim(type, space, H5P_DEFAULT, text);
        free(text);
    }
    H5Sclose(space);
    H5Tclose(type);
}

static herr_t take_attribute(hid_t object, const char *name, const H5A_info_t *info, void *context)
{
    const hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);

    (void)info;
    add_name(((collector *)context)->attribute, "", name);
    add_texts(attribute, context);
    H5Aclose(attribute);
    return 0;
}

static herr_t take_object(hid_t root, const char *name, const H5O_info_t *info, void *context)
{
    const hid_t object = H5Oopen(root, name, H5P_DEFAULT);

    (void)info;
    add_name(((collector *)context)->object, "/", strcmp(name, ".") == 0 ? "" : name);
    H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, NULL, take_attribute, context);
    H5Oclose(object);
    return 0;
}

fuzz_h5_names fuzz_h5_names_of(const void *data, size_t n)
{
    collector *const c = calloc(1, sizeof *c);
    const hid_t file = open_file(fuzz_path("names.h5"), data, n);

    FUZZ_CHECK(c);
    FUZZ_CHECK(H5Ovisit(file, H5_INDEX_NAME, H5_ITER_INC, take_object, c) >= 0);
    H5Fclose(file);
    add_name(c->object, "/", "new");
    add_name(c->text, "", "a/b");
    return (fuzz_h5_names){c->object, c->attribute, c->text};
}
