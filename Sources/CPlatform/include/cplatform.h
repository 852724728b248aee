/*
 * cplatform.h: what the engine needs and Swift cannot import: the number of processors, which stands behind _GNU_SOURCE
 * and is left out of Glibc's module map, two instructions, and a closure's two words.
 * What it must get right: never fail; a machine that cannot answer has one processor.
 */
#ifndef SWIFTKAN_CPLATFORM_H
#define SWIFTKAN_CPLATFORM_H

#include <stdint.h>

/* The processors that this process may use (its affinity mask on Linux, those on line elsewhere); at least 1. */
int64_t swiftkan_processor_count(void);

/* Tells the processor that this thread is spinning, so that its sibling thread and its power budget profit. */
static inline void swiftkan_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb" ::: "memory"); /* a plain `yield` does nothing on most of them */
#endif
}

/* Asks for the memory at p, which will be read once, in the second-level cache. */
static inline void swiftkan_prefetch(const void *p) { __builtin_prefetch(p, 0, 2); }

/*
 * A Swift closure (Int, Int) -> Void that does not escape: its code and what it captured, on its caller's stack. What other threads shall
 * call must be a closure that may escape, which Swift copies to the heap in every call; or this one, while its owner waits for them.
 */
typedef struct {
  const void *code;
  void *captured;
} swiftkan_closure;

/* Calls a closure that is lent (ThreadPool.swift), on any thread. */
void swiftkan_closure_call(const swiftkan_closure *closure, intptr_t a, intptr_t b);

#endif
