/*
 * main.c: a C program that calls every function of swiftkan.h, with good arguments and with bad ones.
 *
 * What it must get right: linking it proves that every declared function exists; running it, that no argument that a C
 * caller can be blamed for (a null pointer, a count, a size, a number that is not finite) ends the process.
 */
#include "abi.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char text[SWIFTKAN_MESSAGE_SIZE];

static int passed, failed;
static const char *current = "the start";
static int current_line;

void announce(const char *what, int line)
{
  current = what;
  current_line = line;
}

void check(int holds, const char *what, int line)
{
  announce(what, line);
  if (holds) {
    passed++;
  } else {
    failed++;
    printf("FAILED line %d: %s\n", line, what);
  }
}

void check_status(swiftkan_status status, int wanted, const char *what, int line)
{
  int refused = status == SWIFTKAN_INVALID || status == SWIFTKAN_NO_MEMORY;
  int right = wanted == REFUSED ? refused : (int)status == wanted;
  if (!right)
    printf("line %d: status %d, message \"%s\"\n", line, (int)status, text);
  check(right, what, line);
  if (wanted == REFUSED && refused && strstr(what, "text") != NULL) /* it was given the place for a message */
    check(text[0] != '\0' && memchr(text, '\0', sizeof text) != NULL, "a refusal has a sentence", line);
}

/* A trap of the engine (SIGILL) or worse: say where. Nothing but write-like calls would be safe in earnest. */
static void on_crash(int number)
{
  fprintf(stderr, "CRASHED with signal %d at line %d: %s\n", number, current_line, current);
  _Exit(2);
}

swiftkan_settings small_settings(int32_t dtype)
{
  static const int64_t n_sum[] = {D, 5, O}, n_mult[] = {0, 0, 0}, grid[] = {5, 5}, k[] = {3, 3};
  swiftkan_settings settings;
  swiftkan_settings_init(&settings);
  settings.dtype = dtype;
  settings.depth = 2;
  settings.n_sum = n_sum;
  settings.n_mult = n_mult;
  settings.grid = grid;
  settings.k = k;
  return settings;
}

swiftkan_model *small_model(int32_t dtype)
{
  swiftkan_settings settings = small_settings(dtype);
  swiftkan_model *model = NULL;
  OK(swiftkan_create(&settings, &model, text));
  if (model == NULL) {
    printf("no model can be made: %s\n", text);
    exit(1);
  }
  return model;
}

int32_t count_down(void *context)
{
  int64_t *left = context;
  return (*left)-- > 0 ? SWIFTKAN_CONTINUE : SWIFTKAN_CANCEL;
}

double get(int32_t dtype, const void *array, int64_t i)
{
  return dtype == SWIFTKAN_FLOAT64 ? ((const double *)array)[i] : (double)((const float *)array)[i];
}

void set(int32_t dtype, void *array, int64_t i, double value)
{
  if (dtype == SWIFTKAN_FLOAT64)
    ((double *)array)[i] = value;
  else
    ((float *)array)[i] = (float)value;
}

const void *inputs(int32_t dtype)
{
  static double values[N * D];
  for (int64_t i = 0; i < N * D; i++)
    set(dtype, values, i, sin(1 + 7.0 * (double)i * (double)i)); /* spread, and the same everywhere */
  return values;
}

const void *outputs(int32_t dtype)
{
  static double values[N * O];
  for (int64_t s = 0; s < N; s++) {
    double x0 = sin(1 + 28.0 * (double)s * (double)s), x1 = sin(1 + 7.0 * (double)(2 * s + 1) * (double)(2 * s + 1));
    set(dtype, values, s, exp(sin(3.14159265358979 * x0) + x1 * x1));
  }
  return values;
}

int main(void)
{
  const int signals[] = {SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT};
  for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
    signal(signals[i], on_crash);
  const int32_t dtypes[] = {SWIFTKAN_FLOAT64, SWIFTKAN_FLOAT32};
  for (int i = 0; i < 2; i++) {
    test_use(dtypes[i]);
    test_training(dtypes[i]);
  }
  test_refusals();
  test_training_refusals();
  test_allocations();
  test_symbolic();
  printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
