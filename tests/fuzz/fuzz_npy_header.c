/* The header of an NPY file, and the one that we write: what is read from that must be what was written. */
#include <string.h>

#include "data/npy.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    ls_npy_info info, again;

    fuzz_begin();
    if (fuzz_verdict(ls_npy_parse((const char *)data, n, "header", &info))) {
        ls_text text = {0};
        size_t length;

        FUZZ_CHECK(info.samples > 0 && info.shape.axes <= LS_AXES_MAX);
        ls_npy_write_header(info.samples, &info.shape, &text);
        FUZZ_CHECK(text.status == LS_OK && text.length % 64 == 0);
        length = (unsigned char)text.data[8] | (size_t)(unsigned char)text.data[9] << 8;
        FUZZ_CHECK(length == text.length - 10);
        FUZZ_CHECK(fuzz_verdict(ls_npy_parse(text.data + 10, length, "own header", &again)));
        FUZZ_CHECK(again.samples == info.samples && ls_shape_equal(&again.shape, &info.shape));
        FUZZ_CHECK(again.kind == 'f' && again.value_bytes == 4 && !again.big_endian && !again.fortran_order);
        ls_text_reset(&text);
    }
    fuzz_end();
    return 0;
}
