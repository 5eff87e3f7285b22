/* The paths of this folder. One that the compiler was not asked for, or that is for another processor, is NULL. */
#ifndef LS_TENSOR_PRODUCT_PATH_H
#define LS_TENSOR_PRODUCT_PATH_H

#include "tensor/product/product.h"

extern const ls_product_path *const ls_product_avx512, *const ls_product_avx2, *const ls_product_neon;
extern const ls_product_path ls_product_generic;

#endif
