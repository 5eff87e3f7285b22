/* The two views of inspect. See inspect.c and inspect_model.c. */
#ifndef LS_CLI_INSPECT_H
#define LS_CLI_INSPECT_H

#include <hdf5.h>

#include "base/text.h"

/* A model file: its layers and weights, and what lockstep keeps beside them. path: for the text and messages. */
ls_status ls_inspect_model(hid_t file, const char *path, ls_text *out);

/* What ls_inspect_model says last of a checkpoint: where it stands, whether its checksum holds, and what callbacks
 * keep. */
ls_status ls_inspect_checkpoint(hid_t file, ls_text *out);

#endif
