#include "sweep/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "experiment/experiment.h"
#include "formats/yaml.h"
#include "sweep/describe.h"

#define LOCK_S 3.0 /* so long the ranks of a sweep that was killed may take to go */
#define CLAIMS_BYTES 128
#define END "end" /* no trial is called so */

/* ---- what identifies a sweep ---- */

typedef struct identity {
    ls_text sweep, base, facts; /* sweep.yaml, base.yaml, sweep.json */
    ls_text lasting;            /* of sweep.yaml: what may not grow */
    char arithmetic[LS_ARITHMETIC_BYTES];
} identity;

static void reset(identity *id)
{
    ls_text_reset(&id->sweep);
    ls_text_reset(&id->base);
    ls_text_reset(&id->facts);
    ls_text_reset(&id->lasting);
}

static bool is_one_of(const char *key, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(key, *names) == 0)
            return true;
    return false;
}

/* What may differ, for results do not depend on it (what stands under `set` is in base.yaml); and what may grow. */
static const char *const left_out[] = {"output", "set", "ranks_per_run", NULL};
static const char *const growing[] = {"grid", "list", "seeds", NULL};
static const char *const growing_facts[] = {"seeds", "combinations", "combination", NULL};

/* Of the file's tree; `without` may be NULL. */
static ls_status write_sweep(const ls_config *tree, const char *const *without, ls_text *out)
{
    ls_config *root = ls_config_create(LS_CONFIG_MAP, "sweep"), *base = ls_config_create(LS_CONFIG_SCALAR, "sweep");
    ls_status st = LS_ERR_MEMORY;

    if (!root || !base || !(base->text = ls_strdup("base.yaml")))
        goto cleanup;
    for (const ls_config *c = tree->first; c; c = c->next)
        if (!is_one_of(c->key, left_out) && !(without && is_one_of(c->key, without)))
            LS_TRY_CLEANUP(ls_config_put(root, c->key, strcmp(c->key, "base") == 0 ? base : c));
    ls_yaml_write(root, out);
    st = out->status;
cleanup:
    ls_config_free(root);
    ls_config_free(base);
    return st;
}

static ls_status write_base(const ls_sweep *sweep, identity *out)
{
    ls_config *root = ls_config_copy(sweep->base);
    ls_experiment *experiment = NULL;
    ls_status st = root ? ls_experiment_create(root, sweep->base_file, &experiment) : LS_ERR_MEMORY;

    if (st == LS_OK)
        st = ls_experiment_write(experiment, NULL, false, &out->base);
    if (st == LS_OK)
        ls_arithmetic_describe((ls_arithmetic)experiment->distributed.arithmetic, out->arithmetic);
    ls_experiment_free(experiment);
    return st;
}

static ls_status identify(const ls_sweep *sweep, const ls_sweep_facts *facts, identity *out)
{
    LS_TRY(write_sweep(sweep->root, NULL, &out->sweep));
    LS_TRY(write_sweep(sweep->root, growing, &out->lasting));
    LS_TRY(write_base(sweep, out));
    return ls_sweep_describe(sweep, facts, out->arithmetic, &out->facts);
}

ls_status ls_sweep_write_file(const char *directory, const char *name, const ls_text *text)
{
    char *path = ls_path_join(directory, name);
    const ls_status st = path ? ls_file_replace(path, text->data, text->length) : LS_ERR_MEMORY;

    ls_free(path);
    return st;
}

static ls_status fail_other(const char *path, const char *what)
{
    return ls_fail(LS_ERR_MISMATCH,
                   "'%s' holds results of another sweep: %s; choose another --output, or remove the directory", path,
                   what);
}

/* Is sweep.json that of the same sweep, but for what may grow? Names the first entry that differs: most often the data.
 */
static ls_status match_facts(const char *directory, const ls_text *found, const ls_text *want)
{
    json_t *a = json_loads(found->data, 0, NULL), *b = json_loads(want->data, 0, NULL), *value;
    const char *key, *differs = NULL;
    char what[128] = "its sweep.json differs";
    ls_status st = LS_OK;

    json_object_foreach(b, key, value)
    {
        if (!differs && !is_one_of(key, growing_facts) && !json_equal(value, json_object_get(a, key)))
            differs = key;
    }
    if (differs)
        snprintf(what, sizeof what, "'%s' differs in its sweep.json", differs);
    if (differs || !a)
        st = fail_other(directory, what);
    json_decref(a);
    json_decref(b);
    return st;
}

/* The same for sweep.yaml. */
static ls_status match_sweep(const char *directory, const char *path, const identity *id)
{
    ls_config *root = NULL;
    ls_text there = {0};
    ls_status st = ls_yaml_read(path, &root);

    if (st == LS_OK)
        st = write_sweep(root, growing, &there);
    if (st == LS_OK && strcmp(there.data, id->lasting.data) != 0)
        st = fail_other(directory, "its sweep.yaml differs");
    ls_text_reset(&there);
    ls_config_free(root);
    return st;
}

