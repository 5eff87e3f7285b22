/* The header of a NumPy array: a Python dictionary with the keys descr, fortran_order and shape, in any order. */
#include "data/npy.h"

#include <inttypes.h>
#include <string.h>

typedef struct parser {
    const char *at, *end;
    const char *name; /* for messages */
} parser;

/* How much of a text from a file a message may quote: of a header, not the blanks that pad it. */
static int quotable(const char *text, size_t n)
{
    int length = 0;

    while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\n'))
        n--;
    while ((size_t)length < n && length < 40 && text[length] >= ' ' && text[length] <= '~')
        length++;
    return length;
}

static ls_status fail_syntax(const parser *p, const char *expected)
{
    return ls_fail(LS_ERR_FORMAT, "%s: its NPY header is not what NumPy writes: %s is expected where '%.*s' stands",
                   p->name, expected, quotable(p->at, (size_t)(p->end - p->at)), p->at);
}

static void skip_blanks(parser *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n'))
        p->at++;
}

static bool take(parser *p, const char *word)
{
    const size_t n = strlen(word);

    skip_blanks(p);
    if ((size_t)(p->end - p->at) < n || memcmp(p->at, word, n) != 0)
        return false;
    p->at += n;
    return true;
}

/* 'text' without escapes, which neither keys nor types need. */
static ls_status take_text(parser *p, const char **text, size_t *n)
{
    const char *close;
    char quote;

    skip_blanks(p);
    quote = p->at < p->end ? *p->at : '\0';
    close = quote == '\'' || quote == '"' ? memchr(p->at + 1, quote, (size_t)(p->end - p->at - 1)) : NULL;
    if (!close)
        return fail_syntax(p, "a text in quotes");
    *text = p->at + 1;
    *n = (size_t)(close - *text);
    p->at = close + 1;
    return LS_OK;
}

/* "<f4": byte order, kind and bytes. */
static ls_status read_type(parser *p, ls_npy_info *out)
{
    static const char *const known[] = {"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"};
    const char *text;
    size_t n;

    skip_blanks(p);
    if (p->at < p->end && *p->at == '[')
        return ls_fail(LS_ERR_DATA, "%s holds records (a structured type); save each field as an array of its own",
                       p->name);
    LS_TRY(take_text(p, &text, &n));
    if (n == 3 && strchr("<>|=", text[0]))
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            if (memcmp(text + 1, known[i], 2) == 0 && (text[0] != '|' || known[i][1] == '1')) {
                out->kind = known[i][0];
                out->value_bytes = (size_t)(known[i][1] - '0');
                out->big_endian = text[0] == '>';
                return LS_OK;
            }
    return ls_fail(LS_ERR_DATA,
                   "%s holds %s of type '%.*s'; integers, bool and floating-point numbers of 2, 4 and 8 bytes can be "
                   "imported",
                   p->name,
                   n > 1 && strchr("SUa", text[1])  ? "texts"
                   : n > 1 && text[1] == 'O'        ? "Python objects"
                   : n > 1 && text[1] == 'c'        ? "complex numbers"
                   : n > 1 && strchr("mM", text[1]) ? "times"
                                                    : "values",
                   quotable(text, n), text);
}

/* Digits, and the L of Python 2 behind them. */
static ls_status read_length(parser *p, uint64_t *length)
{
    const char *begin;

    skip_blanks(p);
    begin = p->at;
    for (*length = 0; p->at < p->end && *p->at >= '0' && *p->at <= '9'; p->at++)
        if (__builtin_mul_overflow(*length, 10, length) ||
            __builtin_add_overflow(*length, (uint64_t)(*p->at - '0'), length))
            return ls_fail(LS_ERR_FORMAT, "%s: its NPY header declares an axis beyond 64 bits; the file is damaged",
                           p->name);
    if (p->at == begin)
        return fail_syntax(p, "the length of an axis");
    if (p->at < p->end && *p->at == 'L')
        p->at++;
    return LS_OK;
}

