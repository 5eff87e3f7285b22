/* lockstep doctor */
#include "cli/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "cli/cli.h"
#include "cli/launcher.h"
#include "cli/print.h"
#include "cli/ring_ping.h"
#include "comm/mpi_settings.h"
#include "h5/lock.h"
#include "lockstep/version.h"
#include "run/fit.h"
#include "tensor/kernels.h"
#include "train/task.h"
#include "train/updater.h"

static const char help[] =
    "usage: lockstep doctor [EXPERIMENT.yaml] [OPTIONS]\n\n"
    "Looks whether a training would work here, started as it is started, alone or under mpirun or srun: ranks and their\n"
    "launcher, hosts, processors and binding, arithmetic, network, MPI, HDF5, shared memory and tools; with an experiment\n"
    "also its data, memory, and the disk that it would write to. A line for each; what is not fine is marked with ! and\n"
    "says what to do. Exit status 1 if training would fail. Nothing is written.\n\n"
    "  --output DIR         the run directory (default: `output` of the experiment)\n"
    "  --set KEY=VALUE      change a setting, as in --set fit.batch_size=64; may be repeated\n";

enum { OUTPUT = 1, SET };

static const struct option options[] = {
    {"output", required_argument, NULL, OUTPUT}, {"set", required_argument, NULL, SET}, {NULL, 0, NULL, 0}};

/* ---- the program and its libraries ---- */

/* The lock is taken. */
static void list_filters(ls_text *out)
{
    static const struct {
        H5Z_filter_t id;
        const char *name;
    } filters[] = {{H5Z_FILTER_DEFLATE, "deflate"},
                   {H5Z_FILTER_SHUFFLE, "shuffle"},
                   {H5Z_FILTER_FLETCHER32, "fletcher32"},
                   {H5Z_FILTER_SZIP, "szip"},
                   {H5Z_FILTER_NBIT, "nbit"},
                   {H5Z_FILTER_SCALEOFFSET, "scaleoffset"},
                   {32000, "lzf"},
                   {32001, "blosc"},
                   {32004, "lz4"},
                   {32015, "zstd"}};

    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++)
        if (H5Zfilter_avail(filters[i].id) > 0)
            ls_text_add(out, "%s%s", out->length ? ", " : "", filters[i].name);
}

static void check_versions(ls_checkup *c)
{
    char library[MPI_MAX_LIBRARY_VERSION_STRING] = "";
    unsigned major = 0, minor = 0, release = 0;
    int length, version = 0, subversion = 0, level = 0;
    ls_text filters = {0};
    ls_h5_lock lock;
    bool deflates;

    MPI_Get_library_version(library, &length);
    library[strcspn(library, ",\n")] = '\0';
    MPI_Get_version(&version, &subversion);
    MPI_Query_thread(&level);
    ls_h5_lock_take(&lock);
    H5get_libversion(&major, &minor, &release);
    deflates = H5Zfilter_avail(H5Z_FILTER_DEFLATE) > 0;
    list_filters(&filters);
    ls_h5_lock_release(&lock);
    ls_checkup_say(c, LS_FINE, "lockstep", "%s; OpenBLAS for %s", ls_version(), ls_blas_kernel());
    ls_checkup_say(c, LS_FINE, "MPI", "%s (MPI %d.%d)%s", library, version, subversion,
                   getenv("PMIX_NAMESPACE") ? ", started through PMIx"
                   : getenv("PMI_RANK")     ? ", started through PMI"
                                            : "");
    ls_checkup_say(c, deflates ? LS_FINE : LS_WORTH_A_LOOK, "HDF5", "%u.%u.%u, reads %s%s", major, minor, release,
                   filters.data ? filters.data : "no filters",
                   deflates ? "" : ", but not deflate: compressed data cannot be read");
    ls_text_reset(&filters);
}

