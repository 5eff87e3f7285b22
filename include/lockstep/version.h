/** @file version.h  The version of the library. */
#ifndef LOCKSTEP_VERSION_H
#define LOCKSTEP_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

/** The version as text, "0.2.0": never NULL. Which versions give the same bits, their arithmetic revision says. */
const char *ls_version(void);

#ifdef __cplusplus
}
#endif
#endif
