/* A kernel that a crash has booted asks for the dump's format here; this one was not. */
#ifndef TBIT_LINUX_CRASH_DUMP_H
#define TBIT_LINUX_CRASH_DUMP_H
#include <linux/types.h>
static inline bool is_kdump_kernel(void) { return false; }
#endif
