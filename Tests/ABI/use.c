/*
 * use.c: the functions of swiftkan.h but training, used as the header says.
 *
 * What it must get right: each check would notice a call that did nothing, or that read an argument of another type.
 */
#include "abi.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double tolerance(int32_t dtype) { return dtype == SWIFTKAN_FLOAT64 ? 1e-12 : 1e-4; }

static int near(double a, double b, double relative) { return fabs(a - b) <= relative * fmax(1, fmax(fabs(a), fabs(b))); }

static void test_description(int32_t dtype, swiftkan_model *model)
{
  swiftkan_info info;
  OK(swiftkan_info_get(model, &info, text));
  CHECK(info.dtype == dtype && info.base_fun == SWIFTKAN_SILU && info.depth == 2);
  CHECK(info.input_count == D && info.output_count == O && info.state != NULL);

  int64_t end = 0, coefficients = 0;
  for (int64_t i = 0; i < info.block_count; i++) {
    swiftkan_block block;
    OK(swiftkan_block_get(model, i, &block, text));
    int64_t count = 1;
    for (int32_t axis = 0; axis < block.ndim; axis++)
      count *= block.shape[axis];
    CHECK(block.offset == end && block.count == count && count > 0);
    if (strcmp(block.name, "act_fun.0.coef") == 0)
      coefficients = block.shape[0] == D && block.shape[1] == 5 && block.shape[2] == 8;
    end += block.count;
  }
  CHECK(end == info.state_count && coefficients);

  swiftkan_flags flags, again;
  OK(swiftkan_flags_get(model, &flags, text));
  flags.affine_trainable = !flags.affine_trainable;
  flags.grid_eps = 0.25;
  OK(swiftkan_flags_set(model, &flags, text));
  OK(swiftkan_flags_get(model, &again, text));
  CHECK(again.affine_trainable == flags.affine_trainable && again.grid_eps == 0.25);
  flags.affine_trainable = !flags.affine_trainable;
  OK(swiftkan_flags_set(model, &flags, NULL));
}

static void test_functions(int32_t dtype, swiftkan_model *model)
{
  int64_t sine = -1, count = swiftkan_function_count();
  CHECK(count == 29);
  for (int64_t f = 0; f < count; f++) {
    const char *name = swiftkan_function_name(f);
    CHECK(name != NULL && name[0] != '\0');
    if (name != NULL && strcmp(name, "sin") == 0)
      sine = f;
  }
  CHECK(sine >= 0);

  double x[3], y[3], dy[3];
  for (int64_t i = 0; i < 3; i++)
    set(dtype, x, i, 0.5 + (double)i);
  OK(swiftkan_function_evaluate(sine, dtype, x, 3, 0, 10, y, dy, text));
  for (int64_t i = 0; i < 3; i++) {
    CHECK(near(get(dtype, y, i), sin(0.5 + (double)i), 1e-6));
    CHECK(near(get(dtype, dy, i), cos(0.5 + (double)i), 1e-6));
  }
  OK(swiftkan_function_evaluate(sine, dtype, x, 0, 1, 10, y, NULL, text));

  int64_t function = -1;
  OK(swiftkan_symbolic_set(model, 0, 1, 4, sine, text));
  OK(swiftkan_symbolic_get(model, 0, 1, 4, &function, text));
  CHECK(function == sine);
  OK(swiftkan_symbolic_set(model, 0, 1, 4, 0, text));
}