/* One of the three files. *equal: it is there, and as it is to be. only_look: it must be there. */
static ls_status match_file(const char *directory, const char *name, const identity *id, bool only_look, bool *equal)
{
    const ls_text *want = strcmp(name, "base.yaml") == 0    ? &id->base
                          : strcmp(name, "sweep.yaml") == 0 ? &id->sweep
                                                            : &id->facts;
    char *path = ls_path_join(directory, name);
    ls_text found = {0};
    ls_status st = path ? LS_OK : LS_ERR_MEMORY;

    *equal = false;
    if (st != LS_OK || (!only_look && !ls_file_exists(path)) || (st = ls_file_read(path, &found)) != LS_OK)
        goto cleanup;
    *equal = found.length == want->length && memcmp(found.data, want->data, want->length) == 0;
    if (!*equal && want == &id->facts)
        st = match_facts(directory, &found, want);
    else if (!*equal && want == &id->sweep)
        st = match_sweep(directory, path, id);
    else if (!*equal)
        st = fail_other(directory, "its base.yaml differs");
cleanup:
    ls_text_reset(&found);
    ls_free(path);
    return st;
}

/* Nothing is written unless all three match. sweep.json last: without it the directory was killed in the making, or is
 * new. */
static ls_status match(const char *directory, const identity *id, bool only_look)
{
    bool equal[3];

    LS_TRY(match_file(directory, "base.yaml", id, only_look, &equal[0]));
    LS_TRY(match_file(directory, "sweep.yaml", id, only_look, &equal[1]));
    LS_TRY(match_file(directory, "sweep.json", id, only_look, &equal[2]));
    if (only_look)
        return LS_OK;
    LS_TRY(equal[0] ? LS_OK : ls_sweep_write_file(directory, "base.yaml", &id->base));
    LS_TRY(equal[1] ? LS_OK : ls_sweep_write_file(directory, "sweep.yaml", &id->sweep));
    return equal[2] ? LS_OK : ls_sweep_write_file(directory, "sweep.json", &id->facts);
}

/*
 * A directory with something else in it is not written over. base.yaml comes before all else, and is looked for when
 * the rest has been seen: another sweep may be at work there, until the lock is ours.
 */
static ls_status check_free(const char *path)
{
    char *own = ls_path_join(path, "base.yaml"), other[NAME_MAX + 1] = "";
    DIR *listing = own ? opendir(path) : NULL;
    ls_status st = own ? LS_OK : LS_ERR_MEMORY;

    for (struct dirent *entry; listing && (entry = readdir(listing));)
        if (entry->d_name[0] != '.' && strncmp(entry->d_name, "lock", 4) != 0 &&
            strncmp(entry->d_name, "base.yaml", 9) != 0)
            snprintf(other, sizeof other, "%s", entry->d_name);
    if (listing)
        closedir(listing);
    if (own && other[0] && !ls_file_exists(own))
        st = ls_fail(LS_ERR_MISMATCH, "'%s' holds something else than a sweep ('%s'): choose another --output", path,
                     other);
    ls_free(own);
    return st;
}

/* ---- the lock ---- */

/* Gone with the process, however it ends. A file system without locks is no reason to fail. */
static ls_status take_lock(const char *directory, const char *name, bool shared, int *out)
{
    struct flock lock = {.l_type = shared ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET};
    const struct timespec nap = {.tv_nsec = 50 * 1000 * 1000};
    char *path = ls_path_join(directory, name);
    ls_status st = LS_OK;

    *out = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666) : -1;
    if (*out < 0)
        st = path ? ls_fail(LS_ERR_IO, "cannot write '%s': %s", path, strerror(errno)) : LS_ERR_MEMORY;
    for (double waited = 0; st == LS_OK && fcntl(*out, F_SETLK, &lock) && (errno == EACCES || errno == EAGAIN);
         waited += 0.05) {
        if (waited > LOCK_S)
            st = ls_fail(LS_ERR_MISMATCH, "another sweep works in '%s': wait for it, or choose another --output",
                         directory);
        else
            nanosleep(&nap, NULL);
    }
    ls_free(path);
    return st;
}

/* ---- claims ---- */

static void remove_files(const char *directory)
{
    DIR *listing = opendir(directory);

    for (struct dirent *entry; listing && (entry = readdir(listing));) {
        char *path = entry->d_name[0] == '.' ? NULL : ls_path_join(directory, entry->d_name);

        if (path)
            unlink(path);
        ls_free(path);
    }
    if (listing)
        closedir(listing);
    rmdir(directory);
}

static void remove_claims(const char *claims)
{
    DIR *listing = opendir(claims);

    for (struct dirent *entry; listing && (entry = readdir(listing));) {
        char *path = entry->d_name[0] == '.' ? NULL : ls_path_join(claims, entry->d_name);

        if (path)
            remove_files(path);
        ls_free(path);
    }
    if (listing)
        closedir(listing);
    rmdir(claims);
}

