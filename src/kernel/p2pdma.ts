// drivers/pci/p2pdma.c and include/linux/pci-p2pdma.h: how one device reaches the BAR of another.
import type { Device } from './types.ts'

/**
 * pci_p2pdma_state(): PCI_P2PDMA_MAP_BUS_ADDR, where both devices are below a switch that does not redirect, is the bus
 * address of the range (its CPU address: host bridges of a scene have no offset); null:
 * PCI_P2PDMA_MAP_THRU_HOST_BRIDGE, or memory.
 */
export const pci_p2pdma_bus_addr = (dev: Device, phys: number): number | null =>
  dev.k.machine.peerBelowSwitch(dev.index, phys) === null ? null : phys
