/* What callbacks monitor, against the logs that there will be: as far as it can be known before there are data. */
#ifndef LS_RUN_MONITORS_H
#define LS_RUN_MONITORS_H

#include "base/config.h"

/*
 * LS_ERR_CONFIG naming every callback of an experiment's tree that monitors what will not be logged. Where model or
 * compile are at fault themselves nothing is known, and nothing said.
 */
ls_status ls_monitors_check(const ls_config *root);

#endif
