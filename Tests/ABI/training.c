/*
 * training.c: swiftkan_fit: what works, what its callbacks may do, and what must be refused.
 *
 * What it must get right: after every end, good or bad, the model is usable.
 */
#include "abi.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  int32_t dtype;
  int polls, steps, losses, answer, answer_after;
  double value;
} Watch;

static int32_t on_poll(void *context, const swiftkan_progress *progress)
{
  ((Watch *)context)->polls++;
  return progress->steps == STEPS ? SWIFTKAN_CONTINUE : SWIFTKAN_CANCEL;
}

static int32_t on_step(void *context, const swiftkan_progress *progress)
{
  Watch *watch = context;
  watch->steps++;
  CHECK(progress->step == watch->steps && progress->steps == STEPS && isfinite(progress->train_loss));
  return watch->steps == watch->answer_after ? watch->answer : SWIFTKAN_CONTINUE;
}

/* The mean squared error, or a value of the test's choice. */
static int32_t on_loss(void *context, int32_t is_test, const void *prediction, const int64_t *index, int64_t rows,
                       double *value, void *grad)
{
  Watch *watch = context;
  watch->losses++;
  CHECK((is_test == 0 || is_test == 1) && rows >= 1 && rows <= N);
  *value = 0;
  for (int64_t r = 0; r < rows; r++) {
    double residual = get(watch->dtype, prediction, r) - get(watch->dtype, outputs(watch->dtype), index ? index[r] : r);
    *value += residual * residual / (double)rows;
    if (grad != NULL)
      set(watch->dtype, grad, r, 2 * residual / (double)rows);
  }
  if (!isfinite(watch->value))
    *value = watch->value;
  return watch->losses == watch->answer_after ? watch->answer : SWIFTKAN_CONTINUE;
}

static int finite_state(swiftkan_model *model)
{
  swiftkan_info info;
  OK(swiftkan_info_get(model, &info, text));
  for (int64_t i = 0; i < info.parameter_count; i++)
    if (!isfinite(get(info.dtype, info.state, i)))
      return 0;
  return 1;
}

static swiftkan_fit_report fit_lowers_the_loss(swiftkan_model *model, const swiftkan_data *train, const swiftkan_fit_options *options)
{
  swiftkan_fit_report report = {0};
  double before, after, reg;
  OK(swiftkan_loss_gradient(model, train, &options->objective, &options->evaluation, &before, &reg, NULL, NULL, text));
  OK(swiftkan_fit(model, train, NULL, options, NULL, &report, text));
  OK(swiftkan_loss_gradient(model, train, &options->objective, &options->evaluation, &after, &reg, NULL, NULL, text));
  CHECK(report.steps >= 1 && after < before && finite_state(model));
  return report;
}

/* Levenberg-Marquardt: fewer losses, all samples, and an end of its own. */
static void levenberg_marquardt(int32_t dtype, const swiftkan_data *train, swiftkan_fit_options options)
{
  swiftkan_model *model = small_model(dtype);
  options.optimizer = SWIFTKAN_LM;
  swiftkan_fit_report report = fit_lowers_the_loss(model, train, &options);
  options.objective.loss = SWIFTKAN_MAE;
  REFUSE(swiftkan_fit(model, train, NULL, &options, NULL, &report, text));
  options.objective.loss = SWIFTKAN_MSE;
  options.batch = 2;
  REFUSE(swiftkan_fit(model, train, NULL, &options, NULL, &report, text));
  swiftkan_destroy(model);
}

/* The other optimisers that learn from all samples: fewer losses, and refusals of what they cannot do. */
static void others(int32_t dtype, const swiftkan_data *train, swiftkan_fit_options options)
{
  for (int32_t optimizer = SWIFTKAN_SSBFGS; optimizer <= SWIFTKAN_NEWTON_KACZMARZ; optimizer++) {
    swiftkan_model *model = small_model(dtype);
    options.optimizer = optimizer;
    options.lr = optimizer == SWIFTKAN_NEWTON_KACZMARZ ? 0.3 : 1;
    swiftkan_fit_report report = fit_lowers_the_loss(model, train, &options);
    options.batch = 2;
    REFUSE(swiftkan_fit(model, train, NULL, &options, NULL, &report, text));
    options.batch = -1;
    if (optimizer == SWIFTKAN_NEWTON_KACZMARZ) {
      options.objective.loss = SWIFTKAN_MAE;
      REFUSE(swiftkan_fit(model, train, NULL, &options, NULL, &report, text));
      options.objective.loss = SWIFTKAN_MSE;
      options.lr = 2;
      REFUSE(swiftkan_fit(model, train, NULL, &options, NULL, &report, text));
    }
    swiftkan_destroy(model);
  }
}

