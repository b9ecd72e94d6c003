// Errors as kernel functions return them (include/uapi/asm-generic/errno-base.h, errno.h).

export const EPERM = -1
export const ENOENT = -2
export const EIO = -5
export const ENXIO = -6
export const EBUSY = -16
export const ENODEV = -19
export const EINVAL = -22
export const EOPNOTSUPP = -95
