#include "fingerprints.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ls_test.h"
#include "source_dir.h"

#include "tensor/arithmetic.h"

#define MAKE "run tests/golden/make_fingerprints"

static bool add(const char *path, const char *name, const char *fingerprint)
{
    FILE *file = fopen(path, "a");
    const bool good = file && fprintf(file, "%s %s\n", name, fingerprint) > 0;

    return file && fclose(file) == 0 && good;
}

/* The table's fingerprint of a name, in found; false if there is none. */
static bool find(const char *name, char found[64])
{
    FILE *const file = fopen(in_source("tests/golden/fingerprints.txt"), "r");
    char line[256], key[128];
    bool good = false;

    if (!file)
        return false;
    while (!good && fgets(line, sizeof line, file))
        good = line[0] != '#' && sscanf(line, "%127s %63s", key, found) == 2 && strcmp(key, name) == 0;
    fclose(file);
    return good;
}

bool fingerprint_is_golden(const char *name, const char *fingerprint)
{
    const char *const path = getenv("LOCKSTEP_FINGERPRINTS");
    char golden[64], revision[64];

    if (path)
        return add(path, name, fingerprint);
    if (!find("revision", revision) || atoi(revision) != LS_ARITHMETIC_REVISION) {
        print_error("tests/golden/fingerprints.txt is of another revision of the arithmetic than %d: " MAKE "\n",
                    LS_ARITHMETIC_REVISION);
        return false;
    }
    if (!find(name, golden)) {
        print_error("%s has no golden fingerprint: " MAKE ", which adds it\n", name);
        return false;
    }
    if (strcmp(golden, fingerprint) == 0)
        return true;
    print_error("%s ends with %s, and everywhere else with %s. If its bits were to change: LS_ARITHMETIC_REVISION "
                "(src/tensor/arithmetic.h) says what to do, then " MAKE "\n",
                name, fingerprint, golden);
    return false;
}