void test_training(int32_t dtype)
{
  const swiftkan_data train = {N, inputs(dtype), outputs(dtype), NULL, NULL};
  const swiftkan_data test = {N / 2, inputs(dtype), outputs(dtype), NULL, NULL};
  double train_loss[STEPS], test_loss[STEPS], reg[STEPS], factor[STEPS];
  swiftkan_fit_options defaults;
  swiftkan_fit_options_init(&defaults);
  CHECK(defaults.optimizer == SWIFTKAN_LBFGS && defaults.lr == 1 && defaults.objective.loss == SWIFTKAN_MSE);
  defaults.steps = STEPS;

  levenberg_marquardt(dtype, &train, defaults);
  others(dtype, &train, defaults);
  for (int32_t optimizer = SWIFTKAN_LBFGS; optimizer <= SWIFTKAN_SGD; optimizer++) {
    swiftkan_model *model = small_model(dtype);
    swiftkan_fit_options options = defaults;
    options.optimizer = optimizer;
    options.lr = optimizer == SWIFTKAN_LBFGS ? 1 : 0.01;
    for (int i = 0; i < STEPS; i++)
      factor[i] = 1.0 - 0.05 * i;
    options.lr_factor = factor;
    Watch watch = {.dtype = dtype};
    const swiftkan_callbacks callbacks = {&watch, on_poll, on_step, NULL};
    swiftkan_fit_report report = {.train_loss = train_loss, .test_loss = test_loss, .reg = reg};
    OK(swiftkan_fit(model, &train, &test, &options, &callbacks, &report, text));
    CHECK(report.steps == STEPS && watch.steps == STEPS && report.reason == SWIFTKAN_STOP_STEPS);
    CHECK(train_loss[STEPS - 1] < train_loss[0] && isfinite(test_loss[0]) && reg[0] == 0 && finite_state(model));

    /* No callbacks, no histories, no test data, no message. */
    swiftkan_fit_report bare = {0};
    OK(swiftkan_fit(model, &train, NULL, &options, NULL, &bare, NULL));
    CHECK(bare.steps == STEPS && bare.evaluations >= STEPS);

    /* A loss of the caller's, then stopping and cancelling by each callback. */
    options.objective.loss = SWIFTKAN_CUSTOM;
    Watch own = {.dtype = dtype};
    const swiftkan_callbacks custom = {&own, NULL, NULL, on_loss};
    OK(swiftkan_fit(model, &train, &test, &options, &custom, &report, text));
    CHECK(own.losses >= STEPS && isfinite(test_loss[0]));
    Watch cancel = {.dtype = dtype, .answer = SWIFTKAN_CANCEL, .answer_after = 2};
    const swiftkan_callbacks cancelling = {&cancel, NULL, NULL, on_loss};
    check_status(swiftkan_fit(model, &train, NULL, &options, &cancelling, &report, text), SWIFTKAN_CANCELLED,
                 "a loss cancels", __LINE__);
    CHECK(cancel.losses == 2 && finite_state(model));
    Watch nonfinite = {.dtype = dtype, .value = NAN};
    const swiftkan_callbacks diverging = {&nonfinite, NULL, NULL, on_loss};
    check_status(swiftkan_fit(model, &train, NULL, &options, &diverging, &report, text), SWIFTKAN_DIVERGED,
                 "a loss that is not finite", __LINE__);
    CHECK(report.reason == SWIFTKAN_STOP_DIVERGED && finite_state(model));

    options.objective.loss = SWIFTKAN_MSE;
    for (int answer = SWIFTKAN_STOP; answer <= SWIFTKAN_CANCEL; answer++) {
      Watch stop = {.dtype = dtype, .answer = answer, .answer_after = 3};
      const swiftkan_callbacks stopping = {&stop, NULL, on_step, NULL};
      check_status(swiftkan_fit(model, &train, NULL, &options, &stopping, &report, text),
                   answer == SWIFTKAN_STOP ? SWIFTKAN_OK : SWIFTKAN_CANCELLED, "a step ends the training", __LINE__);
      CHECK(stop.steps == 3 && report.reason == SWIFTKAN_STOP_CALLBACK && finite_state(model));
    }
    swiftkan_destroy(model);
  }
}