ls_status ls_sweep_claim(const ls_sweep_directory *directory, const ls_trial *trial, bool *mine)
{
    char id[LS_TRIAL_ID_BYTES];
    ls_status st = LS_OK;
    char *path;
    int fd;

    ls_trial_id(trial, id);
    if (!(path = ls_path_join(directory->claims, id)))
        return LS_ERR_MEMORY;
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    *mine = fd >= 0;
    if (fd < 0 && errno != EEXIST)
        st = ls_fail(LS_ERR_IO, "cannot write '%s': %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    ls_free(path);
    return st;
}

void ls_sweep_end(const ls_sweep_directory *directory)
{
    char *path = ls_path_join(directory->claims, END);
    const int fd = path ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666) : -1;

    if (fd >= 0)
        close(fd);
    ls_free(path);
}

bool ls_sweep_has_ended(const ls_sweep_directory *directory)
{
    char *path = ls_path_join(directory->claims, END);
    const bool ended = path && ls_file_exists(path);

    ls_free(path);
    return ended;
}

/* ---- the whole ---- */

void ls_sweep_directory_close(ls_sweep_directory *directory, bool finished)
{
    if (!directory)
        return;
    if (finished && directory->claims) {
        *strrchr(directory->claims, '/') = '\0';
        remove_claims(directory->claims);
    }
    if (directory->lock >= 0)
        close(directory->lock);
    if (directory->shard_lock >= 0)
        close(directory->shard_lock);
    ls_free(directory->claims);
    ls_free(directory);
}

/* Shards share the directory, and each is one job's; the whole sweep has it for itself. */
static ls_status lock(ls_sweep_directory *d, ls_shard shard)
{
    char name[64];

    LS_TRY(take_lock(d->path, "lock", shard.count > 1, &d->lock));
    if (shard.count <= 1)
        return LS_OK;
    snprintf(name, sizeof name, "lock-%zuof%zu", shard.index + 1, shard.count);
    return take_lock(d->path, name, false, &d->shard_lock);
}

/* On rank 0. */
static ls_status prepare(ls_sweep_directory *d, const identity *id, ls_shard shard, bool only_look,
                         char start[CLAIMS_BYTES])
{
    char folder[64] = "claims", *claims;
    struct timespec now;
    ls_status st = LS_OK;

    if (only_look)
        return match(d->path, id, true);
    LS_TRY(ls_directory_create(d->path));
    LS_TRY(check_free(d->path));
    LS_TRY(lock(d, shard));
    LS_TRY(match(d->path, id, false));
    clock_gettime(CLOCK_REALTIME, &now);
    if (shard.count > 1)
        snprintf(folder, sizeof folder, "claims-%zuof%zu", shard.index + 1, shard.count);
    snprintf(start, CLAIMS_BYTES, "%s/%ld-%lld", folder, (long)getpid(),
             (long long)now.tv_sec * 1000000000 + now.tv_nsec);
    if (!(claims = ls_path_join(d->path, folder)))
        return LS_ERR_MEMORY;
    remove_claims(claims);
    ls_free(claims);
    if (!(claims = ls_path_join(d->path, start)))
        return LS_ERR_MEMORY;
    st = ls_directory_create(claims);
    ls_free(claims);
    return st;
}

ls_status ls_sweep_directory_open(const ls_comm *comm, const ls_sweep *sweep, const ls_sweep_facts *facts,
                                  const char *path, ls_shard shard, bool only_look, ls_sweep_directory **out)
{
    ls_sweep_directory *d = ls_calloc(1, sizeof *d, "the directory of the sweep");
    char start[CLAIMS_BYTES] = "claims/none";
    identity id = {0};
    ls_status st = d ? identify(sweep, facts, &id) : LS_ERR_MEMORY;

    *out = NULL;
    if (d) {
        d->path = path;
        d->lock = d->shard_lock = -1;
    }
    LS_TRY_CLEANUP(ls_agree(comm, st));
    LS_TRY_CLEANUP(ls_comm_same(comm, "the sweep", id.sweep.data));
    LS_TRY_CLEANUP(ls_comm_same(comm, "the experiment", id.base.data));
    LS_TRY_CLEANUP(ls_comm_same(comm, "the arithmetic", id.arithmetic));
    LS_TRY_CLEANUP(ls_agree(comm, comm->rank == 0 ? prepare(d, &id, shard, only_look, start) : LS_OK));
    LS_TRY_CLEANUP(
        ls_mpi_check(MPI_Bcast(start, sizeof start, MPI_CHAR, 0, comm->mpi), "sharing where claims are made"));
    if (!(d->claims = ls_path_join(path, start)))
        st = LS_ERR_MEMORY;
    LS_TRY_CLEANUP(ls_agree(comm, st));
    *out = d;
    d = NULL;
cleanup:
    reset(&id);
    ls_sweep_directory_close(d, false);
    return st;
}
