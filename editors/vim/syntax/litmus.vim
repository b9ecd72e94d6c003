" Vim syntax of litmus tests of tbit. Made by scripts/editors.mjs from the tables of the language: do not edit.
if exists("b:current_syntax")
  finish
endif

syntax match litmusKey "\%(\w\|-\)\@1<!\%(memory_encrypt_reported\|tdx_trusted_shared_dma\|bme_zero_over_zero\|misaligned_share\|snp_cbit_in_iova\|tdx_page_release\|restricted_pool\|swiotlb_dynamic\|min_align_mask\|boundary_mask\|coherent_mask\|tdx_host_read\|unlocked_stop\|flag_storage\|host_granule\|private_only\|private_pool\|conversions\|host_mirror\|host_stage2\)\%(\w\|-\)\@!"
syntax match litmusKey "\%(\w\|-\)\@1<!\%(noncoherent\|cache_line\|guest_page\|locked_dma\|bus_limit\|range_map\|tsm_fails\|untrusted\|accepted\|dma_mask\|ipa_bits\|cmdline\|private\|snp_p2p\|swiotlb\|tdx_p2p\|driver\|region\|shared\|switch\)\%(\w\|-\)\@!"
syntax match litmusKey "\%(\w\|-\)\@1<!\%(iommu\|remap\|tdisp\|zones\|cpus\|vtom\|cma\|ram\|of\|vf\|xt\)\%(\w\|-\)\@!"
syntax match litmusConstant "\%(\w\|-\)\@1<!\%(NO_KERNEL_MAPPING\|REQUIRE_COHERENT\|BIDIRECTIONAL\|SKIP_CPU_SYNC\|FROM_DEVICE\|EOPNOTSUPP\|CC_SHARED\|DECRYPTED\|EREMOTEIO\|ETIMEDOUT\|TO_DEVICE\|EMSGSIZE\|NO_WARN\|default\|vacuous\|ATOMIC\|EACCES\|EAGAIN\|EEXIST\|EFAULT\)\%(\w\|-\)\@!"
syntax match litmusConstant "\%(\w\|-\)\@1<!\%(EINVAL\|ENODEV\|ENOENT\|ENOMEM\|ENOSPC\|EPROTO\|ERANGE\|cipher\|secret\|EBUSY\|EINTR\|ENXIO\|EPERM\|mixed\|MMIO\|NULL\|high\|lost\|ones\|zero\)\%(\w\|-\)\@!"
syntax match litmusConstant "\%(\w\|-\)\@1<!\%(EIO\|ERR\|max\|ok\)\%(\w\|-\)\@!"
syntax match litmusKernel "\%(\w\|-\)\@1<!\%(linux-7\.3-merged\|linux-6\.12\|linux-6\.15\|linux-6\.18\|linux-7\.1\|linux-7\.2\|linux-7\.3\|rfc-v1-05\|rfc-v1\|tio-v2\|cc-v4\|cc-v5\|cc-v6\|cc-v7\|cc-v8\)\%(\w\|-\)\@!"
syntax match litmusPlatform "\%(\w\|-\)\@1<!\%(amd-sme-host\|amd-sev-snp\|intel-tdx\|arm-cca\|s390-pv\|none\|pkvm\)\%(\w\|-\)\@!"
syntax match litmusConstant "\<\%(DMA_\|GFP_\|__GFP_\)\w\+"
syntax match litmusKernel "\<\a\w*\%(-\w\+\%(\.\d\+\)*\)*[-.]\*"
syntax match litmusNumber "\%(\w\|-\)\@1<!\d\w*"
syntax match litmusKeyword "\%(\w\|-\)\@1<!\%(assert\|choose\|repeat\|else\|wait\|cpu\|try\|as\|if\|on\|or\)\%(\w\|-\)\@!"
syntax match litmusFunction "\%(\w\|-\)\@1<!\%(device_cc_accepted\|dma_mapping_error\|content\|errno\|ok\)\ze\s*("
syntax match litmusOperation "\%(\w\|-\)\@1<!\%(mem_cc_shared_granule_size\|dma_set_mask_and_coherent\|dma_get_required_mask\|dma_set_coherent_mask\|dma_max_mapping_size\|set_memory_decrypted\|set_memory_encrypted\|dma_sync_for_device\|dma_alloc_coherent\|dma_unmap_resource\|pci_reset_function\|dma_free_coherent\|device_set_trust\|dma_map_resource\|dma_sync_for_cpu\|dma_unmap_single\|pci_clear_master\|dma_alloc_pages\|tsm_dma_disable\|dma_free_pages\)\ze\s*("
syntax match litmusOperation "\%(\w\|-\)\@1<!\%(dma_map_single\|pci_set_master\|tsm_disconnect\|tsm_dma_enable\|tsm_unregister\|dma_set_mask\|dma_unmap_sg\|tsm_evidence\|tsm_register\|host_relock\|tsm_connect\|alloc_page\|dma_map_sg\|host_error\|host_remap\|host_reset\|host_unmap\|host_write\|tsm_accept\|tsm_unlock\)\ze\s*("
syntax match litmusOperation "\%(\w\|-\)\@1<!\%(dev_write\|free_page\|host_read\|host_stop\|dev_read\|dma_mmap\|pcie_flr\|tsm_lock\|give_up\|kmalloc\|remove\|unbind\|vunmap\|kfree\|bind\|fill\|read\|vmap\)\ze\s*("
syntax match litmusField "\.\@1<=\%(accepted\|bounced\|ranges\|shared\|alias\|trust\|tdi\|tsm\)\%(\w\|-\)\@!"
syntax match litmusProperty "\%(\w\|-\)\@1<!\%(lost_update\|stale_state\|pool_state\|wrong_data\|unreached\|deadlock\|tampered\|exposed\|reached\|refused\|assert\|crash\|fault\|leak\|warn\)\%(\w\|-\)\@!" contained
syntax region litmusVerdict start="\%(^\s*\%(expect\|forbid\)\)\@<=\s" end="$" keepend transparent contains=ALL
syntax match litmusPart "^\s*\zs\%(platform\|config\|device\|exists\|expect\|forbid\|kernel\|litmus\|source\|thread\|never\|init\|mmio\)\%(\w\|-\)\@!"
syntax region litmusString start=+"+ skip=+\\.+ end=+"+ oneline
syntax match litmusComment "#.*$" contains=@Spell
syntax match litmusComment "//.*$" contains=@Spell
syntax region litmusComment start="/\*" end="\*/" contains=@Spell

highlight default link litmusComment Comment
highlight default link litmusPart Structure
highlight default link litmusKeyword Statement
highlight default link litmusOperation Function
highlight default link litmusFunction Function
highlight default link litmusPlatform Type
highlight default link litmusKernel Type
highlight default link litmusProperty Special
highlight default link litmusKey Identifier
highlight default link litmusField Identifier
highlight default link litmusConstant Constant
highlight default link litmusNumber Number
highlight default link litmusString String

let b:current_syntax = "litmus"
