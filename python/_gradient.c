/*
 * _gradient.c: the methods of Model that give losses and gradients, and the reading of objectives and samples.
 *
 * What it must get right: gradients are written only into arrays of exactly parameter_count or n times D scalars of the
 * model's own type. The order of work is that of _evaluate.c.
 */
#include "_core.h"

int core_objective(PyObject *tuple, swiftkan_objective *objective)
{
  swiftkan_objective_init(objective);
  if (!PyTuple_Check(tuple)) {
    PyErr_Format(PyExc_TypeError, "objective must be a tuple of eight numbers, not %R", (PyObject *)Py_TYPE(tuple));
    return -1;
  }
  int loss, reg_metric;
  if (!PyArg_ParseTuple(tuple, "iidddddd;objective must be (loss, reg_metric, huber_delta, lamb, lamb_l1, lamb_entropy, "
                               "lamb_coef, lamb_coefdiff)",
                        &loss, &reg_metric, &objective->huber_delta, &objective->lamb, &objective->lamb_l1,
                        &objective->lamb_entropy, &objective->lamb_coef, &objective->lamb_coefdiff))
    return -1;
  objective->loss = loss;
  objective->reg_metric = reg_metric;
  return 0;
}

int core_samples(const Model *model, Samples *samples, const char *where, long long n, PyObject *x, PyObject *y,
                 PyObject *labels, PyObject *weight)
{
  memset(samples, 0, sizeof *samples);
  char names[5][24];
  static const char *const fields[5] = {"n", "x", "y", "labels", "weight"};
  for (int i = 0; i < 5; i++)
    PyOS_snprintf(names[i], sizeof names[i], "%s%s", where, fields[i]);

  const char format = model->format[0];
  int64_t x_count, y_count;
  if (core_product(n, model->info.input_count, names[0], &x_count) < 0 ||
      core_product(n, model->info.output_count, names[0], &y_count) < 0)
    return -1;
  Py_buffer *views = samples->views;
  if (core_buffer(x, &views[0], names[1], format, CORE_READ, x_count) < 0 ||
      core_buffer(y, &views[1], names[2], format, CORE_READ | CORE_OPTIONAL, y_count) < 0 ||
      core_buffer(labels, &views[2], names[3], 'q', CORE_READ | CORE_OPTIONAL, n) < 0 ||
      core_buffer(weight, &views[3], names[4], format, CORE_READ | CORE_OPTIONAL, n) < 0) {
    core_release(views, 4);
    return -1;
  }
  samples->data.n = n;
  samples->data.x = views[0].buf;
  samples->data.y = views[1].buf;
  samples->data.labels = views[2].buf;
  samples->data.weight = views[3].buf;
  return 0;
}

PyObject *core_model_loss_gradient(PyObject *object, PyObject *args, PyObject *keywords)
{
  static char *names[] = {"x",    "n",      "y",       "labels",  "weight", "objective",
                          "grad", "grad_x", "avoid_singularities", "y_th", NULL};
  Model *self = (Model *)object;
  PyObject *x, *y, *labels, *weight, *tuple, *grad, *grad_x;
  long long n;
  int avoid;
  double y_th;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "OLOOOOOOpd:loss_gradient", names, &x, &n, &y, &labels, &weight,
                                   &tuple, &grad, &grad_x, &avoid, &y_th))
    return NULL;

  swiftkan_objective objective;
  Samples samples;
  Py_buffer views[2] = {{0}};
  double loss = 0, reg = 0;
  if (core_objective(tuple, &objective) < 0 || core_samples(self, &samples, "", n, x, y, labels, weight) < 0)
    return NULL;
  int failed = 1;
  if (core_buffer(grad, &views[0], "grad", self->format[0], CORE_WRITE | CORE_OPTIONAL, self->info.parameter_count) < 0 ||
      core_buffer(grad_x, &views[1], "grad_x", self->format[0], CORE_WRITE | CORE_OPTIONAL,
                  core_items(&samples.views[0])) < 0)
    goto done;
  const swiftkan_evaluation evaluation = core_evaluation(avoid, y_th, n);
  char message[SWIFTKAN_MESSAGE_SIZE] = "";
  swiftkan_status status;
  Py_BEGIN_ALLOW_THREADS
  status = swiftkan_loss_gradient(self->handle, &samples.data, &objective, &evaluation, &loss, &reg, views[0].buf,
                                  views[1].buf, message);
  Py_END_ALLOW_THREADS
  failed = core_check(status, message);

done:
  core_release(views, 2);
  core_release(samples.views, 4);
  return failed ? NULL : Py_BuildValue("(dd)", loss, reg);
}

PyObject *core_model_vjp(PyObject *object, PyObject *args, PyObject *keywords)
{
  static char *names[] = {"x", "n", "grad_output", "grad", "grad_x", "avoid_singularities", "y_th", NULL};
  Model *self = (Model *)object;
  PyObject *x, *grad_output, *grad, *grad_x;
  long long n;
  int avoid;
  double y_th;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "OLOOOpd:vjp", names, &x, &n, &grad_output, &grad, &grad_x, &avoid,
                                   &y_th))
    return NULL;

  const char format = self->format[0];
  Call call;
  Py_buffer *views = call.views;
  int64_t count;
  if (core_begin(&call, self, x, n, avoid, y_th) == 0 && core_product(n, self->info.output_count, "n", &count) == 0 &&
      core_buffer(grad_output, &views[1], "grad_output", format, CORE_READ, count) == 0 &&
      core_buffer(grad, &views[2], "grad", format, CORE_WRITE | CORE_OPTIONAL, self->info.parameter_count) == 0 &&
      core_buffer(grad_x, &views[3], "grad_x", format, CORE_WRITE | CORE_OPTIONAL, core_items(&views[0])) == 0)
    CORE_CALL(call, swiftkan_vjp(self->handle, views[0].buf, n, &call.evaluation, views[1].buf, views[2].buf, views[3].buf,
                                 call.message));
  return core_end_none(&call);
}

PyObject *core_model_regularization(PyObject *object, PyObject *args, PyObject *keywords)
{
  static char *names[] = {"x", "n", "objective", "grad", "avoid_singularities", "y_th", NULL};
  Model *self = (Model *)object;
  PyObject *x, *tuple, *grad;
  long long n;
  int avoid;
  double y_th, reg = 0;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "OLOOpd:regularization", names, &x, &n, &tuple, &grad, &avoid, &y_th))
    return NULL;

  swiftkan_objective objective;
  if (core_objective(tuple, &objective) < 0)
    return NULL;
  Call call;
  Py_buffer *grad_view = &call.views[1];
  if (core_begin(&call, self, x, n, avoid, y_th) == 0 &&
      core_buffer(grad, grad_view, "grad", self->format[0], CORE_WRITE | CORE_OPTIONAL, self->info.parameter_count) == 0)
    CORE_CALL(call, swiftkan_regularization(self->handle, call.views[0].buf, n, &objective, &call.evaluation, &reg,
                                            grad_view->buf, call.message));
  return core_end(&call) < 0 ? NULL : PyFloat_FromDouble(reg);
}
