/*
 * _jacobian.c: the methods of Model that give derivatives with respect to the trained parameters.
 *
 * What it must get right: the number of columns comes from the length of the caller's array, and the engine refuses any but its
 * own; nothing is written beyond it. The order of work is that of _evaluate.c.
 */
#include "_core.h"

PyObject *core_model_parameter_columns(PyObject *object, PyObject *args, PyObject *keywords)
{
  static char *names[] = {"index", NULL};
  Model *self = (Model *)object;
  PyObject *index;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "O:parameter_columns", names, &index))
    return NULL;
  Py_buffer view = {0};
  if (core_buffer(index, &view, "index", 'q', CORE_WRITE | CORE_OPTIONAL, -1) < 0)
    return NULL;
  int64_t count = view.buf != NULL ? core_items(&view) : 0;
  char message[SWIFTKAN_MESSAGE_SIZE] = "";
  swiftkan_status status;
  Py_BEGIN_ALLOW_THREADS
  status = swiftkan_parameter_columns(self->handle, &count, view.buf, message);
  Py_END_ALLOW_THREADS
  int failed = core_check(status, message);
  core_release(&view, 1);
  return failed ? NULL : PyLong_FromLongLong(count);
}

PyObject *core_model_parameter_jacobian(PyObject *object, PyObject *args, PyObject *keywords)
{
  static char *names[] = {"x", "n", "jacobian", "avoid_singularities", "y_th", NULL};
  Model *self = (Model *)object;
  PyObject *x, *jacobian;
  long long n;
  int avoid;
  double y_th;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "OLOpd:parameter_jacobian", names, &x, &n, &jacobian, &avoid, &y_th))
    return NULL;

  Call call;
  int64_t rows;
  if (core_begin(&call, self, x, n, avoid, y_th) == 0 && core_product(n, self->info.output_count, "n", &rows) == 0 &&
      core_buffer(jacobian, &call.views[1], "jacobian", 'd', CORE_WRITE, -1) == 0) {
    const int64_t items = core_items(&call.views[1]), count = rows > 0 ? items / rows : 0;
    if (count * rows != items)
      PyErr_Format(PyExc_ValueError, "jacobian has %lld elements; it must have a multiple of %lld, samples times outputs",
                   (long long)items, (long long)rows);
    else
      CORE_CALL(call, swiftkan_parameter_jacobian(
        self->handle, call.views[0].buf, n, &call.evaluation, count, call.views[1].buf, call.message));
  }
  return core_end_none(&call);
}

PyObject *core_model_normal_matrix(PyObject *object, PyObject *args, PyObject *keywords)
{
  static char *names[] = {"x", "n", "weight", "count", "matrix", "avoid_singularities", "y_th", NULL};
  Model *self = (Model *)object;
  PyObject *x, *weight, *matrix;
  long long n, count;
  int avoid;
  double y_th;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "OLOLOpd:normal_matrix", names, &x, &n, &weight, &count, &matrix, &avoid,
                                   &y_th))
    return NULL;

  Samples samples;
  Py_buffer view = {0};
  int failed = 1;
  int64_t items;
  if (core_product(count, count, "count", &items) < 0 || core_samples(self, &samples, "", n, x, Py_None, Py_None, weight) < 0)
    return NULL;
  if (core_buffer(matrix, &view, "matrix", 'd', CORE_WRITE, items) < 0)
    goto done;
  const swiftkan_evaluation evaluation = core_evaluation(avoid, y_th, n);
  char message[SWIFTKAN_MESSAGE_SIZE] = "";
  swiftkan_status status;
  Py_BEGIN_ALLOW_THREADS
  status = swiftkan_normal_matrix(self->handle, &samples.data, &evaluation, count, view.buf, message);
  Py_END_ALLOW_THREADS
  failed = core_check(status, message);

done:
  core_release(&view, 1);
  core_release(samples.views, 4);
  if (failed)
    return NULL;
  Py_RETURN_NONE;
}
