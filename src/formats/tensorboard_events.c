#include "formats/tensorboard_events.h"

#include <math.h>
#include <string.h>

#include "formats/tfrecord.h"

/* Fields, as in the header. */
enum { EVENT_WALL_TIME = 1, EVENT_STEP = 2, EVENT_FILE_VERSION = 3, EVENT_SUMMARY = 5 };
enum { SUMMARY_VALUE = 1 };
enum { VALUE_TAG = 1, VALUE_TENSOR = 8, VALUE_METADATA = 9 };
enum { TENSOR_DTYPE = 1, TENSOR_SHAPE = 2, TENSOR_CONTENT = 4, TENSOR_STRING = 8 };
enum { SHAPE_DIM = 2, DIM_SIZE = 1 };
enum { METADATA_PLUGIN = 1, PLUGIN_NAME = 1, PLUGIN_CONTENT = 2 };

enum { DT_FLOAT = 1, DT_DOUBLE = 2, DT_STRING = 7 };

/* Wire types: a key is field << 3 | type. */
enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };

/* ---- protobuf: writing ---- */

static void add_varint(ls_text *out, uint64_t value)
{
    unsigned char byte[10];
    size_t n = 0;

    for (; value > 127; value >>= 7)
        byte[n++] = (unsigned char)(value | 128);
    byte[n++] = (unsigned char)value;
    ls_text_add_bytes(out, byte, n);
}

static void add_number(ls_text *out, unsigned field, uint64_t value)
{
    add_varint(out, field << 3 | VARINT);
    add_varint(out, value);
}

static void add_little(ls_text *out, uint64_t value, size_t bytes)
{
    unsigned char byte[8];

    for (size_t i = 0; i < bytes; i++)
        byte[i] = (unsigned char)(value >> 8 * i);
    ls_text_add_bytes(out, byte, bytes);
}

static void add_double(ls_text *out, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    add_little(out, bits, sizeof bits);
}

static void add_float(ls_text *out, float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    add_little(out, bits, sizeof bits);
}

static void add_field(ls_text *out, unsigned field, const void *bytes, size_t n)
{
    add_varint(out, field << 3 | BYTES);
    add_varint(out, n);
    ls_text_add_bytes(out, bytes, n);
}

static void add_string(ls_text *out, unsigned field, const char *text)
{
    add_field(out, field, text, strlen(text));
}

/* Takes the message, whose failure becomes that of out. */
static void add_message(ls_text *out, unsigned field, ls_text *message)
{
    if (message->status != LS_OK && out->status == LS_OK)
        out->status = message->status;
    add_field(out, field, message->length ? message->data : "", message->length);
    ls_text_reset(message);
}

/* ---- events ---- */

/* Takes what follows the step. */
static void add_event(ls_text *out, double wall_time, uint64_t step, unsigned field, ls_text *what)
{
    ls_text event = {0};

    add_varint(&event, EVENT_WALL_TIME << 3 | FIXED64);
    add_double(&event, wall_time);
    if (step)
        add_number(&event, EVENT_STEP, step);
    add_message(&event, field, what);
    if (event.status != LS_OK && out->status == LS_OK)
        out->status = event.status;
    else
        ls_tfrecord_add(out, event.data, event.length);
    ls_text_reset(&event);
}

void ls_event_add_version(ls_text *out, double wall_time)
{
    ls_text version = {0};

    ls_text_add(&version, "brain.Event:2");
    add_event(out, wall_time, 0, EVENT_FILE_VERSION, &version);
}

/* An event with a summary of one tensor, which it takes. content: of the plugin, NULL for none. */
static void add_summary(ls_text *out, const ls_event *event, ls_text *tensor, const char *plugin, const char *content)
{
    ls_text summary = {0}, value = {0}, metadata = {0}, data = {0};

    add_string(&data, PLUGIN_NAME, plugin);
    if (content)
        add_string(&data, PLUGIN_CONTENT, content);
    add_message(&metadata, METADATA_PLUGIN, &data);
    add_string(&value, VALUE_TAG, event->tag);
    add_message(&value, VALUE_TENSOR, tensor);
    add_message(&value, VALUE_METADATA, &metadata);
    add_message(&summary, SUMMARY_VALUE, &value);
    add_event(out, event->wall_time, event->step, EVENT_SUMMARY, &summary);
}

/* A tensor without its content. */
static void begin_tensor(ls_text *tensor, unsigned dtype, const uint64_t *size, size_t dims)
{
    ls_text shape = {0};

    for (size_t i = 0; i < dims; i++) {
        ls_text dim = {0};

        add_number(&dim, DIM_SIZE, size[i]);
        add_message(&shape, SHAPE_DIM, &dim);
    }
    add_number(tensor, TENSOR_DTYPE, dtype);
    add_message(tensor, TENSOR_SHAPE, &shape);
}