/* "(60000, 28, 28)", "(60000,)" */
static ls_status read_shape(parser *p, ls_npy_info *out)
{
    size_t axes = 0;

    if (!take(p, "("))
        return fail_syntax(p, "a shape in parentheses");
    while (!take(p, ")")) {
        uint64_t length;

        LS_TRY(read_length(p, &length));
        if (axes > LS_AXES_MAX)
            return ls_fail(LS_ERR_DATA,
                           "%s has more than %d axes; at most that many are possible, the first counting samples",
                           p->name, LS_AXES_MAX + 1);
        if (length == 0)
            return ls_fail(LS_ERR_DATA, "%s: axis %zu has length 0; there is nothing to import", p->name, axes);
        if (axes == 0)
            out->samples = length;
        else
            out->shape.dim[axes - 1] = (size_t)length;
        axes++;
        if (take(p, ","))
            continue;
        if (axes == 1 || !take(p, ")"))
            return fail_syntax(p, "a comma");
        break;
    }
    if (axes == 0)
        return ls_fail(LS_ERR_DATA, "%s holds a single value; a dataset needs a first axis that counts samples",
                       p->name);
    out->shape.axes = axes - 1;
    return LS_OK;
}

enum { DESCR = 1, FORTRAN_ORDER = 2, SHAPE = 4, ALL = 7 };

static ls_status read_entry(parser *p, ls_npy_info *out, unsigned *seen)
{
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    const char *text;
    unsigned key = 0;
    size_t n;

    LS_TRY(take_text(p, &text, &n));
    for (unsigned i = 0; i < 3; i++)
        if (strlen(keys[i]) == n && memcmp(text, keys[i], n) == 0)
            key = 1u << i;
    if (!key || *seen & key)
        return ls_fail(LS_ERR_FORMAT, "%s: its NPY header has %s key '%.*s'", p->name,
                       key ? "more than one" : "the unknown", quotable(text, n), text);
    *seen |= key;
    if (!take(p, ":"))
        return fail_syntax(p, "a colon");
    if (key == DESCR)
        return read_type(p, out);
    if (key == SHAPE)
        return read_shape(p, out);
    out->fortran_order = take(p, "True");
    return out->fortran_order || take(p, "False") ? LS_OK : fail_syntax(p, "True or False");
}

ls_status ls_npy_parse(const char *header, size_t bytes, const char *name, ls_npy_info *out)
{
    parser p = {.at = header, .end = header + bytes, .name = name};
    unsigned seen = 0;
    ls_status st;

    *out = (ls_npy_info){0};
    if (!take(&p, "{"))
        return fail_syntax(&p, "'{'");
    while (!take(&p, "}")) {
        LS_TRY(read_entry(&p, out, &seen));
        if (take(&p, ","))
            continue;
        if (!take(&p, "}"))
            return fail_syntax(&p, "a comma or '}'");
        break;
    }
    skip_blanks(&p);
    if (p.at != p.end)
        return fail_syntax(&p, "the end");
    if (seen != ALL)
        return ls_fail(LS_ERR_FORMAT, "%s: its NPY header lacks %s", name,
                       !(seen & DESCR)   ? "descr"
                       : !(seen & SHAPE) ? "shape"
                                         : "fortran_order");
    st = ls_shape_check(&out->shape, "a sample");
    return st == LS_OK ? LS_OK : ls_fail_in(st, "%s", name);
}

/* Padded with spaces so that the values begin at a multiple of 64 bytes, as NumPy does. */
void ls_npy_write_header(uint64_t samples, const ls_shape *shape, ls_text *out)
{
    ls_text header = {0};
    size_t padding;

    ls_text_add(&header, "{'descr': '<f4', 'fortran_order': False, 'shape': (%" PRIu64 ",", samples);
    for (size_t i = 0; i < shape->axes; i++)
        ls_text_add(&header, " %zu%s", shape->dim[i], i + 1 < shape->axes ? "," : "");
    ls_text_add(&header, "), }");
    padding = 63 - (10 + header.length) % 64;
    ls_text_add(&header, "%*s\n", (int)padding, "");
    ls_text_add_bytes(out, "\x93NUMPY\x01\x00", 8);
    ls_text_add_bytes(out, (char[]){(char)(header.length & 0xff), (char)(header.length >> 8)}, 2);
    ls_text_add_bytes(out, header.data, header.length);
    if (out->status == LS_OK)
        out->status = header.status;
    ls_text_reset(&header);
}