void test_training_refusals(void)
{
  const int32_t dtype = SWIFTKAN_FLOAT64;
  swiftkan_model *model = small_model(dtype);
  swiftkan_info info;
  OK(swiftkan_info_get(model, &info, text));
  const size_t size = (size_t)info.state_count * sizeof(double);
  void *before = malloc(size);
  memcpy(before, info.state, size);

  const swiftkan_data good = {N, inputs(dtype), outputs(dtype), NULL, NULL};
  swiftkan_fit_options defaults, o;
  swiftkan_fit_options_init(&defaults);
  defaults.steps = 2;
  swiftkan_fit_report report = {0};
  REFUSE(swiftkan_fit(NULL, &good, NULL, &defaults, NULL, &report, text));
  REFUSE(swiftkan_fit(model, NULL, NULL, &defaults, NULL, &report, text));
  REFUSE(swiftkan_fit(model, &good, NULL, NULL, NULL, &report, text));
  REFUSE(swiftkan_fit(model, &good, NULL, &defaults, NULL, NULL, text));
  REFUSE(swiftkan_fit(NULL, NULL, NULL, NULL, NULL, NULL, NULL));

#define REFUSE_OPTION(field, value)                                                                                    \
  (o = defaults, o.field = (value),                                                                                    \
   REFUSE_WITH("swiftkan_fit, message in text, with " #field " " #value,                                               \
               swiftkan_fit(model, &good, NULL, &o, NULL, &report, text)))
  REFUSE_OPTION(optimizer, -1);
  REFUSE_OPTION(optimizer, 8);
  REFUSE_OPTION(optimizer, INT32_MIN);
  REFUSE_OPTION(steps, -1);
  REFUSE_OPTION(steps, INT64_MIN);
  REFUSE_OPTION(lr, NAN);
  REFUSE_OPTION(lr, INFINITY);
  REFUSE_OPTION(lr, -1);
  REFUSE_OPTION(history_size, -1);
  REFUSE_OPTION(history_size, INT64_MAX);
  REFUSE_OPTION(max_iter, 0);
  REFUSE_OPTION(max_iter, INT64_MIN);
  REFUSE_OPTION(max_eval, -5);
  REFUSE_OPTION(tolerance_grad, NAN);
  REFUSE_OPTION(tolerance_change, NAN);
  REFUSE_OPTION(tolerance_ys, NAN);
  REFUSE_OPTION(patience, -1);
  REFUSE_OPTION(min_delta, NAN);
  REFUSE_OPTION(objective.loss, 6);
  REFUSE_OPTION(objective.loss, -1);
  REFUSE_OPTION(objective.loss, SWIFTKAN_CUSTOM); /* without its callback */
  REFUSE_OPTION(objective.reg_metric, 5);
  REFUSE_OPTION(objective.lamb, NAN);
  REFUSE_OPTION(objective.lamb_entropy, INFINITY);
  REFUSE_OPTION(evaluation.y_th, NAN);
  defaults.objective.loss = SWIFTKAN_HUBER;
  REFUSE_OPTION(objective.huber_delta, 0);
  REFUSE_OPTION(objective.huber_delta, NAN);
  defaults.objective.loss = SWIFTKAN_MSE;
  defaults.optimizer = SWIFTKAN_ADAMW;
  REFUSE_OPTION(beta1, 1.5);
  REFUSE_OPTION(beta2, -1);
  REFUSE_OPTION(beta1, NAN);
  REFUSE_OPTION(eps, NAN);
  REFUSE_OPTION(weight_decay, NAN);
  defaults.optimizer = SWIFTKAN_SGD;
  REFUSE_OPTION(momentum, NAN);
  defaults.optimizer = SWIFTKAN_LBFGS;

  swiftkan_data bad;
#define REFUSE_DATA(field, value)                                                                                      \
  (bad = good, bad.field = (value),                                                                                    \
   REFUSE_WITH("swiftkan_fit, message in text, with train " #field " " #value,                                         \
               swiftkan_fit(model, &bad, NULL, &defaults, NULL, &report, text)),                                       \
   REFUSE_WITH("swiftkan_fit, message in text, with test " #field " " #value,                                          \
               swiftkan_fit(model, &good, &bad, &defaults, NULL, &report, text)))
  REFUSE_DATA(n, 0);
  REFUSE_DATA(n, -1);
  REFUSE_DATA(n, INT64_MIN);
  REFUSE_DATA(n, INT64_MAX);
  REFUSE_DATA(x, NULL);
  REFUSE_DATA(y, NULL);
  double weight[N] = {0}, values[N * D];
  REFUSE_DATA(weight, weight); /* all 0 */
  weight[3] = -1;
  REFUSE_DATA(weight, weight);
  weight[3] = NAN;
  REFUSE_DATA(weight, weight);
  memcpy(values, good.x, sizeof values);
  values[7] = NAN;
  REFUSE_DATA(x, values);
  memcpy(values, good.y, sizeof(double) * N * O);
  values[7] = INFINITY;
  REFUSE_DATA(y, values);
  int64_t labels[N] = {0};
  REFUSE_DATA(labels, labels); /* not for the mean squared error */
  defaults.objective.loss = SWIFTKAN_CROSS_ENTROPY;
  labels[9] = O;
  bad = good;
  bad.y = NULL;
  bad.labels = labels;
  REFUSE(swiftkan_fit(model, &bad, NULL, &defaults, NULL, &report, text));
  labels[9] = INT64_MIN;
  REFUSE(swiftkan_fit(model, &bad, NULL, &defaults, NULL, &report, text));

  CHECK(memcmp(before, info.state, size) == 0); /* a refusal changes nothing */
  free(before);
  swiftkan_destroy(model);
}
