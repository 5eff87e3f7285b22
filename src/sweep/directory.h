/* The directory of a sweep: is it this one's, who works in it, and on what. */
#ifndef LS_SWEEP_DIRECTORY_H
#define LS_SWEEP_DIRECTORY_H

#include "sweep/facts.h"
#include "sweep/result.h"

/* A part of a sweep's combinations, for jobs of their own in one directory: those whose number is `index` modulo
 * `count`. */
typedef struct ls_shard {
    size_t index, count; /* index < count; count 1 or 0: all */
} ls_shard;

typedef struct ls_sweep_directory {
    const char *path; /* borrowed */
    char *claims;     /* of this start of the sweep: an older one, whose ranks may still live, has another */
    int lock;         /* rank 0: held while the sweep works; -1: none. Shared by shards */
    int shard_lock;   /* rank 0: that of the shard; -1: none */
} ls_sweep_directory;

/*
 * Collective. Makes the directory, or finds this sweep in it; LS_ERR_MISMATCH if it holds another one or another
 * lockstep works in it. A sweep that has grown (growth.h) is the same one, and its files are written anew. Claims of an
 * earlier start are gone afterwards. only_look: it must be there, and nothing is written.
 */
ls_status ls_sweep_directory_open(const ls_comm *comm, const ls_sweep *sweep, const ls_sweep_facts *facts,
                                  const char *path, ls_shard shard, bool only_look, ls_sweep_directory **out);
/* Not collective. finished: the claims are removed; on rank 0 only, once nobody works any more. */
void ls_sweep_directory_close(ls_sweep_directory *directory, bool finished);

/* A file of a sweep, replaced whole. Not collective. */
ls_status ls_sweep_write_file(const char *directory, const char *name, const ls_text *text);

/* Take a trial for oneself: *mine false if somebody else has. Not collective. */
ls_status ls_sweep_claim(const ls_sweep_directory *directory, const ls_trial *trial, bool *mine);

/* Tell all groups that the sweep ends, and ask whether somebody did. Not collective. */
void ls_sweep_end(const ls_sweep_directory *directory);
bool ls_sweep_has_ended(const ls_sweep_directory *directory);

#endif
