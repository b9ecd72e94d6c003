export * from './config.ts'
export * from './content.ts'
export * from './page-words.ts'
export {
  HIGH_BANK,
  HW,
  hwNames,
  type CpuResult,
  type DmaResult,
  Machine,
  MMIO_BASE,
  MMIO_SIZE,
  PTE,
  pteNames,
  TDI,
  tdiNames,
  type TsmFirmware,
  teeRangeNames
} from './machine.ts'
export * from './platform.ts'
export * from './platforms/index.ts'
export * from './rules.ts'
