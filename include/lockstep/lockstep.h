/** @file lockstep.h  Everything a program that uses the library includes. */
#ifndef LOCKSTEP_LOCKSTEP_H
#define LOCKSTEP_LOCKSTEP_H

#include "lockstep/status.h"
#include "lockstep/version.h"

#endif
