export { boot_devices, start_kernel } from './boot.ts'
export * from './device.ts'
export * from './dma/address.ts'
export { pci_p2pdma_bus_addr } from './p2pdma.ts'
export * from './dma/attrs.ts'
export * from './dma/direct.ts'
export {
  dma_direct_sync_single_for_cpu,
  dma_direct_sync_single_for_device,
  dma_direct_unmap_phys
} from './dma/direct-h.ts'
export { iommu_iova_to_phys, iommu_map, iommu_unmap, walked as iommu_walked } from './dma/iommu.ts'
export * from './dma/map-ops.ts'
export * from './linear-map.ts'
export * from './dma/mapping.ts'
export { aliasAccess, GuestKernel, HALT, halt, poolOfDevice } from './kernel.ts'
export * from './messages.ts'
export { TAG, tagNames } from './page-alloc.ts'
export { atomic_pool_size, workerRuns } from './dma/pool.ts'
export * from './refusal.ts'
export * from './revisions/index.ts'
export {
  conversionsMayFail,
  hostRefuses,
  mappingOfRefused,
  mem_cc_shared_granule_size,
  set_memory_decrypted,
  set_memory_encrypted
} from './set-memory.ts'
export { kmalloc_size_roundup, KMALLOC_SIZES } from './slab.ts'
export {
  bootConverts,
  failed,
  poolIsShared,
  swiotlb_find_pool,
  swiotlb_map,
  swiotlb_sync_single,
  swiotlb_tbl_map_single,
  swiotlb_tbl_unmap_single
} from './dma/swiotlb.ts'
export { SLOT_BUG, SLOT_FULL, SLOT_SIZE, SLOT_UNALIGNED } from './dma/swiotlb-mem.ts'
export * from './surroundings.ts'
export { trustLevels } from './trust.ts'
export { tsmCores } from './tsm-cores.ts'
export * from './tsm-drivers.ts'
export { EIO, errno } from './errno.ts'
export {
  type AdminOp,
  adminOperations,
  bind,
  connectIsLock,
  device_set_trust,
  remove,
  tsm_accept,
  tsm_connect,
  tsm_disconnect,
  tsm_evidence,
  tsm_lock,
  tsm_register,
  tsm_unlock,
  tsm_unregister,
  unbind
} from './tsm.ts'
export * from './types.ts'
export * from './vendor-kernels.ts'
