/* The JSON Schema of a sweep file. */
#ifndef LS_SWEEP_SCHEMA_H
#define LS_SWEEP_SCHEMA_H

#include "base/text.h"

/* Append it. */
ls_status ls_sweep_schema(ls_text *out);

#endif
