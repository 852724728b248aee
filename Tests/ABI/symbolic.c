/*
 * symbolic.c: functions that users add, and the fit of functions to samples.
 *
 * What it must get right: an added function is evaluated with its context, by the network and by the fit, on the calling
 * thread; it stays for the life of the process, so this file runs after those that count functions.
 */
#include "abi.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* x³/3 times the context, with its derivative; fails for the context's sign. */
static int32_t cube(void *context, int32_t dtype, const void *x, int64_t n, int32_t avoid, double y_th, void *y, void *dy)
{
  (void)avoid;
  (void)y_th;
  const double factor = *(const double *)context;
  for (int64_t s = 0; s < n; s++) {
    const double t = get(dtype, x, s);
    set(dtype, y, s, factor * t * t * t / 3);
    if (dy != NULL)
      set(dtype, dy, s, factor * t * t);
  }
  return factor < 0;
}

static void test_added(int32_t dtype)
{
  static double factor = 1;
  int64_t function = -1, other = -1, found = -1;
  const int64_t before = swiftkan_function_count();
  factor = 1;
  OK(swiftkan_function_add("cube/3", cube, &factor, &function, text));
  CHECK(function == before && swiftkan_function_count() == before + 1);
  CHECK(strcmp(swiftkan_function_name(function), "cube/3") == 0);
  OK(swiftkan_function_add("cube/3", cube, &factor, &other, NULL));
  CHECK(other == function + 1);

  double y[N * O], x[N * D], expected;
  memcpy(x, inputs(dtype), sizeof x);
  swiftkan_settings settings = small_settings(dtype);
  const int64_t sums[] = {D, O}, mults[] = {0, 0}, size[] = {3};
  settings.depth = 1;
  settings.n_sum = sums;
  settings.n_mult = mults;
  settings.grid = settings.k = size;
  swiftkan_model *model = NULL;
  OK(swiftkan_create(&settings, &model, text));
  swiftkan_info info;
  OK(swiftkan_info_get(model, &info, text));
  for (int64_t i = 0; i < info.block_count; i++) {
    swiftkan_block block;
    OK(swiftkan_block_get(model, i, &block, text));
    for (int64_t e = 0; e < block.count; e++) {
      if (strcmp(block.name, "act_fun.0.mask") == 0)
        set(dtype, info.state, block.offset + e, 0);
      if (strcmp(block.name, "symbolic_fun.0.mask") == 0)
        set(dtype, info.state, block.offset + e, e == 0);
      if (strcmp(block.name, "symbolic_fun.0.affine") == 0)
        set(dtype, info.state, block.offset + e, e == 0 || e == 2); /* 1·f(1·x + 0) + 0 on the first edge */
    }
  }
  OK(swiftkan_symbolic_set(model, 0, 0, 0, function, text));
  OK(swiftkan_symbolic_get(model, 0, 0, 0, &found, text));
  CHECK(found == function);
  OK(swiftkan_forward(model, x, N, NULL, y, text));
  int right = 1;
  for (int64_t s = 0; s < N; s++) {
    expected = pow(get(dtype, x, s * D), 3) / 3;
    right &= fabs(get(dtype, y, s) - expected) <= 1e-6;
  }
  CHECK(right);
  factor = -1; /* a function that fails gives NaN */
  OK(swiftkan_forward(model, x, N, NULL, y, text));
  CHECK(isnan(get(dtype, y, 0)) && isnan(get(dtype, y, N - 1)));
  factor = 1;
  swiftkan_destroy(model);
}

static void test_cancelled_fit(void)
{
  enum { MANY = 1000000, ALL = 29 };
  double *x = malloc(2 * MANY * sizeof *x), *y = x + MANY, affine[4 * ALL], r2[ALL];
  int64_t functions[ALL], left = 2;
  CHECK(x != NULL);
  for (int64_t f = 0; f < ALL; f++)
    functions[f] = f;
  for (int64_t s = 0; s < MANY; s++) {
    x[s] = (double)s / MANY;
    y[s] = sin(40 * x[s] * x[s]);
  }
  affine[0] = r2[0] = 77;
  CHECK(swiftkan_symbolic_fit(functions, ALL, x, y, MANY, NULL, NULL, count_down, &left, affine, r2, text) ==
        SWIFTKAN_CANCELLED);
  CHECK(left == -1 && strlen(text) > 0 && affine[0] == 77 && r2[0] == 77);
  left = INT64_MAX;
  OK(swiftkan_symbolic_fit(functions, 1, x, y, MANY, NULL, NULL, count_down, &left, affine, r2, text));
  CHECK(left > 0 && affine[0] == 1 && r2[0] < 0.5);
  free(x);
}

