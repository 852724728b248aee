/*
 * refuse.c: every function of swiftkan.h but training, with arguments that are not allowed.
 *
 * What it must get right: each call has exactly one thing wrong, gets INVALID (or NO_MEMORY for a size), and leaves
 * model and outputs as they were.
 */
#include "abi.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void test_settings(void)
{
  swiftkan_model *model = NULL;
  swiftkan_settings good = small_settings(SWIFTKAN_FLOAT64), s;
  swiftkan_settings_init(NULL);
  REFUSE(swiftkan_create(NULL, &model, text));
  REFUSE(swiftkan_create(&good, NULL, text));
  REFUSE(swiftkan_create(NULL, NULL, NULL));

#define REFUSE_SETTING(field, value)                                                                                   \
  (s = good, s.field = (value),                                                                                        \
   REFUSE_WITH("swiftkan_create, message in text, with " #field " " #value, swiftkan_create(&s, &model, text)),        \
   CHECK(model == NULL))
  REFUSE_SETTING(dtype, 0);
  REFUSE_SETTING(dtype, INT32_MIN);
  REFUSE_SETTING(base_fun, -1);
  REFUSE_SETTING(base_fun, 3);
  REFUSE_SETTING(depth, 0);
  REFUSE_SETTING(depth, -1);
  REFUSE_SETTING(depth, INT64_MIN);
  REFUSE_SETTING(depth, INT64_MAX);
  REFUSE_SETTING(n_sum, NULL);
  REFUSE_SETTING(n_mult, NULL);
  REFUSE_SETTING(grid, NULL);
  REFUSE_SETTING(k, NULL);
  REFUSE_SETTING(noise_scale, NAN);
  REFUSE_SETTING(scale_base_mu, INFINITY);
  REFUSE_SETTING(scale_base_sigma, NAN);
  REFUSE_SETTING(grid_eps, NAN);
  REFUSE_SETTING(grid_eps, -0.5);
  REFUSE_SETTING(grid_range[0], NAN);
  REFUSE_SETTING(grid_range[1], INFINITY);
  REFUSE_SETTING(grid_range[1], -1); /* empty: the lower end is -1 */

  /* Numbers in arrays: negative, zero, and products that overflow or that no memory holds. */
  static const int64_t bad_sums[][3] = {{0, 5, 1}, {2, 0, 1}, {2, 5, 0}, {-1, 5, 1}, {2, INT64_MIN, 1},
                                        {2, INT64_MAX, 1}, {INT64_MAX, INT64_MAX, INT64_MAX}, {1LL << 32, 1LL << 32, 1},
                                        {1LL << 24, 1LL << 24, 1}, {2, 1LL << 62, 1}};
  for (size_t i = 0; i < sizeof bad_sums / sizeof bad_sums[0]; i++)
    REFUSE_SETTING(n_sum, bad_sums[i]);
  static const int64_t bad_layers[][2] = {{0, 5}, {5, -1}, {INT64_MIN, 5}, {5, INT64_MAX}, {1LL << 61, 5}, {1LL << 50, 5}};
  for (size_t i = 0; i < sizeof bad_layers / sizeof bad_layers[0]; i++)
    REFUSE_SETTING(grid, bad_layers[i]);
  static const int64_t bad_k[][2] = {{-1, 3}, {3, 21}, {INT64_MAX, 3}, {3, INT64_MIN}};
  for (size_t i = 0; i < sizeof bad_k / sizeof bad_k[0]; i++)
    REFUSE_SETTING(k, bad_k[i]);
  static const int64_t bad_mult[][3] = {{1, 0, 0}, {0, -1, 0}, {0, INT64_MIN, 0}};
  for (size_t i = 0; i < sizeof bad_mult / sizeof bad_mult[0]; i++)
    REFUSE_SETTING(n_mult, bad_mult[i]);
  static const int64_t two[] = {0, 2, 0}, bad_arity[][2] = {{2, 0}, {-1, 2}, {INT64_MAX, INT64_MAX}, {INT64_MIN, 2}};
  good.n_mult = two;
  REFUSE_SETTING(mult_arity, NULL);
  for (size_t i = 0; i < sizeof bad_arity / sizeof bad_arity[0]; i++)
    REFUSE_SETTING(mult_arity, bad_arity[i]);
}

static void test_descriptions(swiftkan_model *model)
{
  swiftkan_model *copy = NULL;
  swiftkan_info info;
  swiftkan_block block;
  swiftkan_flags flags;
  REFUSE(swiftkan_copy(NULL, &copy, text));
  REFUSE(swiftkan_copy(model, NULL, text));
  REFUSE(swiftkan_info_get(NULL, &info, text));
  REFUSE(swiftkan_info_get(model, NULL, text));
  OK(swiftkan_info_get(model, &info, text));
  REFUSE(swiftkan_block_get(NULL, 0, &block, text));
  REFUSE(swiftkan_block_get(model, 0, NULL, text));
  REFUSE(swiftkan_block_get(model, -1, &block, text));
  REFUSE(swiftkan_block_get(model, info.block_count, &block, text));
  REFUSE(swiftkan_block_get(model, INT64_MAX, &block, NULL));
  REFUSE(swiftkan_flags_get(NULL, &flags, text));
  REFUSE(swiftkan_flags_get(model, NULL, text));
  OK(swiftkan_flags_get(model, &flags, text));
  REFUSE(swiftkan_flags_set(NULL, &flags, text));
  REFUSE(swiftkan_flags_set(model, NULL, text));
  flags.grid_eps = NAN;
  REFUSE(swiftkan_flags_set(model, &flags, text));
}

static void test_functions(swiftkan_model *model)
{
  const int64_t count = swiftkan_function_count();
  CHECK(swiftkan_function_name(-1) == NULL && swiftkan_function_name(count) == NULL);
  CHECK(swiftkan_function_name(INT64_MIN) == NULL && swiftkan_function_name(INT64_MAX) == NULL);
  double x[2] = {1, 2}, y[2];
  int64_t function;
  const int32_t d = SWIFTKAN_FLOAT64;
  REFUSE(swiftkan_function_evaluate(-1, d, x, 2, 0, 10, y, NULL, text));
  REFUSE(swiftkan_function_evaluate(count, d, x, 2, 0, 10, y, NULL, text));
  REFUSE(swiftkan_function_evaluate(1, 7, x, 2, 0, 10, y, NULL, text));
  REFUSE(swiftkan_function_evaluate(1, d, NULL, 2, 0, 10, y, NULL, text));
  REFUSE(swiftkan_function_evaluate(1, d, x, -1, 0, 10, y, NULL, text));
  REFUSE(swiftkan_function_evaluate(1, d, x, INT64_MIN, 0, 10, y, NULL, text));
  REFUSE(swiftkan_function_evaluate(1, d, x, 2, 0, 10, NULL, NULL, text));
  REFUSE(swiftkan_function_evaluate(1, d, x, 2, 1, NAN, y, NULL, text));

  static const int64_t places[][3] = {{-1, 0, 0}, {2, 0, 0}, {0, -1, 0}, {0, D, 0}, {0, 0, -1}, {0, 0, 5},
                                      {INT64_MAX, INT64_MAX, INT64_MAX}, {INT64_MIN, INT64_MIN, INT64_MIN}};
  for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
    const int64_t *p = places[i];
    REFUSE(swiftkan_symbolic_get(model, p[0], p[1], p[2], &function, text));
    REFUSE(swiftkan_symbolic_set(model, p[0], p[1], p[2], 1, text));
  }
  REFUSE(swiftkan_symbolic_get(NULL, 0, 0, 0, &function, text));
  REFUSE(swiftkan_symbolic_get(model, 0, 0, 0, NULL, text));
  REFUSE(swiftkan_symbolic_set(NULL, 0, 0, 0, 1, text));
  REFUSE(swiftkan_symbolic_set(model, 0, 0, 0, -1, text));
  REFUSE(swiftkan_symbolic_set(model, 0, 0, 0, count, text));
}