static void test_values(int32_t dtype, swiftkan_model *model)
{
  const void *x = inputs(dtype);
  const swiftkan_evaluation evaluation = {1, 0, 5, NULL, NULL};
  double y[N * O], acts[N * O], hidden[N * 5];
  OK(swiftkan_forward(model, x, N, NULL, y, text));
  OK(swiftkan_activations(model, x, N, &evaluation, SWIFTKAN_ACTS, 2, acts, text));
  OK(swiftkan_forward(model, x, 0, &evaluation, acts, text));
  double spread = 0;
  for (int64_t s = 0; s < N; s++) {
    CHECK(near(get(dtype, acts, s), get(dtype, y, s), tolerance(dtype)));
    spread = fmax(spread, fabs(get(dtype, y, s) - get(dtype, y, 0)));
  }
  CHECK(spread > 1e-3);
  OK(swiftkan_activations(model, x, N, NULL, SWIFTKAN_ACTS_PREMULT, 0, hidden, text));
  OK(swiftkan_forward(model, x, 1, NULL, acts, text));
  CHECK(near(get(dtype, acts, 0), get(dtype, y, 0), tolerance(dtype))); /* a row does not depend on its batch */

  swiftkan_model *compiled = NULL;
  OK(swiftkan_compile(model, &compiled, text));
  for (int call = 0; call < 2; call++) { /* the second finds the numbers taken over */
    memset(acts, 0, sizeof acts);
    OK(swiftkan_forward(compiled, x, N, NULL, acts, text));
    CHECK(memcmp(acts, y, sizeof(char) * (size_t)(N * O * dtype)) == 0);
  }
  REFUSE(swiftkan_update_grid(compiled, x, N, 0, 0, NULL, text));
  REFUSE(swiftkan_symbolic_set(compiled, 0, 0, 0, 0, text));
  REFUSE(swiftkan_initialize_from(compiled, model, x, N, NULL, text));
  REFUSE(swiftkan_compile(model, NULL, text));
  REFUSE(swiftkan_compile(NULL, &compiled, text));
  swiftkan_destroy(compiled);

  int64_t count = swiftkan_statistics_count(model);
  CHECK(count == 2 * (D + 5 + 2 * D * 5) + 2 * (5 + O + 2 * 5 * O));
  double *statistics = calloc((size_t)count, sizeof *statistics), mean[D] = {0, 0};
  for (int64_t i = 0; i < N * D; i++)
    mean[i % D] += get(dtype, x, i) / N;
  OK(swiftkan_statistics(model, x, N, NULL, statistics, text));
  CHECK(near(statistics[0], mean[0], 1e-6) && near(statistics[1], mean[1], 1e-6) && statistics[2] > 0.1);
  free(statistics);
}

