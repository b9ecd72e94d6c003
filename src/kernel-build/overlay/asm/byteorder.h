#ifndef TBIT_ASM_BYTEORDER_H
#define TBIT_ASM_BYTEORDER_H
#include <linux/byteorder/little_endian.h>
#endif