/* What Open MPI was told before it started, and by whom. */
static void check_settings(ls_checkup *c)
{
    char library[MPI_MAX_LIBRARY_VERSION_STRING] = "";
    ls_text said = {0};
    int length;

    MPI_Get_library_version(library, &length);
    for (size_t i = 0; i < LS_MPI_SETTINGS && strncmp(library, "Open MPI", 8) == 0; i++) {
        const char *value, *file;
        const ls_setting_source source = ls_mpi_setting_in_force(i, &value, &file);

        ls_text_add(&said, "%s%s %s (%s)", i ? ", " : "", ls_mpi_settings[i].name, value,
                    source == LS_SETTING_OURS          ? "ours"
                    : source == LS_SETTING_ENVIRONMENT ? "environment or mpirun"
                                                       : file);
    }
    if (said.length)
        ls_checkup_say(c, LS_FINE, "MPI settings", "%s", said.data);
    ls_text_reset(&said);
}

/* Adds what the variable says of the number of ranks, if it is there. Is that another number? */
static bool add_size(const ls_checkup *c, const char *name, ls_text *said)
{
    const char *value = getenv(name);

    if (value)
        ls_text_add(said, "%s%s=%s", said->length ? ", " : "", name, value);
    return value && atoi(value) != c->comm->size;
}

/* main has compared the number of ranks with what the launcher says. */
static void check_ranks(ls_checkup *c)
{
    ls_text said = {0};
    bool differs = false;

    for (const char *const *name = ls_launcher_sizes; *name; name++)
        differs |= add_size(c, *name, &said);
    differs |= add_size(c, "SLURM_NTASKS", &said);
    ls_checkup_say(c, differs ? LS_WORTH_A_LOOK : LS_FINE, "ranks", "%d%s%s%s", c->comm->size, said.length ? ": " : "",
                   said.length ? said.data : ", without a launcher",
                   differs ? ": not all that were asked for take part; mpirun -n says how many" : "");
    ls_text_reset(&said);
}

static bool is_on_path(const char *program)
{
    const char *path = getenv("PATH");
    char name[4096];

    while (path && *path) {
        const size_t n = strcspn(path, ":");

        snprintf(name, sizeof name, "%.*s/%s", (int)(n < 4000 ? n : 4000), path, program);
        if (access(name, X_OK) == 0)
            return true;
        path += n + (path[n] == ':');
    }
    return false;
}

static void check_tools(ls_checkup *c)
{
    const bool gnuplot = is_on_path("gnuplot"), dot = is_on_path("dot");

    ls_checkup_say(c, gnuplot && dot ? LS_FINE : LS_WORTH_A_LOOK, "tools", "gnuplot %s, dot %s%s",
                   gnuplot ? "found" : "not found", dot ? "found" : "not found",
                   gnuplot && dot ? ""
                                  : ": `lockstep report` needs gnuplot, and Graphviz for the picture of the model");
}

/* ---- room ---- */

static double free_bytes(const char *path)
{
    struct statvfs info;

    return statvfs(path, &info) == 0 ? (double)info.f_bavail * (double)info.f_frsize : -1;
}

/* Open MPI's messages between the ranks of a host go through it; lockstep's own do not need it. */
static void check_shared_memory(ls_checkup *c)
{
    const double bytes = free_bytes("/dev/shm"), wanted = 16e6 * c->comm->size;

    ls_checkup_say(c, bytes < wanted && c->comm->size > 1 ? LS_WORTH_A_LOOK : LS_FINE, "/dev/shm", "%.1f MB free%s",
                   bytes < 0 ? 0 : bytes * 1e-6,
                   bytes < wanted && c->comm->size > 1
                       ? ": little for Open MPI's messages; docker run --shm-size=1g, or "
                         "export OMPI_MCA_btl_vader_backing_directory=/tmp"
                       : "");
}

/* Bytes that the host can still give; 0: unknown. */
static uint64_t memory_available(void)
{
    ls_text text = {0};
    uint64_t kib = 0;
    const char *at;

    if (ls_file_read("/proc/meminfo", &text) == LS_OK && text.data && (at = strstr(text.data, "MemAvailable:")))
        kib = strtoull(at + strlen("MemAvailable:"), NULL, 10);
    ls_text_reset(&text);
    return kib * 1024;
}