static void test_fit(void)
{
  double x[200], y[200], affine[2][4], r2[2];
  for (int s = 0; s < 200; s++) {
    x[s] = 1000 + s;
    y[s] = 1e-5 * sin(0.03 * x[s] + 0.4) + 2;
  }
  int64_t sine = 0, functions[2] = {0, 1};
  while (strcmp(swiftkan_function_name(sine), "sin") != 0)
    sine++;
  functions[1] = sine;
  const double range[2] = {-10, 10}, reversed[2] = {1, -1}, infinite[2] = {0, INFINITY};
  OK(swiftkan_symbolic_fit(functions, 2, x, y, 200, range, NULL, NULL, NULL, affine[0], r2, text));
  CHECK(r2[1] > 1 - 1e-9 && fabs(fabs(affine[1][0]) - 0.03) < 1e-9 && fabs(affine[1][3] - 2) < 1e-9);
  CHECK(r2[0] > 0 && r2[0] < 0.9 && affine[0][0] == 1 && affine[0][1] == 0);
  OK(swiftkan_symbolic_fit(functions, 0, x, y, 200, NULL, NULL, NULL, NULL, affine[0], r2, text));
  OK(swiftkan_symbolic_fit(functions, 1, x, y, 1, NULL, NULL, NULL, NULL, affine[0], r2, NULL));
  CHECK(r2[0] == 0 && affine[0][3] == y[0]);

  int64_t wrong[1] = {-1}, function;
  REFUSE(swiftkan_symbolic_fit(wrong, 1, x, y, 200, NULL, NULL, NULL, NULL, affine[0], r2, text));
  wrong[0] = swiftkan_function_count();
  REFUSE(swiftkan_symbolic_fit(wrong, 1, x, y, 200, NULL, NULL, NULL, NULL, affine[0], r2, text));
  REFUSE(swiftkan_symbolic_fit(NULL, 1, x, y, 200, NULL, NULL, NULL, NULL, affine[0], r2, text));
  REFUSE(swiftkan_symbolic_fit(functions, -1, x, y, 200, NULL, NULL, NULL, NULL, affine[0], r2, text));
  REFUSE(swiftkan_symbolic_fit(functions, INT64_MAX, x, y, 200, NULL, NULL, NULL, NULL, affine[0], r2, text));
  REFUSE(swiftkan_symbolic_fit(functions, 1, NULL, y, 200, NULL, NULL, NULL, NULL, affine[0], r2, text));
  REFUSE(swiftkan_symbolic_fit(functions, 1, x, NULL, 200, NULL, NULL, NULL, NULL, affine[0], r2, text));
  REFUSE(swiftkan_symbolic_fit(functions, 1, x, y, 0, NULL, NULL, NULL, NULL, affine[0], r2, text));
  REFUSE(swiftkan_symbolic_fit(functions, 1, x, y, INT64_MAX, NULL, NULL, NULL, NULL, affine[0], r2, text));
  REFUSE(swiftkan_symbolic_fit(functions, 1, x, y, 200, reversed, NULL, NULL, NULL, affine[0], r2, text));
  REFUSE(swiftkan_symbolic_fit(functions, 1, x, y, 200, NULL, infinite, NULL, NULL, affine[0], r2, text));
  REFUSE(swiftkan_symbolic_fit(functions, 1, x, y, 200, NULL, NULL, NULL, NULL, NULL, r2, text));
  REFUSE(swiftkan_symbolic_fit(functions, 1, x, y, 200, NULL, NULL, NULL, NULL, affine[0], NULL, text));
  x[7] = NAN;
  REFUSE(swiftkan_symbolic_fit(functions, 1, x, y, 200, NULL, NULL, NULL, NULL, affine[0], r2, text));

  REFUSE(swiftkan_function_add(NULL, cube, NULL, &function, text));
  REFUSE(swiftkan_function_add("", cube, NULL, &function, text));
  REFUSE(swiftkan_function_add("sin", cube, NULL, &function, text));
  REFUSE(swiftkan_function_add("f", NULL, NULL, &function, text));
  REFUSE(swiftkan_function_add("f", cube, NULL, NULL, text));
}

void test_symbolic(void)
{
  test_fit();
  test_cancelled_fit();
  test_added(SWIFTKAN_FLOAT64);
  test_added(SWIFTKAN_FLOAT32);
}
