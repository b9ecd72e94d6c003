/* asm/rsi.h of a tree that has none, for a patch that asks whether this is a realm. */
#ifndef TBIT_REALM_RSI_H
#define TBIT_REALM_RSI_H
#include <linux/jump_label.h>
DECLARE_STATIC_KEY_FALSE(rsi_present);
static inline bool is_realm_world(void) { return static_branch_unlikely(&rsi_present); }
#endif
