/* Calls to the RMM are the machine's: set_memory_*() of the tree ends in the conversions that it registers. */
#ifndef TBIT_ASM_RSI_CMDS_H
#define TBIT_ASM_RSI_CMDS_H
enum ripas { RSI_RIPAS_EMPTY, RSI_RIPAS_RAM, RSI_RIPAS_DESTROYED, RSI_RIPAS_DEV };
#define RSI_NO_CHANGE_DESTROYED 0UL
#define RSI_CHANGE_DESTROYED 1UL
unsigned long rsi_set_addr_range_state(phys_addr_t start, phys_addr_t end, enum ripas state, unsigned long flags, phys_addr_t *top);
#endif
