/*
 * allocations.c: how often swiftkan_fit asks for memory once it is under way.
 *
 * What it must get right: what is made once (rows, threads, the memory of L-BFGS, the regularisation of the last step) does not
 * count, so a fit is looked at from its step callback, between two steps in its middle; and everything that is allowed to count
 * is named here, with its reason.
 */
#include "abi.h"

#include <stdio.h>

enum { METRICS = 5, EARLY = 20, LATE = 120, SAMPLES = 700, WIDEST = 64, OUTPUTS = 10, LAYERS = 2 };

/*
 * Allowed between the two steps:
 *   GROWTH      each of the three arrays of losses grows to twice its size at most three times from 20 steps to 120
 *   EQUATIONS   a step of Levenberg-Marquardt: lists of its unknowns, a few for every input of a layer
 */
enum { GROWTH = 9, EQUATIONS = 120 };

typedef struct {
  const char *name;
  int64_t n_sum[LAYERS + 1];
  int64_t samples; /* enough for two threads */
  int64_t grid;
  int wide;        /* has a layer in the wide form: of 16 outputs or more */
} Shape;

typedef struct {
  int64_t early, late;     /* steps */
  int64_t at_early, count; /* allocations until then, and from then on */
} Span;

static int32_t on_step(void *context, const swiftkan_progress *progress)
{
  Span *span = context;
  if (progress->step == span->early)
    span->at_early = allocations();
  if (progress->step == span->late)
    span->count = allocations() - span->at_early;
  return SWIFTKAN_CONTINUE;
}

/* Numbers in (-1, 1) without a pattern: no network fits them so well that training would end early. */
static const void *noise(int32_t dtype, double *store, int64_t count)
{
  uint32_t random = 1;
  for (int64_t i = 0; i < count; i++) {
    random = random * 1664525u + 1013904223u;
    set(dtype, store, i, (double)random / 2147483648.0 - 1);
  }
  return store;
}

/* One fit, with test data. */
static void look_at(int32_t dtype, int64_t threads, const Shape *shape, swiftkan_fit_options options)
{
  static double x[SAMPLES * WIDEST], y[SAMPLES * OUTPUTS];
  swiftkan_settings settings = small_settings(dtype);
  settings.n_sum = shape->n_sum;
  const int64_t grid[LAYERS] = {shape->grid, shape->grid};
  settings.grid = grid;
  swiftkan_model *model = NULL;
  OK(swiftkan_create(&settings, &model, text));
  OK(swiftkan_set_num_threads(threads, text));
  const swiftkan_data train = {shape->samples, noise(dtype, x, shape->samples * shape->n_sum[0]),
                               noise(dtype, y, shape->samples * shape->n_sum[LAYERS]), NULL, NULL};
  const swiftkan_data test = {shape->samples / 2, x, y, NULL, NULL};
  const int lm = options.optimizer == SWIFTKAN_LM; /* it converges soon */
  Span span = {lm ? 5 : EARLY, lm ? 20 : LATE, 0, -1};
  options.steps = span.late + 1;
  options.update_grid = 0;
  const swiftkan_callbacks callbacks = {&span, NULL, on_step, NULL};
  swiftkan_fit_report report = {0};
  OK(swiftkan_fit(model, &train, &test, &options, &callbacks, &report, text));
  swiftkan_destroy(model);

  const int64_t allowed = GROWTH + lm * EQUATIONS * (span.late - span.early);
  const int right = span.count >= 0 && span.count <= allowed;
  if (!right)
    printf("%s, float%d, %d threads, optimizer %d, batch %d, lamb %g, metric %d: %lld allocations, %lld are allowed\n",
           shape->name, 8 * dtype, (int)threads, (int)options.optimizer, (int)options.batch, options.objective.lamb,
           (int)options.objective.reg_metric, (long long)span.count, (long long)allowed);
  CHECK(report.steps == span.late + 1 && right);
}

static void each_optimizer(int32_t dtype, int64_t threads, const Shape *shape)
{
  swiftkan_fit_options options;
  swiftkan_fit_options_init(&options);
  options.max_iter = 1; /* so that L-BFGS does not converge before the last step */
  for (int32_t optimizer = SWIFTKAN_LBFGS; optimizer <= SWIFTKAN_LM; optimizer++) {
    const int lm = optimizer == SWIFTKAN_LM;
    if (lm && shape->wide)
      continue; /* more unknowns than it takes */
    options.optimizer = optimizer;
    options.lr = optimizer == SWIFTKAN_LBFGS ? 1 : 1e-3;
    options.weight_decay = optimizer == SWIFTKAN_ADAM ? 0 : 0.01;
    for (int metric = -1; metric < METRICS; metric++) { /* none, then all */
      options.objective.lamb = metric < 0 ? 0 : 1e-3;
      options.objective.reg_metric = metric < 0 ? 0 : metric;
      for (options.batch = -1; options.batch <= (lm || metric > 0 ? -1 : 64); options.batch += 65)
        look_at(dtype, threads, shape, options);
    }
  }
}

void test_allocations(void)
{
  if (allocations() < 0)
    return;
  const int64_t before = allocations(), threads = swiftkan_get_num_threads();
  swiftkan_destroy(small_model(SWIFTKAN_FLOAT64));
  CHECK(allocations() > before);
  static const Shape narrow = {"2 → 5 → 1", {2, 5, 1}, SAMPLES, 5, 0}, wide = {"64 → 32 → 10", {64, 32, 10}, 200, 5, 1},
                     fine = {"64 → 32 → 10, 20 cells", {64, 32, 10}, 200, 20, 1};
  const int32_t dtypes[] = {SWIFTKAN_FLOAT64, SWIFTKAN_FLOAT32};
  for (int i = 0; i < 2; i++)
    for (int64_t n = 1; n <= 2; n++) {
      each_optimizer(dtypes[i], n, &narrow);
      each_optimizer(dtypes[i], n, &wide);
      each_optimizer(dtypes[i], n, &fine);
    }
  OK(swiftkan_set_num_threads(threads, text));
}
