/*
 * TensorBoard's events, as records (tfrecord.h) of protobuf messages with the fields that TensorFlow 2 writes, in its
 * order. Numbers are field numbers; (d) double, (v) varint, (m) length and bytes; what is 0 is left out, as in proto3:
 *
 *     Event            1 wall_time (d)  2 step (v)  and one of: 3 file_version (m)  5 summary (m)
 *     Summary          1 value (m)
 *     Value            1 tag (m)  8 tensor (m)  9 metadata (m)
 *     TensorProto      1 dtype (v)  2 shape (m)  and one of: 4 tensor_content (m)  8 string_val (m)
 *     TensorShapeProto 2 dim (m), repeated: { 1 size (v) }
 *     SummaryMetadata  1 plugin_data (m): { 1 plugin_name (m)  2 content (m) }
 *
 * Sources: TensorFlow, tensorflow/core/util/event.proto, core/framework/{summary,tensor,tensor_shape}.proto;
 * TensorBoard, plugins/{scalar,histogram}/summary_v2.py, plugins/graph/keras_util.py; protobuf, "Encoding".
 *
 * Failures are kept in out->status.
 */
#ifndef LS_FORMATS_TENSORBOARD_EVENTS_H
#define LS_FORMATS_TENSORBOARD_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/* Seconds since 1970. When and, unless it is the head of a file, at which step of which curve. */
typedef struct ls_event {
    double wall_time;
    uint64_t step;
    const char *tag;
} ls_event;

/* What every file begins with; it has no step and no tag. */
void ls_event_add_version(ls_text *out, double wall_time);
void ls_event_add_scalar(ls_text *out, const ls_event *event, float value);

#define LS_HISTOGRAM_BUCKETS 30 /* as many as tf.summary.histogram makes */

typedef struct ls_histogram {
    double bucket[LS_HISTOGRAM_BUCKETS][3]; /* left edge, right edge, count */
} ls_histogram;

/*
 * Buckets of equal width from the smallest to the largest value, as TensorBoard makes them: a value on an edge is in
 * the bucket to the right, the largest in the last. All values equal: every edge is that value and the last bucket
 * counts. Values that are not finite are left out; without any, all is 0.
 */
void ls_histogram_make(const float *x, size_t n, ls_histogram *out);
void ls_event_add_histogram(ls_text *out, const ls_event *event, const ls_histogram *histogram);

/* The JSON of a Keras model, from which TensorBoard draws its graph of layers. */
void ls_event_add_keras_model(ls_text *out, const ls_event *event, const char *json, size_t bytes);

/*
 * Step and tag of the data of a record; the tag goes into *tag, in place of what it held. False: it is no event with a
 * summary of one value, as the first of a file.
 */
bool ls_event_parse(const void *data, size_t n, uint64_t *step, ls_text *tag);

#endif
