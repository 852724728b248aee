/* The processors of this process. The mask grows until it holds the kernel's: cpu_set_t ends at 1024 processors. */
#define _GNU_SOURCE
#include "cplatform.h"

#include <unistd.h>
#ifdef __linux__
#include <errno.h>
#include <sched.h>
#endif

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