/* The directory, or what is there of the way to it. To be freed. */
static char *existing_part(const char *directory)
{
    char *path = ls_strdup(directory);

    while (path && *path && !ls_file_exists(path)) {
        char *slash = strrchr(path, '/');

        if (slash == path)
            slash[1] = '\0';
        else if (slash)
            *slash = '\0';
        else
            snprintf(path, strlen(path) + 1, ".");
    }
    return path;
}

/* Rank 0. bytes: of a checkpoint; kept: how many of them there will be, with model.h5. */
static void check_output(ls_checkup *c, const char *directory, double bytes, double kept)
{
    char *path = existing_part(directory);
    const double room = path ? free_bytes(path) : -1;
    const int fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    const bool locks = fd >= 0 && (flock(fd, LOCK_SH | LOCK_NB) == 0 || errno == EWOULDBLOCK);

    if (fd < 0)
        ls_checkup_say(c, LS_FATAL, "output", "'%s' is no directory that can be opened: %s", path ? path : directory,
                       strerror(errno));
    else if (access(path, W_OK | X_OK))
        ls_checkup_say(c, LS_FATAL, "output", "'%s' cannot be written: %s; choose another --output", path,
                       strerror(errno));
    else if (room >= 0 && room < bytes * kept)
        ls_checkup_say(c, LS_FATAL, "output", "%.1f MB free below '%s', but checkpoints and model need %.1f MB",
                       room * 1e-6, path, bytes * kept * 1e-6);
    else
        ls_checkup_say(c, locks ? LS_FINE : LS_WORTH_A_LOOK, "output",
                       "%.1f GB free below '%s'; a checkpoint has about %.1f MB%s", room * 1e-9, path, bytes * 1e-6,
                       locks ? "" : "; directories cannot be locked there, a file .lock will be");
    if (fd >= 0)
        close(fd);
    ls_free(path);
}

/* ---- the experiment ---- */

static double optimizer_bytes(const ls_experiment *e, ls_model *model)
{
    ls_updater *updater = NULL;
    double bytes = 0;

    if (ls_updater_create(&e->optimizer, model, &updater) == LS_OK)
        for (size_t s = 0; s < sizeof updater->slot / sizeof updater->slot[0]; s++)
            bytes += updater->slot[s].value ? 4.0 * (double)model->trainable_size : 0;
    ls_updater_free(updater);
    return bytes;
}

static double data_bytes(const ls_split *split)
{
    return split ? (double)ls_split_bytes(split) : 0;
}

/* What is held at least: data once per host, weights, gradients in float64, slots. Activations come on top. */
static void check_memory(ls_checkup *c, const ls_task *task, double slots)
{
    const double data = data_bytes(task->train) + data_bytes(task->validation) + data_bytes(task->test);
    const double weights = 4.0 * (double)task->model->size, sums = 8.0 * (double)task->model->trainable_size;
    const double rank = weights + sums + slots, available = (double)memory_available();

    ls_checkup_say(c, available > 0 && data + rank > available ? LS_FATAL : LS_FINE, "memory",
                   "a host holds %.1f MB of data, a rank at least %.1f MB of weights, gradients and optimizer; %.1f MB "
                   "are free here%s",
                   data * 1e-6, rank * 1e-6, available * 1e-6,
                   data + rank > available ? ": set data.memory and fit.shuffle: {window: N}" : "");
}

static size_t count_weights(const ls_model *model)
{
    size_t n = 0;

    for (size_t p = 0; p < model->params; p++)
        n += model->param[p]->size;
    return n;
}

/* HDF5 locks a file that it opens, and refuses one on a file system without locks. */
static void check_locks(ls_checkup *c, const char *path)
{
    const char *told = getenv("HDF5_USE_FILE_LOCKING");
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const bool locks = fd >= 0 && (flock(fd, LOCK_SH | LOCK_NB) == 0 || errno == EWOULDBLOCK);

    if (fd < 0)
        return; /* train's own message says it */
    if (locks || told)
        ls_checkup_say(c, LS_FINE, "data", "'%s': %s%s%s", path, locks ? "files can be locked there" : "no locks there",
                       told ? "; HDF5_USE_FILE_LOCKING=" : "", told ? told : "");
    else
        ls_checkup_say(c, LS_FATAL, "data",
                       "files cannot be locked where '%s' lies (%s), and HDF5 wants to: export "
                       "HDF5_USE_FILE_LOCKING=FALSE",
                       path, strerror(errno));
    close(fd);
}

