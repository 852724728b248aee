/*
 * _grid.c: the methods of Model that change grids.
 *
 * What it must get right: refine reads `depth` numbers from an array that C has counted. The order of work is that of
 * _evaluate.c.
 */
#include "_core.h"

PyObject *core_model_update_grid(PyObject *object, PyObject *args, PyObject *keywords)
{
  static char *names[] = {"x", "n", "avoid_singularities", "y_th", "margin", "curvature", NULL};
  Model *self = (Model *)object;
  PyObject *x;
  long long n;
  int avoid, curvature = 0;
  double y_th, margin = 0;
  Py_buffer view;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "OLpd|dp:update_grid", names, &x, &n, &avoid, &y_th, &margin, &curvature) ||
      core_x(self, x, n, &view) < 0)
    return NULL;
  const swiftkan_evaluation evaluation = core_evaluation(avoid, y_th);
  char message[SWIFTKAN_MESSAGE_SIZE] = "";
  swiftkan_status status;
  Py_BEGIN_ALLOW_THREADS
  status = swiftkan_update_grid(self->handle, view.buf, n, margin, curvature, &evaluation, message);
  Py_END_ALLOW_THREADS
  int failed = core_check(status, message);
  core_release(&view, 1);
  if (failed)
    return NULL;
  Py_RETURN_NONE;
}

PyObject *core_model_refine(PyObject *object, PyObject *args, PyObject *keywords)
{
  static char *names[] = {"grid", "x", "n", "avoid_singularities", "y_th", NULL};
  Model *self = (Model *)object;
  PyObject *sequence, *x;
  long long n;
  int avoid;
  double y_th;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "OOLpd:refine", names, &sequence, &x, &n, &avoid, &y_th))
    return NULL;
  int64_t length = 0, *grid = core_integers(sequence, "grid", &length);
  if (grid == NULL)
    return NULL;

  Py_buffer view = {0};
  PyObject *result = NULL;
  if (length != self->info.depth) {
    PyErr_Format(PyExc_ValueError, "grid has %lld numbers; it must have %lld, one for each layer", (long long)length,
                 (long long)self->info.depth);
    goto done;
  }
  if (core_x(self, x, n, &view) < 0)
    goto done;
  const swiftkan_evaluation evaluation = core_evaluation(avoid, y_th);
  swiftkan_model *refined = NULL;
  char message[SWIFTKAN_MESSAGE_SIZE] = "";
  swiftkan_status status;
  Py_BEGIN_ALLOW_THREADS
  status = swiftkan_refine(self->handle, grid, view.buf, n, &evaluation, &refined, message);
  Py_END_ALLOW_THREADS
  if (core_check(status, message) == 0)
    result = core_model_wrap(Py_TYPE(object), refined);
  else if (status == SWIFTKAN_OK) /* a function of the user's failed meanwhile */
    swiftkan_destroy(refined);

done:
  core_release(&view, 1);
  PyMem_Free(grid);
  return result;
}

PyObject *core_model_initialize_from(PyObject *object, PyObject *args, PyObject *keywords)
{
  static char *names[] = {"parent", "x", "n", "avoid_singularities", "y_th", NULL};
  Model *self = (Model *)object;
  PyObject *parent, *x;
  long long n;
  int avoid;
  double y_th;
  Py_buffer view;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!OLpd:initialize_from", names, Py_TYPE(object), &parent, &x, &n,
                                   &avoid, &y_th) ||
      core_x(self, x, n, &view) < 0)
    return NULL;
  const swiftkan_evaluation evaluation = core_evaluation(avoid, y_th);
  char message[SWIFTKAN_MESSAGE_SIZE] = "";
  swiftkan_status status;
  Py_BEGIN_ALLOW_THREADS
  status = swiftkan_initialize_from(self->handle, ((Model *)parent)->handle, view.buf, n, &evaluation, message);
  Py_END_ALLOW_THREADS
  int failed = core_check(status, message);
  core_release(&view, 1);
  if (failed)
    return NULL;
  Py_RETURN_NONE;
}