/* The calls that take x (n, D): NULL, counts that are not allowed, and evaluations that are not. */
static void test_samples(swiftkan_model *model)
{
  double out[N * 64], reg = 0, loss = 0, *statistics = calloc((size_t)swiftkan_statistics_count(model), sizeof(double));
  const double *x = inputs(SWIFTKAN_FLOAT64), *y = outputs(SWIFTKAN_FLOAT64);
  const int64_t grid[] = {8, 8}, wrong_grid[] = {8, 0}, huge_grid[] = {INT64_MAX, 1LL << 60};
  swiftkan_objective objective;
  swiftkan_objective_init(NULL);
  swiftkan_objective_init(&objective);
  swiftkan_model *other = small_model(SWIFTKAN_FLOAT64), *refined = NULL;
  const swiftkan_evaluation bad_bound = {1, 0, 0, NULL, NULL}, no_bound = {1, 0, NAN, NULL, NULL};

  const int64_t counts[] = {-1, INT64_MIN, INT64_MAX, INT64_MAX / 2};
  for (int i = 0; i < 4; i++) {
    const int64_t n = counts[i];
    const swiftkan_data data = {n, x, y, NULL, NULL};
    REFUSE(swiftkan_forward(model, x, n, NULL, out, text));
    REFUSE(swiftkan_activations(model, x, n, NULL, 0, 0, out, text));
    REFUSE(swiftkan_statistics(model, x, n, NULL, statistics, text));
    REFUSE(swiftkan_loss_gradient(model, &data, &objective, NULL, &loss, &reg, NULL, NULL, text));
    REFUSE(swiftkan_vjp(model, x, n, NULL, y, NULL, NULL, text));
    REFUSE(swiftkan_parameter_jacobian(model, x, n, NULL, 1, out, text));
    REFUSE(swiftkan_parameter_jacobian(model, x, N, NULL, n, out, text));
    REFUSE(swiftkan_normal_matrix(model, &data, NULL, 1, out, text));
    REFUSE(swiftkan_regularization(model, x, n, &objective, NULL, &reg, NULL, text));
    REFUSE(swiftkan_update_grid(model, x, n, 0, 0, NULL, text));
    REFUSE(swiftkan_refine(model, grid, x, n, NULL, &refined, text));
    REFUSE(swiftkan_initialize_from(model, other, x, n, NULL, text));
  }
  for (int i = 0; i < 3; i++) { /* no model; no x; a bad evaluation */
    swiftkan_model *m = i == 0 ? NULL : model;
    const double *v = i == 1 ? NULL : x;
    const swiftkan_evaluation *e = i == 2 ? &bad_bound : NULL;
    const swiftkan_data data = {N, v, y, NULL, NULL};
    REFUSE(swiftkan_forward(m, v, N, e, out, text));
    REFUSE(swiftkan_activations(m, v, N, e, 0, 0, out, text));
    REFUSE(swiftkan_statistics(m, v, N, e, statistics, text));
    REFUSE(swiftkan_loss_gradient(m, &data, &objective, e, &loss, &reg, NULL, NULL, text));
    REFUSE(swiftkan_vjp(m, v, N, e, y, NULL, NULL, text));
    REFUSE(swiftkan_parameter_jacobian(m, v, N, e, 1, out, text));
    REFUSE(swiftkan_normal_matrix(m, &data, e, 1, out, text));
    REFUSE(swiftkan_regularization(m, v, N, &objective, e, &reg, NULL, text));
    REFUSE(swiftkan_update_grid(m, v, N, 0, 0, e, text));
    REFUSE(swiftkan_refine(m, grid, v, N, e, &refined, text));
    REFUSE(swiftkan_initialize_from(m, other, v, N, e, text));
  }
  REFUSE(swiftkan_forward(model, x, N, &no_bound, out, text));

  /* No output, and what else each call has. */
  const swiftkan_data data = {N, x, y, NULL, NULL}, empty = {0, x, y, NULL, NULL}, no_y = {N, x, NULL, NULL, NULL};
  REFUSE(swiftkan_forward(model, x, N, NULL, NULL, text));
  REFUSE(swiftkan_activations(model, x, N, NULL, 0, 0, NULL, text));
  REFUSE(swiftkan_statistics(model, x, N, NULL, NULL, text));
  REFUSE(swiftkan_statistics(model, x, 1, NULL, statistics, text));
  REFUSE(swiftkan_loss_gradient(model, NULL, &objective, NULL, &loss, &reg, NULL, NULL, text));
  REFUSE(swiftkan_loss_gradient(model, &data, NULL, NULL, &loss, &reg, NULL, NULL, text));
  REFUSE(swiftkan_loss_gradient(model, &data, &objective, NULL, NULL, &reg, NULL, NULL, text));
  REFUSE(swiftkan_loss_gradient(model, &data, &objective, NULL, &loss, NULL, NULL, NULL, text));
  REFUSE(swiftkan_loss_gradient(model, &empty, &objective, NULL, &loss, &reg, NULL, NULL, text));
  REFUSE(swiftkan_loss_gradient(model, &no_y, &objective, NULL, &loss, &reg, NULL, NULL, text));
  REFUSE(swiftkan_vjp(model, x, N, NULL, NULL, out, NULL, text));
  int64_t wrong = 1;
  REFUSE(swiftkan_parameter_columns(NULL, &wrong, NULL, text));
  REFUSE(swiftkan_parameter_columns(model, NULL, NULL, text));
  REFUSE(swiftkan_parameter_columns(model, &wrong, &wrong, text));
  REFUSE(swiftkan_parameter_jacobian(model, x, N, NULL, 1, NULL, text));
  REFUSE(swiftkan_parameter_jacobian(model, x, N, NULL, 1, out, text));
  REFUSE(swiftkan_normal_matrix(model, NULL, NULL, 1, out, text));
  REFUSE(swiftkan_normal_matrix(model, &data, NULL, 1, NULL, text));
  REFUSE(swiftkan_regularization(model, x, N, NULL, NULL, &reg, NULL, text));
  REFUSE(swiftkan_regularization(model, x, N, &objective, NULL, NULL, NULL, text));
  REFUSE(swiftkan_regularization(model, x, 1, &objective, NULL, &reg, NULL, text));
  REFUSE(swiftkan_update_grid(model, x, 0, 0, 0, NULL, text));
  REFUSE(swiftkan_update_grid(model, x, N, 1.5, 0, NULL, text));
  REFUSE(swiftkan_update_grid(model, x, N, -0.1, 1, NULL, text));
  REFUSE(swiftkan_refine(model, NULL, x, N, NULL, &refined, text));
  REFUSE(swiftkan_refine(model, grid, x, N, NULL, NULL, text));
  REFUSE(swiftkan_refine(model, wrong_grid, x, N, NULL, &refined, text));
  REFUSE(swiftkan_refine(model, huge_grid, x, N, NULL, &refined, text));
  REFUSE(swiftkan_initialize_from(model, NULL, x, N, NULL, text));
  CHECK(refined == NULL);

  static const int32_t kinds[] = {-1, 6, INT32_MAX, INT32_MIN};
  static const int64_t layers[] = {-1, 3, INT64_MAX, INT64_MIN};
  for (int i = 0; i < 4; i++) {
    REFUSE(swiftkan_activations(model, x, N, NULL, kinds[i], 0, out, text));
    REFUSE(swiftkan_activations(model, x, N, NULL, SWIFTKAN_ACTS, layers[i], out, text));
  }
  REFUSE(swiftkan_activations(model, x, N, NULL, SWIFTKAN_SPLINE_POSTACTS, 2, out, text));

  /* A loss for labels, and a parent of another shape or another type. */
  int64_t labels[N] = {0};
  labels[5] = -1;
  const swiftkan_data bad_labels = {N, x, NULL, labels, NULL};
  objective.loss = SWIFTKAN_CROSS_ENTROPY;
  REFUSE(swiftkan_loss_gradient(model, &bad_labels, &objective, NULL, &loss, &reg, NULL, NULL, text));
  objective.loss = SWIFTKAN_CUSTOM;
  REFUSE(swiftkan_loss_gradient(model, &data, &objective, NULL, &loss, &reg, NULL, NULL, text));
  static const int64_t wider[] = {D, 6, O};
  swiftkan_settings settings = small_settings(SWIFTKAN_FLOAT64);
  settings.n_sum = wider;
  swiftkan_model *parent = NULL, *single = small_model(SWIFTKAN_FLOAT32);
  OK(swiftkan_create(&settings, &parent, text));
  REFUSE(swiftkan_initialize_from(model, parent, x, N, NULL, text));
  REFUSE(swiftkan_initialize_from(model, single, x, N, NULL, text));
  swiftkan_destroy(parent);
  swiftkan_destroy(single);
  swiftkan_destroy(other);
  free(statistics);
}