static void test_gradients(int32_t dtype, swiftkan_model *model)
{
  const void *x = inputs(dtype), *y = outputs(dtype);
  swiftkan_info info;
  OK(swiftkan_info_get(model, &info, text));
  double p[N * O], v[N * O], grad_x[N * D], grad_x_too[N * D], loss = -1, reg = -1, mse = 0;
  double *grad = calloc((size_t)info.parameter_count, sizeof *grad), *too = calloc((size_t)info.parameter_count, sizeof *too);

  swiftkan_objective objective;
  swiftkan_objective_init(&objective);
  CHECK(objective.loss == SWIFTKAN_MSE && objective.lamb == 0 && objective.lamb_l1 == 1 && objective.lamb_entropy == 2);
  const swiftkan_data data = {N, x, y, NULL, NULL};
  OK(swiftkan_loss_gradient(model, &data, &objective, NULL, &loss, &reg, grad, grad_x, text));
  OK(swiftkan_forward(model, x, N, NULL, p, text));
  for (int64_t s = 0; s < N; s++) {
    double residual = get(dtype, p, s) - get(dtype, y, s);
    mse += residual * residual / N;
    set(dtype, v, s, 2 * residual / N);
  }
  CHECK(near(loss, mse, 10 * tolerance(dtype)) && reg == 0);

  /* The same gradient once more, by the vector-Jacobian product. */
  OK(swiftkan_vjp(model, x, N, NULL, v, too, grad_x_too, text));
  /* And by the Jacobian: Σ v·J, in its columns' places; JᵀJ has its squares on the diagonal. */
  int64_t columns = -1;
  OK(swiftkan_parameter_columns(model, &columns, NULL, text));
  CHECK(columns > 0 && columns <= info.parameter_count);
  int64_t *index = calloc((size_t)columns, sizeof *index);
  double *jacobian = calloc((size_t)(N * O * columns), sizeof *jacobian), *matrix = calloc((size_t)(columns * columns), sizeof *matrix);
  OK(swiftkan_parameter_columns(model, &columns, index, text));
  OK(swiftkan_parameter_jacobian(model, x, N, NULL, columns, jacobian, text));
  OK(swiftkan_normal_matrix(model, &data, NULL, columns, matrix, text));
  double off = 0, size = 0, off_matrix = 0, size_matrix = 0;
  for (int64_t c = 0; c < columns; c++) {
    double sum = 0, square = 0;
    for (int64_t s = 0; s < N * O; s++) {
      sum += get(dtype, v, s) * jacobian[s * columns + c];
      square += jacobian[s * columns + c] * jacobian[s * columns + c];
    }
    off = fmax(off, fabs(sum - get(dtype, grad, index[c])));
    size = fmax(size, fabs(sum));
    off_matrix = fmax(off_matrix, fabs(square - matrix[c * columns + c]));
    size_matrix = fmax(size_matrix, square);
  }
  CHECK(size > 1e-3 && off <= 100 * tolerance(dtype) * size && off_matrix <= 100 * tolerance(dtype) * size_matrix);
  free(index);
  free(jacobian);
  free(matrix);

  double largest = 0, worst = 0;
  for (int64_t i = 0; i < info.parameter_count; i++) {
    largest = fmax(largest, fabs(get(dtype, grad, i)));
    worst = fmax(worst, fabs(get(dtype, grad, i) - get(dtype, too, i)));
  }
  for (int64_t i = 0; i < N * D; i++)
    worst = fmax(worst, fabs(get(dtype, grad_x, i) - get(dtype, grad_x_too, i)));
  CHECK(largest > 1e-3 && worst <= 100 * tolerance(dtype) * largest);

  /* The parameters are the first scalars of the state: step along the gradient, and the loss falls by its square. */
  double square = 0, lower = 0, step = 1e-4;
  for (int64_t i = 0; i < info.parameter_count; i++) {
    square += get(dtype, grad, i) * get(dtype, grad, i);
    set(dtype, info.state, i, get(dtype, info.state, i) - step * get(dtype, grad, i));
  }
  OK(swiftkan_loss_gradient(model, &data, &objective, NULL, &lower, &reg, NULL, NULL, NULL));
  CHECK(fabs((loss - lower) / (step * square) - 1) < 0.05);

  double alone = -1, together = -1;
  objective.lamb = 0.5;
  OK(swiftkan_regularization(model, x, N, &objective, NULL, &alone, too, text));
  OK(swiftkan_loss_gradient(model, &data, &objective, NULL, &loss, &together, grad, NULL, text));
  CHECK(alone > 0 && near(alone, together, 10 * tolerance(dtype)));
  free(grad);
  free(too);
}

/* The largest difference of two models' outputs over the spread of outputs. */
static double difference(int32_t dtype, swiftkan_model *a, swiftkan_model *b)
{
  double p[N * O], q[N * O], worst = 0, size = 1e-300;
  OK(swiftkan_forward(a, inputs(dtype), N, NULL, p, text));
  OK(swiftkan_forward(b, inputs(dtype), N, NULL, q, text));
  for (int64_t s = 0; s < N; s++) {
    worst = fmax(worst, fabs(get(dtype, p, s) - get(dtype, q, s)));
    size = fmax(size, fabs(get(dtype, p, s)));
  }
  return worst / size;
}

