/* What launchers tell the processes that they start, before MPI can. */
#ifndef LS_CLI_LAUNCHER_H
#define LS_CLI_LAUNCHER_H

/* Variables with the number of ranks of this program; the last is NULL. */
extern const char *const ls_launcher_sizes[];

/* By the first variable that is there; 1 and 0 without a launcher. */
int ls_launcher_ranks(void);
int ls_launcher_rank(void);

#endif
