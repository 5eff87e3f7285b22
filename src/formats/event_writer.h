/*
 * The event files of one directory, which TensorBoard shows as one run:
 *
 *     events.out.tfevents.SECONDS.HOST.PROCESS.NUMBER.v2             begins a run
 *     events.out.tfevents.SECONDS.HOST.PROCESS.NUMBER.resumed.v2     goes on with it
 *
 * TensorBoard needs "tfevents" in the name and reads files in the order of their names: a new one comes after all
 * that are there, even when clocks disagree. Nothing is on disk before the first event.
 *
 * A run that goes on from a checkpoint comes once more to steps that the run before it wrote before it died. They are
 * the same events, so those that the files of the run already hold are not written again.
 */
#ifndef LS_FORMATS_EVENT_WRITER_H
#define LS_FORMATS_EVENT_WRITER_H

#include "formats/tensorboard_events.h"

typedef struct ls_event_writer ls_event_writer;

/* resumed: goes on with the last run in the directory, whose files are read. */
ls_status ls_event_writer_create(const char *directory, bool resumed, ls_event_writer **out);
/* Events that were not flushed are lost. */
void ls_event_writer_free(ls_event_writer *writer);

/* Steps of a tag must rise. These only collect; ls_event_writer_flush tells of failures. */
void ls_event_writer_scalar(ls_event_writer *writer, const char *tag, uint64_t step, float value);
void ls_event_writer_histogram(ls_event_writer *writer, const char *tag, uint64_t step, const float *x, size_t n);
void ls_event_writer_keras_model(ls_event_writer *writer, const char *tag, uint64_t step, const char *json,
                                 size_t bytes);

/* Append what was collected to the file, in one piece. */
ls_status ls_event_writer_flush(ls_event_writer *writer);

#endif
