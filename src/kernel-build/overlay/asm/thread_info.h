/* One thread of ours is one task: the machine keeps its preempt count beside the call's other scratch data. */
#ifndef TBIT_ASM_THREAD_INFO_H
#define TBIT_ASM_THREAD_INFO_H
#define THREAD_SIZE_ORDER 2
#define THREAD_SIZE (4096UL << THREAD_SIZE_ORDER)
#define TIF_SIGPENDING 0
#define TIF_NOTIFY_SIGNAL 1
#define TIF_NEED_RESCHED 2
#define TIF_NOTIFY_RESUME 3
#define TIF_MEMDIE 4
#define TIF_SYSCALL_TRACE 5
#define TIF_POLLING_NRFLAG 6
#define _TIF_SIGPENDING (1 << TIF_SIGPENDING)
#define _TIF_NOTIFY_SIGNAL (1 << TIF_NOTIFY_SIGNAL)
#define _TIF_NEED_RESCHED (1 << TIF_NEED_RESCHED)
#define _TIF_NOTIFY_RESUME (1 << TIF_NOTIFY_RESUME)
struct thread_info { unsigned long flags; unsigned long syscall_work; int preempt_count; unsigned int cpu; };
/* in the scratch area: struct tbit_scratch in tbit.h says where */
#define tbit_thread_info ((struct thread_info *)2304)
#ifndef CONFIG_THREAD_INFO_IN_TASK
#define current_thread_info() tbit_thread_info
#endif
#endif
