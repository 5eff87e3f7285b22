/*
 * What helps Open MPI, said to it before it starts unless the user said otherwise: in the environment, to mpirun
 * (--mca, which becomes environment), or in a file of parameters (~/.openmpi/mca-params.conf, the system's, or those
 * that mca_base_param_files names). Other MPI libraries do not look at it.
 */
#ifndef LS_COMM_MPI_SETTINGS_H
#define LS_COMM_MPI_SETTINGS_H

#include <stddef.h>

#include "base/text.h"

typedef enum ls_setting_source {
    LS_SETTING_OURS,        /* set by ls_mpi_settings_apply */
    LS_SETTING_ENVIRONMENT, /* or mpirun's --mca */
    LS_SETTING_FILE,
} ls_setting_source;

typedef struct ls_mpi_setting {
    const char *name;  /* "btl_tcp_links" */
    const char *value; /* ours */
} ls_mpi_setting;

#define LS_MPI_SETTINGS 4

extern const ls_mpi_setting ls_mpi_settings[LS_MPI_SETTINGS];

/* Before MPI starts, once. Files that cannot be read are passed over, as Open MPI does. */
void ls_mpi_settings_apply(void);

/* After that: whose value setting i has. *value and *file (NULL if in none) are borrowed. */
ls_setting_source ls_mpi_setting_in_force(size_t i, const char **value, const char **file);

/*
 * The value that a text of Open MPI's parameters gives to a name ("name = value", # begins a comment; the last one
 * counts), added to out; false if it gives none.
 */
bool ls_mpi_parameter(const char *text, const char *name, ls_text *out);

#endif