void ls_event_add_scalar(ls_text *out, const ls_event *event, float value)
{
    ls_text tensor = {0}, content = {0};

    begin_tensor(&tensor, DT_FLOAT, NULL, 0);
    add_float(&content, value);
    add_message(&tensor, TENSOR_CONTENT, &content);
    add_summary(out, event, &tensor, "scalars", NULL);
}

void ls_event_add_histogram(ls_text *out, const ls_event *event, const ls_histogram *histogram)
{
    const uint64_t size[] = {LS_HISTOGRAM_BUCKETS, 3};
    ls_text tensor = {0}, content = {0};

    begin_tensor(&tensor, DT_DOUBLE, size, 2);
    for (size_t i = 0; i < LS_HISTOGRAM_BUCKETS; i++)
        for (size_t k = 0; k < 3; k++)
            add_double(&content, histogram->bucket[i][k]);
    add_message(&tensor, TENSOR_CONTENT, &content);
    add_summary(out, event, &tensor, "histograms", NULL);
}

void ls_event_add_keras_model(ls_text *out, const ls_event *event, const char *json, size_t bytes)
{
    ls_text tensor = {0};

    begin_tensor(&tensor, DT_STRING, NULL, 0);
    add_field(&tensor, TENSOR_STRING, json, bytes);
    add_summary(out, event, &tensor, "graph_keras_model", "1");
}

/* ---- histograms ---- */

void ls_histogram_make(const float *x, size_t n, ls_histogram *out)
{
    const size_t buckets = LS_HISTOGRAM_BUCKETS;
    double min = INFINITY, max = -INFINITY, width;

    *out = (ls_histogram){0};
    for (size_t i = 0; i < n; i++)
        if (isfinite(x[i])) {
            min = x[i] < min ? (double)x[i] : min;
            max = x[i] > max ? (double)x[i] : max;
        }
    if (min > max)
        return;
    width = (max - min) / (double)buckets;
    for (size_t i = 0; i < buckets; i++) {
        out->bucket[i][0] = min + width * (double)i;
        out->bucket[i][1] = i + 1 < buckets ? min + width * (double)(i + 1) : max;
    }
    for (size_t i = 0; i < n; i++)
        if (isfinite(x[i])) {
            const double place = width > 0 ? floor(((double)x[i] - min) / width) : (double)buckets;

            out->bucket[place < (double)buckets ? (size_t)place : buckets - 1][2]++;
        }
}

/* ---- protobuf: reading ---- */

typedef struct reader {
    const unsigned char *at, *end;
} reader;

typedef struct field {
    unsigned number, type;
    uint64_t value; /* VARINT */
    reader bytes;   /* BYTES */
} field;

static bool read_varint(reader *in, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 64 && in->at < in->end; shift += 7) {
        const unsigned char byte = *in->at++;

        *value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return true;
    }
    return false;
}

/* False at the end, and at what is no field. */
static bool read_field(reader *in, field *out)
{
    uint64_t key, bytes = 0;

    if (!read_varint(in, &key) || key >> 3 > UINT32_MAX >> 3)
        return false;
    *out = (field){.number = (unsigned)(key >> 3), .type = key & 7};
    switch (out->type) {
    case VARINT:
        return read_varint(in, &out->value);
    case FIXED64:
        bytes = 8;
        break;
    case FIXED32:
        bytes = 4;
        break;
    case BYTES:
        if (!read_varint(in, &bytes))
            return false;
        break;
    default:
        return false;
    }
    if (bytes > (uint64_t)(in->end - in->at))
        return false;
    out->bytes = (reader){in->at, in->at + bytes};
    in->at += bytes;
    return true;
}

/* The first field of bytes with that number. */
static bool find_bytes(reader in, unsigned number, reader *out)
{
    field f;

    while (read_field(&in, &f))
        if (f.number == number && f.type == BYTES) {
            *out = f.bytes;
            return true;
        }
    return false;
}

bool ls_event_parse(const void *data, size_t n, uint64_t *step, ls_text *tag)
{
    reader in, summary, value, text;
    field f;

    *step = 0;
    tag->length = 0;
    if (n == 0) /* data may be NULL */
        return false;
    in = (reader){data, (const unsigned char *)data + n};
    if (!find_bytes(in, EVENT_SUMMARY, &summary) || !find_bytes(summary, SUMMARY_VALUE, &value) ||
        !find_bytes(value, VALUE_TAG, &text))
        return false;
    while (read_field(&in, &f))
        if (f.number == EVENT_STEP && f.type == VARINT)
            *step = f.value;
    ls_text_add_bytes(tag, text.at, (size_t)(text.end - text.at));
    return tag->status == LS_OK;
}
