/*
 * counting.c: a malloc that counts, for the whole process: this program's functions take the place of the C library's.
 *
 * What it must get right: memory is glibc's own, so that free, realloc and every library of the process go on as they are; calls
 * of all threads count. Nothing is replaced, and allocations() is -1, without glibc, whose functions it needs; under
 * AddressSanitizer, which has its own malloc; and in a debug build, where Swift makes objects for what is a register otherwise.
 */
#include "abi.h"

#include <errno.h>
#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#endif

#if defined(__GLIBC__) && defined(__OPTIMIZE__) && !defined(SANITIZED)

#include <stdatomic.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static atomic_llong calls;

static void count(void) { atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed); }

int64_t allocations(void) { return atomic_load(&calls); }

void *malloc(size_t size)
{
  count();
  return __libc_malloc(size);
}

void *calloc(size_t number, size_t size)
{
  count();
  return __libc_calloc(number, size);
}

void *realloc(void *old, size_t size)
{
  count();
  return __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
  count();
  return __libc_memalign(alignment, size);
}

void *memalign(size_t alignment, size_t size)
{
  count();
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size)
{
  if (alignment % sizeof(void *) != 0 || alignment == 0 || (alignment & (alignment - 1)) != 0)
    return EINVAL;
  count();
  const int before = errno; /* which POSIX leaves alone here */
  void *memory = __libc_memalign(alignment, size);
  errno = before;
  if (memory == NULL)
    return ENOMEM;
  *result = memory;
  return 0;
}

#else

int64_t allocations(void) { return -1; }

#endif
