#include "base/printable.h"

void ls_make_printable(char *text, bool lines)
{
    for (unsigned char *c = (unsigned char *)text; *c; c++) {
        const bool parts = *c == '\n' || *c == '\t';

        if (c[0] == 0xC2 && c[1] >= 0x80 && c[1] < 0xA0)
            c[0] = c[1] = '?';
        else if ((*c < ' ' || *c == 127) && !(parts && lines))
            *c = parts || *c == '\r' ? ' ' : '?';
    }
}