/* Collective. What train would say before it trains. */
static ls_status check_experiment(ls_checkup *c, const ls_experiment *e, const char *output)
{
    ls_task *task = NULL;
    ls_status st = ls_fit_check(e);
    double slots;

    if (c->comm->rank == 0 && e->data.splits > 0 && e->data.split[0].xs > 0 && e->data.split[0].x[0].file)
        check_locks(c, e->data.split[0].x[0].file);
    if (st == LS_OK)
        st = ls_task_describe(c->comm, e, &task);
    st = ls_agree(c->comm, st);
    if (st != LS_OK) {
        ls_checkup_say(c, LS_FATAL, "experiment", "%s", ls_error_message());
        st = LS_OK;
        goto cleanup;
    }
    ls_checkup_say(c, LS_FINE, "experiment", "%" PRIu64 " samples to train on, %zu weights", task->train->samples,
                   count_weights(task->model));
    slots = optimizer_bytes(e, task->model);
    check_memory(c, task, slots);
    if (!output || !*output)
        ls_checkup_say(c, LS_WORTH_A_LOOK, "output", "the experiment names none: train with --output DIR");
    else if (c->comm->rank == 0)
        check_output(c, output, 4.0 * (double)task->model->size + slots + 1e5, (double)e->fit.checkpoint_keep + 2);
cleanup:
    ls_task_free(task);
    return st;
}

typedef struct arguments {
    const char *experiment, *output;
    const char **setting;
    size_t settings;
} arguments;

static ls_status read_arguments(int argc, char **argv, arguments *a)
{
    ls_status st = LS_OK;
    int option;

    if (!(a->setting = ls_calloc((size_t)argc, sizeof *a->setting, "arguments")))
        return LS_ERR_MEMORY;
    while ((option = ls_cli_option(argc, argv, options, &st)) != -1)
        if (option == OUTPUT)
            a->output = optarg;
        else
            a->setting[a->settings++] = optarg;
    LS_TRY(st);
    if (argc == optind)
        return LS_OK;
    LS_TRY(ls_cli_operands(argc, argv, 1, "EXPERIMENT.yaml"));
    a->experiment = argv[optind];
    return LS_OK;
}

static ls_status check(ls_checkup *c, const arguments *a, const ls_experiment *e)
{
    check_versions(c);
    check_settings(c);
    check_ranks(c);
    LS_TRY(ls_checkup_job(c));
    check_shared_memory(c);
    check_tools(c);
    if (e)
        LS_TRY(check_experiment(c, e, a->output ? a->output : e->output));
    LS_TRY(ls_mpi_check(MPI_Bcast(&c->failures, 1, MPI_INT, 0, c->comm->mpi), "telling the verdict"));
    if (c->failures == 0)
        ls_text_add(&c->page, "%s\n", c->warnings ? "Training would work; look at what is marked." : "All is well.");
    return c->page.status;
}

static ls_status run(const ls_comm *comm, int argc, char **argv)
{
    ls_checkup c = {.comm = comm};
    ls_experiment *experiment = NULL;
    arguments a = {0};
    ls_status st = read_arguments(argc, argv, &a);

    if (st == LS_OK && a.experiment)
        st = ls_experiment_read(a.experiment, a.setting, a.settings, &experiment);
    st = ls_agree(comm, st);
    if (st == LS_OK)
        st = ls_agree(comm, check(&c, &a, experiment));
    if (comm->rank != 0)
        ls_text_reset(&c.page);
    st = ls_cli_print(comm, st, &c.page);
    if (st == LS_OK && c.failures > 0)
        st = ls_fail(LS_ERR_MISMATCH, "training would fail: see the line%s marked !!", c.failures == 1 ? "" : "s");
    ls_experiment_free(experiment);
    ls_free(a.setting);
    return st;
}

const ls_command ls_command_doctor = {
    .name = "doctor",
    .summary = "would a training work here? What is wrong, and what to do",
    .help = help,
    .after_mpi = ls_ring_ping,
    .is_watched = true,
    .run = run,
};
