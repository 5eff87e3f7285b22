/* What is inside the data of a calling program: the description of a split. See include/lockstep/data.h. */
#ifndef LS_API_DATA_H
#define LS_API_DATA_H

#include "experiment/experiment.h"
#include "lockstep/data.h"

struct ls_data {
    ls_split_spec spec; /* owned with all texts in it; array specs point to their ls_buffer, owned too */
    ls_role last;       /* the role of the array added last, which stands last in its list */
    bool any;           /* one was added */
};

/* A copy of a split that an experiment names. */
ls_status ls_data_copy(const ls_split_spec *spec, ls_data **out);

#endif
