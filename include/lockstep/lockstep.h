/** @file lockstep.h  Everything a program that uses the library includes. */
#ifndef LOCKSTEP_LOCKSTEP_H
#define LOCKSTEP_LOCKSTEP_H

#include "lockstep/callback.h"
#include "lockstep/comm.h"
#include "lockstep/data.h"
#include "lockstep/estimator.h"
#include "lockstep/model.h"
#include "lockstep/status.h"
#include "lockstep/version.h"

#endif