static void test_grids(int32_t dtype, swiftkan_model *model)
{
  swiftkan_model *copy = NULL, *refined = NULL;
  OK(swiftkan_copy(model, &copy, text));
  CHECK(copy != model && difference(dtype, model, copy) == 0);
  OK(swiftkan_update_grid(copy, inputs(dtype), N, 0, 0, NULL, text));
  double moved = difference(dtype, model, copy);
  CHECK(moved > 0 && moved < 0.5);
  OK(swiftkan_update_grid(copy, inputs(dtype), N, 0.1, 1, NULL, text));

  const int64_t grid[] = {10, 10};
  OK(swiftkan_refine(model, grid, inputs(dtype), N, NULL, &refined, text));
  swiftkan_info coarse, fine;
  OK(swiftkan_info_get(model, &coarse, text));
  OK(swiftkan_info_get(refined, &fine, text));
  CHECK(fine.state_count > coarse.state_count && fine.dtype == dtype);
  CHECK(difference(dtype, model, refined) < 0.1);

  OK(swiftkan_initialize_from(copy, refined, inputs(dtype), N, NULL, text));
  CHECK(difference(dtype, copy, refined) < 0.5);
  swiftkan_destroy(model); /* the others share nothing with it */
  CHECK(difference(dtype, copy, refined) < 0.5);
  swiftkan_destroy(copy);
  swiftkan_destroy(refined);
  swiftkan_destroy(NULL);
}

/* A poll ends a call with many samples, which then has changed nothing. As many as take the 20 ms after which it is asked. */
static void test_interruption(int32_t dtype)
{
  enum { MANY = 40000, MOST = 64 * MANY };
  swiftkan_model *model = small_model(dtype), *refined = NULL;
  double *x = malloc(D * MOST * sizeof *x); /* enough for both dtypes */
  for (int64_t i = 0; i < D * MOST; i++)
    set(dtype, x, i, sin(0.7 * (double)i));
  swiftkan_info info;
  OK(swiftkan_info_get(model, &info, text));
  const size_t size = (size_t)info.state_count * (size_t)dtype;
  void *before = malloc(size);
  const int64_t grid[2] = {50, 50};
  int64_t left, many = MANY / 2;
  const swiftkan_evaluation evaluation = {0, 0, 10, count_down, &left};
  int32_t status = SWIFTKAN_OK;
  while (status == SWIFTKAN_OK && many < MOST) {
    many *= 2;
    left = 0;
    memcpy(before, info.state, size);
    status = swiftkan_update_grid(model, x, many, 0, 0, &evaluation, text);
  }
  CHECK(status == SWIFTKAN_CANCELLED);
  CHECK(left == -1 && memcmp(before, info.state, size) == 0);
  status = SWIFTKAN_OK;
  for (; status == SWIFTKAN_OK && many <= MOST; many *= 2) {
    left = 0;
    status = swiftkan_refine(model, grid, x, many, &evaluation, &refined, text);
    if (status == SWIFTKAN_OK) {
      swiftkan_destroy(refined);
      refined = NULL;
    }
  }
  CHECK(status == SWIFTKAN_CANCELLED && refined == NULL);
  left = INT64_MAX;
  set(dtype, x, 0, 3); /* a wider range, so that the grid moves */
  OK(swiftkan_update_grid(model, x, many < MOST ? many : MOST, 0, 0, &evaluation, text));
  CHECK(left < INT64_MAX && memcmp(before, info.state, size) != 0);
  free(before);
  free(x);
  swiftkan_destroy(model);
}

static void test_numbers_and_threads(int32_t dtype)
{
  double first[10], later[8];
  OK(swiftkan_uniform(42, 0, dtype, 10, first, text));
  OK(swiftkan_uniform(42, dtype == SWIFTKAN_FLOAT64 ? 4 : 2, dtype, 8, later, text));
  for (int64_t i = 0; i < 8; i++)
    CHECK(get(dtype, later, i) == get(dtype, first, i + 2) && get(dtype, later, i) >= 0 && get(dtype, later, i) < 1);
  int64_t before = swiftkan_get_num_threads();
  CHECK(before >= 1);
  OK(swiftkan_set_num_threads(3, text));
  CHECK(swiftkan_get_num_threads() == 3);
  OK(swiftkan_set_num_threads(before, text));
}

void test_use(int32_t dtype)
{
  CHECK(swiftkan_abi() == SWIFTKAN_ABI);
  swiftkan_model *model = small_model(dtype);
  test_description(dtype, model);
  test_functions(dtype, model);
  test_values(dtype, model);
  test_gradients(dtype, model);
  test_grids(dtype, model); /* destroys it */
  test_interruption(dtype);
  test_numbers_and_threads(dtype);
}
