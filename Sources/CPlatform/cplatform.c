/* The functions of cplatform.h, and one that Swift alone can call. */
#define _GNU_SOURCE
#include "cplatform.h"

#include <unistd.h>
#ifdef __linux__
#include <errno.h>
#include <sched.h>
#endif

/* The mask grows until it holds the kernel's: cpu_set_t ends at 1024 processors. */
int64_t swiftkan_processor_count(void) {
#ifdef __linux__
  for (int processors = 1024; processors <= 1 << 20; processors *= 2) {
    cpu_set_t *set = CPU_ALLOC(processors);
    if (!set) break;
    size_t size = CPU_ALLOC_SIZE(processors);
    int failed = sched_getaffinity(0, size, set);
    int64_t count = failed ? 0 : CPU_COUNT_S(size, set);
    int too_small = failed && errno == EINVAL;
    CPU_FREE(set);
    if (count > 0) return count;
    if (!too_small) break;
  }
#endif
  long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online > 0 ? online : 1;
}

#ifdef __clang__ /* Swift's own compiler: others do not know how Swift calls */

typedef __attribute__((swiftcall)) void closure_code(intptr_t a, intptr_t b, __attribute__((swift_context)) void *captured);

typedef __attribute__((swiftcall)) void user_code(const swiftkan_closure *closure, __attribute__((swift_context)) void *captured);

/*
 * Lends a closure to `use`, a closure, too, until that returns. ThreadPool.swift declares this as a Swift function with two closures for
 * arguments, so that Swift knows them to be in use as long as this call takes.
 */
__attribute__((swiftcall)) void swiftkan_closure_lend(closure_code *code, void *captured, user_code *use, void *its);

__attribute__((swiftcall)) void swiftkan_closure_lend(closure_code *code, void *captured, user_code *use, void *its) {
  const swiftkan_closure closure = {(const void *)code, captured};
  use(&closure, its);
}

void swiftkan_closure_call(const swiftkan_closure *closure, intptr_t a, intptr_t b) {
  ((closure_code *)closure->code)(a, b, closure->captured);
}

#endif
