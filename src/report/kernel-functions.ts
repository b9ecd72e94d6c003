// Written by scripts/registry.mjs from src/kernel.

/**
 * The kernel's functions that the model has under their own names. A line that begins with one: the file that it is in,
 * the files of the C that this one stands beside. Indented: what revisions decide in it; the others that it calls, in
 * the order of its text. Generations of a function are one.
 */
export const KERNEL_FUNCTIONS = `
__dma_direct_alloc_pages src/kernel/dma/direct.ts kernel/dma/direct.c
  decides clearBitsAfterRangeMap
  calls is_swiotlb_for_alloc dma_direct_alloc_swiotlb get_order dma_to_phys coherent_limit dma_direct_optimal_gfp_mask
    dma_alloc_contiguous dma_coherent_ok dma_free_contiguous
__dma_direct_free_pages src/kernel/dma/direct.ts kernel/dma/direct.c
  calls swiotlb_free dma_free_contiguous
__force_dma_unencrypted src/kernel/device.ts
  decides acceptedClearsForce
  calls coherent_limit private_access
__iommu_dma_free src/kernel/dma/iommu.ts drivers/iommu/dma-iommu.c
  calls dma_free_from_pool dma_free_contiguous
__is_swiotlb_force_bounce src/kernel/device.ts
  decides forceBounce acceptedSkipsPools
  calls private_access
__set_memory_enc_dec src/kernel/set-memory.ts
  decides sharedGranule tdxPageRelease
  calls virt_to_phys
__swiotlb_find_pool src/kernel/dma/swiotlb-dynamic.ts kernel/dma/swiotlb.c
  calls swiotlb_bounce_range
accept_ops src/kernel/tsm.ts
  decides acceptEvidence accept
  calls ops_steps
accepted_flag src/kernel/device.ts
  decides acceptedTest
add_mem_pool src/kernel/swiotlb/mem.ts
alloc_bytes src/kernel/swiotlb/pool.ts
  calls swiotlb_align_offset
alloc_dma_pages src/kernel/dma/swiotlb-dynamic.ts kernel/dma/swiotlb.c
arch_dma_prep_coherent src/kernel/dma/map-ops.ts include/linux/dma-map-ops.h kernel/dma/remap.c kernel/dma/mapping.c
arch_sync_dma src/kernel/dma/map-ops.ts include/linux/dma-map-ops.h kernel/dma/remap.c kernel/dma/mapping.c
  calls arch_sync_dma_flush
arch_sync_dma_flush src/kernel/dma/map-ops.ts include/linux/dma-map-ops.h kernel/dma/remap.c kernel/dma/mapping.c
arm64_dma_phys_limit src/kernel/swiotlb/sizing.ts
atomic_pool_expand src/kernel/dma/pool.ts kernel/dma/pool.c
  calls cma_in_zone arch_dma_prep_coherent dma_common_contiguous_remap set_memory_decrypted
atomic_pool_resize src/kernel/dma/pool.ts kernel/dma/pool.c
  calls get_order atomic_pool_expand
atomic_pool_size src/kernel/dma/pool.ts kernel/dma/pool.c
atomic_pool_work_fn src/kernel/dma/pool.ts kernel/dma/pool.c
  calls atomic_pool_resize
boot_accepted src/kernel/device.ts
boot_devices src/kernel/boot.ts
  decides acceptedAtInit accept
  calls boot_accepted
clear_dma_skip_sync src/kernel/device.ts
  calls set_dma_skip_sync
cma_in_zone src/kernel/dma/pool.ts kernel/dma/pool.c
coherent_dma_mask src/kernel/device.ts
coherent_limit src/kernel/device.ts
  calls min_not_zero coherent_dma_mask
dev_use_swiotlb src/kernel/dma/iommu.ts drivers/iommu/dma-iommu.c
  calls dma_kmalloc_needs_bounce
device_cc_accepted src/kernel/device.ts
  decides acceptedTest
device_set_trust src/kernel/tsm.ts
  decides trust
  calls device_unlock
device_unlock src/kernel/tsm.ts
dma_addressing_limited src/kernel/dma/direct.ts kernel/dma/direct.c
  calls dma_limit dma_direct_get_required_mask dma_direct_all_ram_mapped
dma_alloc_attrs src/kernel/dma/mapping.ts kernel/dma/mapping.c
  decides allocRefusesShared
  calls use_dma_iommu iommu_dma_alloc dma_direct_alloc
dma_alloc_contiguous src/kernel/dma/contiguous.ts kernel/dma/contiguous.c
  calls get_order
dma_alloc_from_pool src/kernel/dma/pool.ts kernel/dma/pool.c
  calls atomic_pool_work_fn coherent_limit dma_guess_pool get_order translate_phys_to_dma
dma_alloc_pages src/kernel/dma/mapping.ts kernel/dma/mapping.c
  calls use_dma_iommu iommu_dma_alloc_pages dma_direct_alloc_pages
dma_atomic_pool_init src/kernel/dma/pool.ts kernel/dma/pool.c
  calls atomic_pool_expand get_order
dma_capable src/kernel/dma/address.ts include/linux/dma-direct.h
  decides capableChecksForce
  calls force_dma_unencrypted dma_limit
dma_coherent_ok src/kernel/dma/direct.ts kernel/dma/direct.c
  calls phys_to_dma_direct coherent_limit
dma_common_contiguous_remap src/kernel/dma/map-ops.ts include/linux/dma-map-ops.h kernel/dma/remap.c
    kernel/dma/mapping.c
dma_dev_need_sync src/kernel/dma/mapping.ts kernel/dma/mapping.c
dma_direct_all_ram_mapped src/kernel/dma/direct.ts kernel/dma/direct.c
dma_direct_alloc src/kernel/dma/direct.ts kernel/dma/direct.c
  decides allocByAttr decryptRemapped convertRestricted reencryptOnFree
  calls force_dma_unencrypted is_swiotlb_for_alloc dma_direct_alloc_no_mapping dma_direct_use_pool
    dma_direct_alloc_from_pool __dma_direct_alloc_pages set_memory_decrypted arch_dma_prep_coherent
    dma_common_contiguous_remap dma_pgprot __dma_direct_free_pages phys_to_virt phys_to_dma_direct
    mem_cc_shared_granule_size dma_set_encrypted phys_to_dma_unencrypted phys_to_dma
dma_direct_alloc_from_pool src/kernel/dma/direct.ts kernel/dma/direct.c
  decides poolsMatchRequest
  calls dma_alloc_from_pool dma_direct_optimal_gfp_mask phys_to_dma_unencrypted phys_to_dma phys_to_dma_direct
    phys_to_virt
dma_direct_alloc_no_mapping src/kernel/dma/direct.ts kernel/dma/direct.c
  decides reencryptOnFree
  calls __dma_direct_alloc_pages arch_dma_prep_coherent phys_to_dma_direct
dma_direct_alloc_pages src/kernel/dma/direct.ts kernel/dma/direct.c
  decides allocByAttr allocPagesReturnsPage convertRestricted reencryptOnFree
  calls force_dma_unencrypted is_swiotlb_for_alloc mem_cc_shared_granule_size dma_direct_use_pool
    dma_direct_alloc_from_pool __dma_direct_alloc_pages set_memory_decrypted dma_set_decrypted phys_to_dma_unencrypted
    phys_to_dma phys_to_dma_direct phys_to_virt
dma_direct_alloc_swiotlb src/kernel/dma/direct.ts kernel/dma/direct.c
  calls swiotlb_alloc dma_coherent_ok swiotlb_free
dma_direct_free src/kernel/dma/direct.ts kernel/dma/direct.c
  decides allocByAttr convertRestricted
  calls force_dma_unencrypted is_swiotlb_for_alloc dma_free_contiguous dma_free_from_pool dma_to_phys
    set_memory_encrypted dma_set_encrypted swiotlb_find_pool __dma_direct_free_pages phys_to_virt swiotlb_free
dma_direct_free_pages src/kernel/dma/direct.ts kernel/dma/direct.c
  decides freePagesByPhys convertRestricted
  calls dma_free_from_pool force_dma_unencrypted swiotlb_find_pool dma_set_encrypted phys_to_virt swiotlb_free
    dma_free_contiguous
dma_direct_get_required_mask src/kernel/dma/direct.ts kernel/dma/direct.c
  calls phys_to_dma_direct
dma_direct_map_page src/kernel/dma/direct-h.ts kernel/dma/direct.h
  calls phys_to_dma is_swiotlb_force_bounce swiotlb_map dma_capable dma_kmalloc_needs_bounce is_swiotlb_active
    arch_sync_dma
dma_direct_map_phys src/kernel/dma/direct.ts kernel/dma/direct.c
  decides mapPhys mmioIsShared
  calls dma_direct_map_page dma_direct_map_phys_71 force_dma_unencrypted is_swiotlb_force_bounce swiotlb_map
    phys_to_dma dma_capable dma_kmalloc_needs_bounce is_swiotlb_active
dma_direct_map_phys_71 src/kernel/dma/direct-h.ts kernel/dma/direct.h
  calls is_swiotlb_force_bounce swiotlb_map dma_capable arch_sync_dma phys_to_dma dma_kmalloc_needs_bounce
    is_swiotlb_active
dma_direct_map_resource src/kernel/dma/direct.ts kernel/dma/direct.c
  decides mapPhys
  calls dma_direct_map_phys dma_capable
dma_direct_map_sg src/kernel/dma/direct.ts kernel/dma/direct.c
  calls dma_direct_map_phys dma_direct_unmap_sg arch_sync_dma_flush
dma_direct_max_mapping_size src/kernel/dma/direct.ts kernel/dma/direct.c
  decides maxMappingForced
  calls is_swiotlb_active dma_addressing_limited is_swiotlb_force_bounce force_dma_unencrypted
    swiotlb_max_mapping_size
dma_direct_mmap src/kernel/dma/direct.ts kernel/dma/direct.c
  calls force_dma_unencrypted
dma_direct_optimal_gfp_mask src/kernel/dma/direct.ts kernel/dma/direct.c
  decides clearBitsAfterRangeMap
  calls dma_to_phys coherent_limit
dma_direct_supported src/kernel/dma/direct.ts kernel/dma/direct.c
  calls phys_to_dma_unencrypted
dma_direct_sync_sg_for_cpu src/kernel/dma/direct.ts kernel/dma/direct.c
  calls dma_direct_sync_single_for_cpu arch_sync_dma_flush
dma_direct_sync_sg_for_device src/kernel/dma/direct.ts kernel/dma/direct.c
  calls dma_direct_sync_single_for_device arch_sync_dma_flush
dma_direct_sync_single_for_cpu src/kernel/dma/direct-h.ts kernel/dma/direct.h
  calls dma_to_phys swiotlb_find_pool arch_sync_dma swiotlb_sync_single
dma_direct_sync_single_for_device src/kernel/dma/direct-h.ts kernel/dma/direct.h
  calls dma_to_phys swiotlb_find_pool swiotlb_sync_single arch_sync_dma
dma_direct_unmap_phys src/kernel/dma/direct-h.ts kernel/dma/direct.h
  decides mapPhys
  calls dma_to_phys dma_direct_sync_single_for_cpu swiotlb_find_pool swiotlb_tbl_unmap_single
dma_direct_unmap_sg src/kernel/dma/direct.ts kernel/dma/direct.c
  calls dma_direct_unmap_phys arch_sync_dma_flush
dma_direct_use_pool src/kernel/dma/direct.ts kernel/dma/direct.c
  calls is_swiotlb_for_alloc
dma_free_attrs src/kernel/dma/mapping.ts kernel/dma/mapping.c
  calls use_dma_iommu iommu_dma_free dma_direct_free
dma_free_contiguous src/kernel/dma/contiguous.ts kernel/dma/contiguous.c
  calls get_order
dma_free_from_pool src/kernel/dma/pool.ts kernel/dma/pool.c
  calls dma_guess_pool
dma_free_from_pool_phys src/kernel/dma/pool.ts kernel/dma/pool.c
  calls dma_free_from_pool
dma_free_pages src/kernel/dma/mapping.ts kernel/dma/mapping.c
  calls use_dma_iommu iommu_dma_free dma_direct_free_pages
dma_get_required_mask src/kernel/dma/mapping.ts kernel/dma/mapping.c
  calls use_dma_iommu dma_direct_get_required_mask
dma_guess_pool src/kernel/dma/pool.ts kernel/dma/pool.c
  decides atomicPoolLookup
dma_kmalloc_needs_bounce src/kernel/dma/map-ops.ts include/linux/dma-map-ops.h kernel/dma/remap.c kernel/dma/mapping.c
  calls kmalloc_size_roundup
dma_limit src/kernel/device.ts
  calls min_not_zero dma_mask
dma_map_phys src/kernel/dma/mapping.ts kernel/dma/mapping.c
  calls use_dma_iommu iommu_dma_map_phys dma_direct_map_phys
dma_map_resource src/kernel/dma/mapping.ts kernel/dma/mapping.c
  calls use_dma_iommu iommu_dma_map_phys dma_direct_map_resource
dma_map_sg src/kernel/dma/mapping.ts kernel/dma/mapping.c
  calls use_dma_iommu dma_map_phys dma_unmap_phys arch_sync_dma_flush dma_direct_map_sg
dma_mask src/kernel/device.ts
dma_max_mapping_size src/kernel/dma/mapping.ts kernel/dma/mapping.c
  calls use_dma_iommu dma_direct_max_mapping_size is_swiotlb_active swiotlb_max_mapping_size
dma_need_unmap src/kernel/dma/mapping.ts kernel/dma/mapping.c
  calls use_dma_iommu dma_dev_need_sync
dma_pgprot src/kernel/dma/map-ops.ts include/linux/dma-map-ops.h kernel/dma/remap.c kernel/dma/mapping.c
dma_set_any_mask src/kernel/dma/mapping.ts kernel/dma/mapping.c
  calls dma_supported dma_mask coherent_dma_mask set_dma_skip_sync
dma_set_coherent_mask src/kernel/dma/mapping.ts kernel/dma/mapping.c
  calls use_dma_iommu dma_supported
dma_set_decrypted src/kernel/dma/direct.ts kernel/dma/direct.c
  decides allocByAttr
  calls set_memory_decrypted phys_to_virt
dma_set_encrypted src/kernel/dma/direct.ts kernel/dma/direct.c
  calls set_memory_encrypted
dma_set_mask src/kernel/dma/mapping.ts kernel/dma/mapping.c
  calls use_dma_iommu dma_supported set_dma_skip_sync
dma_set_mask_and_coherent src/kernel/dma/mapping.ts kernel/dma/mapping.c
  calls dma_set_mask dma_set_coherent_mask
dma_supported src/kernel/dma/mapping.ts kernel/dma/mapping.c
  calls use_dma_iommu dma_direct_supported
dma_sync_sg src/kernel/dma/mapping.ts kernel/dma/mapping.c
  calls use_dma_iommu dma_dev_need_sync dma_direct_sync_sg_for_cpu dma_direct_sync_sg_for_device iommu_dma_sync_single
    arch_sync_dma_flush
dma_sync_single src/kernel/dma/mapping.ts kernel/dma/mapping.c
  calls use_dma_iommu dma_dev_need_sync iommu_dma_sync_single dma_direct_sync_single_for_cpu
    dma_direct_sync_single_for_device
dma_to_phys src/kernel/dma/address.ts include/linux/dma-direct.h
  decides vtomOffset clearBitsAfterRangeMap canonicalPhys
  calls translate_dma_to_phys
dma_unmap_phys src/kernel/dma/mapping.ts kernel/dma/mapping.c
  calls use_dma_iommu iommu_dma_unmap_phys dma_direct_unmap_phys
dma_unmap_resource src/kernel/dma/mapping.ts kernel/dma/mapping.c
  decides mapPhys
  calls use_dma_iommu iommu_dma_unmap_phys dma_direct_unmap_phys
dma_unmap_sg src/kernel/dma/mapping.ts kernel/dma/mapping.c
  calls use_dma_iommu dma_unmap_phys arch_sync_dma_flush dma_direct_unmap_sg
force_dma_unencrypted src/kernel/device.ts
  calls __force_dma_unencrypted
get_order src/kernel/swiotlb/pool.ts
inc_used_and_hiwater src/kernel/swiotlb/pool.ts
iommu_dma_alloc src/kernel/dma/iommu.ts drivers/iommu/dma-iommu.c
  decides iommuSharedAlloc poolsMatchRequest
  calls force_dma_unencrypted dma_alloc_from_pool dma_limit __iommu_dma_free phys_to_virt dma_alloc_contiguous
    get_order
iommu_dma_alloc_pages src/kernel/dma/iommu.ts drivers/iommu/dma-iommu.c
  calls dma_limit __iommu_dma_free dma_alloc_contiguous get_order
iommu_dma_free src/kernel/dma/iommu.ts drivers/iommu/dma-iommu.c
  calls __iommu_dma_free
iommu_dma_map_phys src/kernel/dma/iommu.ts drivers/iommu/dma-iommu.c
  calls dev_use_swiotlb iova_unaligned iommu_dma_map_swiotlb arch_sync_dma dma_limit swiotlb_find_pool
    swiotlb_tbl_unmap_single
iommu_dma_map_swiotlb src/kernel/dma/iommu.ts drivers/iommu/dma-iommu.c
  calls is_swiotlb_active swiotlb_tbl_map_single
iommu_dma_sync_single src/kernel/dma/iommu.ts drivers/iommu/dma-iommu.c
  calls dev_use_swiotlb swiotlb_find_pool arch_sync_dma swiotlb_sync_single
iommu_dma_unmap_phys src/kernel/dma/iommu.ts drivers/iommu/dma-iommu.c
  calls arch_sync_dma swiotlb_find_pool swiotlb_tbl_unmap_single
iova_unaligned src/kernel/dma/iommu.ts drivers/iommu/dma-iommu.c
is_swiotlb_active src/kernel/device.ts
  decides acceptedSkipsPools
  calls private_access
is_swiotlb_for_alloc src/kernel/device.ts
  decides acceptedSkipsPools
  calls private_access
is_swiotlb_force_bounce src/kernel/device.ts
  calls __is_swiotlb_force_bounce
kmalloc_pool src/kernel/swiotlb/sizing.ts
  calls swiotlb_adjust_size
kmalloc_size_roundup src/kernel/slab.ts
largest_free_run src/kernel/swiotlb/pool.ts
  calls longest_run
limit_nareas src/kernel/dma/swiotlb-dynamic.ts kernel/dma/swiotlb.c
longest_run src/kernel/swiotlb/pool.ts
map_area src/kernel/dma/swiotlb-mem.ts
mem_cc_shared_granule_size src/kernel/set-memory.ts
  decides sharedGranule
min_not_zero src/kernel/device.ts
no_force src/kernel/swiotlb/sizing.ts
  decides base forceBounce
nr_slots src/kernel/swiotlb/pool.ts
ops_steps src/kernel/tsm.ts
pci_p2pdma_bus_addr src/kernel/p2pdma.ts
phys_to_dma src/kernel/dma/address.ts include/linux/dma-direct.h
  decides canonicalPhys snpPrivateHandle
  calls translate_phys_to_dma private_access
phys_to_dma_direct src/kernel/dma/direct.ts kernel/dma/direct.c
  calls force_dma_unencrypted phys_to_dma_unencrypted phys_to_dma
phys_to_dma_unencrypted src/kernel/dma/address.ts include/linux/dma-direct.h
  decides canonicalPhys vtomOffset
  calls translate_phys_to_dma private_access
phys_to_virt src/kernel/linear-map.ts
pool_contains src/kernel/swiotlb/pool.ts
private_access src/kernel/device.ts
  decides trust
  calls device_cc_accepted
privately_trusted src/kernel/device.ts
  decides trust
  calls accepted_flag
rfc_accept src/kernel/tsm.ts
  calls device_unlock accept_ops set_accepted
rfc_disconnect src/kernel/tsm.ts
  decides accept
  calls ops_steps set_accepted
rfc_init src/kernel/tsm.ts
  decides acceptedAtInit
  calls set_accepted
rfc_lock src/kernel/tsm.ts
  decides accept
  calls device_unlock ops_steps
rfc_teardown src/kernel/tsm.ts
  calls rfc_disconnect
rfc_unlock src/kernel/tsm.ts
  calls rfc_disconnect
rmem_swiotlb_device_init src/kernel/boot.ts
  decides sharedGranule decryptFailure
  calls set_memory_decrypted
round_up_default_nslabs src/kernel/swiotlb/sizing.ts
  calls roundup_pow_of_two
roundup_pow_of_two src/kernel/swiotlb/param.ts
set_accepted src/kernel/device.ts
set_dma_skip_sync src/kernel/device.ts
  decides atomicDevFlags
set_memory_decrypted src/kernel/set-memory.ts
  calls __set_memory_enc_dec
set_memory_encrypted src/kernel/set-memory.ts
  calls __set_memory_enc_dec
setup_io_tlb_npages src/kernel/swiotlb/sizing.ts
  calls round_up_default_nslabs
start_kernel src/kernel/boot.ts
  calls swiotlb_update_mem_attributes rmem_swiotlb_device_init
state_hash src/kernel/swiotlb/snapshot.ts
swiotlb_adjust_size src/kernel/swiotlb/sizing.ts
  calls round_up_default_nslabs
swiotlb_align_offset src/kernel/swiotlb/pool.ts
swiotlb_alloc src/kernel/dma/swiotlb.ts kernel/dma/swiotlb.c
  decides poolsMatchRequest poolMatches
  calls phys_to_dma_unencrypted phys_to_dma swiotlb_find_slots get_order swiotlb_release_slots
swiotlb_alloc_pool src/kernel/dma/swiotlb-dynamic.ts kernel/dma/swiotlb.c
  calls limit_nareas swiotlb_alloc_tlb
swiotlb_alloc_tlb src/kernel/dma/swiotlb-dynamic.ts kernel/dma/swiotlb.c
  decides dynamicPools poolsMatchRequest
  calls force_dma_unencrypted dma_alloc_from_pool alloc_dma_pages set_memory_decrypted set_memory_encrypted
swiotlb_bounce src/kernel/dma/swiotlb.ts kernel/dma/swiotlb.c
  calls arch_sync_dma_flush
swiotlb_bounce_range src/kernel/swiotlb/pool.ts
  calls swiotlb_align_offset
swiotlb_del_transient src/kernel/swiotlb/mem.ts
swiotlb_do_find_slots src/kernel/swiotlb/pool.ts
  calls nr_slots
swiotlb_dyn_alloc src/kernel/dma/swiotlb-dynamic.ts kernel/dma/swiotlb.c
  calls swiotlb_alloc_pool
swiotlb_find_pool src/kernel/dma/swiotlb.ts kernel/dma/swiotlb.c
  calls __swiotlb_find_pool pool_contains
swiotlb_find_slots src/kernel/swiotlb/pool.ts
  decides dynamicRelease
  calls swiotlb_search_pool_area swiotlb_dyn_alloc translate_phys_to_dma swiotlb_map_area map_area nr_slots
    alloc_bytes swiotlb_alloc_pool dma_limit swiotlb_schedule_dyn_free
swiotlb_find_slots_dynamic src/kernel/swiotlb/mem.ts
  calls swiotlb_search_pool_area nr_slots
swiotlb_free src/kernel/dma/swiotlb.ts kernel/dma/swiotlb.c
  calls swiotlb_find_pool pool_contains swiotlb_release_slots
swiotlb_free_tlb src/kernel/dma/swiotlb-dynamic.ts kernel/dma/swiotlb.c
  decides dynamicFree dynamicRelease
  calls dma_free_from_pool_phys set_memory_encrypted
swiotlb_init_io_tlb_pool src/kernel/swiotlb/pool.ts
swiotlb_init_remap src/kernel/swiotlb/sizing.ts
  calls roundup_pow_of_two round_up_default_nslabs limit_nareas
swiotlb_map src/kernel/dma/swiotlb.ts kernel/dma/swiotlb.c
  calls dma_limit phys_to_dma is_swiotlb_force_bounce swiotlb_tbl_map_single phys_to_dma_unencrypted dma_capable
    swiotlb_find_pool arch_sync_dma_flush
swiotlb_map_area src/kernel/swiotlb/pool.ts
  calls swiotlb_search_pool_area alloc_bytes swiotlb_slots_set
swiotlb_mark_pool_used src/kernel/swiotlb/pool.ts
swiotlb_max_mapping_size src/kernel/dma/swiotlb.ts kernel/dma/swiotlb.c
swiotlb_release src/kernel/swiotlb/mem.ts
  calls swiotlb_del_transient swiotlb_release_slots
swiotlb_release_slots src/kernel/swiotlb/pool.ts
  calls swiotlb_align_offset
swiotlb_schedule_dyn_free src/kernel/dma/swiotlb-dynamic.ts kernel/dma/swiotlb.c
  decides dynamicRelease
  calls swiotlb_free_tlb
swiotlb_search_pool_area src/kernel/swiotlb/pool.ts
  calls swiotlb_do_find_slots longest_run swiotlb_align_offset inc_used_and_hiwater
swiotlb_slots_set src/kernel/swiotlb/pool.ts
  calls swiotlb_align_offset nr_slots alloc_bytes
swiotlb_sync_single src/kernel/dma/swiotlb.ts kernel/dma/swiotlb.c
  calls swiotlb_bounce
swiotlb_tbl_map_single src/kernel/dma/swiotlb.ts kernel/dma/swiotlb.c
  decides poolMatches
  calls private_access force_dma_unencrypted phys_to_dma_unencrypted phys_to_dma swiotlb_find_slots
    clear_dma_skip_sync __swiotlb_find_pool swiotlb_bounce alloc_bytes swiotlb_slots_set
swiotlb_tbl_unmap_single src/kernel/dma/swiotlb.ts kernel/dma/swiotlb.c
  calls swiotlb_bounce
swiotlb_update_mem_attributes src/kernel/boot.ts
  decides sharedGranule decryptFailure
  calls set_memory_decrypted
tio_accept src/kernel/tsm.ts
  calls device_unlock accept_ops set_accepted
tio_lock src/kernel/tsm.ts
  decides accept
  calls device_unlock ops_steps
tio_teardown src/kernel/tsm.ts
  calls device_unlock tio_unlock_body
tio_unlock src/kernel/tsm.ts
  calls device_unlock tio_unlock_body
tio_unlock_body src/kernel/tsm.ts
  decides accept
  calls set_accepted ops_steps
translate_dma_to_phys src/kernel/dma/address.ts include/linux/dma-direct.h
translate_phys_to_dma src/kernel/dma/address.ts include/linux/dma-direct.h
tsm_accept src/kernel/tsm.ts
  decides accept
tsm_connect src/kernel/tsm.ts
  decides accept
  calls tsm_lock
tsm_disconnect src/kernel/tsm.ts
  decides accept
  calls tsm_unlock
tsm_dma src/kernel/tsm.ts
  decides dmaEnable accept
  calls device_unlock
tsm_evidence src/kernel/tsm.ts
  decides accept
tsm_lock src/kernel/tsm.ts
  decides accept
tsm_register src/kernel/tsm.ts
  decides accept
tsm_unlock src/kernel/tsm.ts
  decides accept
tsm_unregister src/kernel/tsm.ts
  decides accept
use_dma_iommu src/kernel/dma/mapping.ts kernel/dma/mapping.c
virt_to_phys src/kernel/linear-map.ts
`