static void test_numbers_and_threads(void)
{
  double out[4];
  REFUSE(swiftkan_uniform(1, -1, SWIFTKAN_FLOAT64, 4, out, text));
  REFUSE(swiftkan_uniform(1, INT64_MIN, SWIFTKAN_FLOAT64, 4, out, text));
  REFUSE(swiftkan_uniform(1, 0, 5, 4, out, text));
  REFUSE(swiftkan_uniform(1, 0, SWIFTKAN_FLOAT64, -4, out, text));
  REFUSE(swiftkan_uniform(1, 0, SWIFTKAN_FLOAT64, 4, NULL, text));
  const int64_t before = swiftkan_get_num_threads();
  REFUSE(swiftkan_set_num_threads(0, text));
  REFUSE(swiftkan_set_num_threads(-1, text));
  REFUSE(swiftkan_set_num_threads(INT64_MIN, NULL));
  CHECK(swiftkan_get_num_threads() == before);
  CHECK(swiftkan_statistics_count(NULL) == 0);
  swiftkan_fit_options_init(NULL);
}

void test_refusals(void)
{
  swiftkan_model *model = small_model(SWIFTKAN_FLOAT64);
  swiftkan_info info;
  OK(swiftkan_info_get(model, &info, text));
  const size_t size = (size_t)info.state_count * sizeof(double);
  void *before = malloc(size);
  memcpy(before, info.state, size);
  test_settings();
  test_descriptions(model);
  test_functions(model);
  test_samples(model);
  test_numbers_and_threads();
  CHECK(memcmp(before, info.state, size) == 0); /* a refusal changes nothing */
  free(before);
  swiftkan_destroy(model);
}
