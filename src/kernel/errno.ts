// Errors as kernel functions return them (include/uapi/asm-generic/errno-base.h, errno.h).

export const errno = {
  EPERM: -1,
  ENOENT: -2,
  EIO: -5,
  ENXIO: -6,
  ENOMEM: -12,
  EFAULT: -14,
  EBUSY: -16,
  ENODEV: -19,
  EINVAL: -22,
  EOPNOTSUPP: -95,
  EREMOTEIO: -121
} as const
export const { EPERM, ENOENT, EIO, ENXIO, EBUSY, ENODEV, EINVAL, EOPNOTSUPP } = errno
