/*
 * Each `if` tells what it decided: included before everything else in an image that is made to explain a counterexample. The tree's own
 * CONFIG_PROFILE_ALL_BRANCHES counts in the same place.
 */
#ifndef TBIT_BRANCHES_H
#define TBIT_BRANCHES_H
__attribute__((import_module("tbit"), import_name("branch"))) void tbit_i_branch(const char *file, int line, const char *condition, int taken);
#define if(...) if (({ _Bool tbit_taken = !!(__VA_ARGS__); \
	(__builtin_constant_p(tbit_taken) ? (void)0 : tbit_i_branch(__FILE__, __LINE__, #__VA_ARGS__, tbit_taken)); tbit_taken; }))
#endif
