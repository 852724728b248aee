/*
 * abi.h: what the files of the C interface's test share: counting, and a small network with its data.
 *
 * What it must get right: every check counts once, says what it was when it fails, and a crash says where it happened.
 */
#ifndef SWIFTKAN_TESTS_ABI_H
#define SWIFTKAN_TESTS_ABI_H

#include <stddef.h>
#include <stdint.h>

#include "swiftkan.h"

enum { N = 40, D = 2, O = 1, STEPS = 8 };

/* The sentence of the last call that took `text`. */
extern char text[SWIFTKAN_MESSAGE_SIZE];

/* Counts a check; `what` is remembered for the report of a crash. */
void check(int holds, const char *what, int line);
#define CHECK(condition) check((condition) != 0, #condition, __LINE__)

/* Announces a call, makes it, and checks its status (and that a failure has a sentence). */
void announce(const char *what, int line);
void check_status(swiftkan_status status, int wanted, const char *what, int line);
#define OK(call) (announce(#call, __LINE__), text[0] = '\0', check_status(call, SWIFTKAN_OK, #call, __LINE__))

/* As OK, for calls that must be refused: INVALID, or NO_MEMORY for sizes. */
enum { REFUSED = -1 };
#define REFUSE(call) REFUSE_WITH(#call, call)
#define REFUSE_WITH(what, call) (announce(what, __LINE__), text[0] = '\0', check_status(call, REFUSED, what, __LINE__))

/* A network 2 → 5 → 1 of this dtype: its settings; the caller destroys the model. */
swiftkan_settings small_settings(int32_t dtype);
swiftkan_model *small_model(int32_t dtype);

/* Inputs (N, D) in (-1, 1) and outputs (N, O) of this dtype, static. */
const void *inputs(int32_t dtype);
const void *outputs(int32_t dtype);

/* A poll that answers that all is well `*context` times, then that the call should end. */
int32_t count_down(void *context);

/* Element i of an array of this dtype. */
double get(int32_t dtype, const void *array, int64_t i);
void set(int32_t dtype, void *array, int64_t i, double value);

/* Calls of malloc and its like in this process until now; -1 where they are not counted. */
int64_t allocations(void);

/* use.c: what works, for one dtype. refuse.c: what must be refused. */
void test_use(int32_t dtype);
void test_training(int32_t dtype);
void test_allocations(void);
void test_symbolic(void); /* adds functions: after all that count them */
void test_refusals(void);
void test_training_refusals(void);

#endif
