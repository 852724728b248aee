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
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "OLpd|dp:update_grid", names, &x, &n, &avoid, &y_th, &margin, &curvature))
    return NULL;

  Call call;
  if (core_begin(&call, self, x, n, avoid, y_th) == 0)
    CORE_CALL(call, swiftkan_update_grid(
      self->handle, call.views[0].buf, n, margin, curvature, &call.evaluation, call.message));
  return core_end_none(&call);
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

  if (length != self->info.depth) {
    PyErr_Format(PyExc_ValueError, "grid has %lld numbers; it must have %lld, one for each layer", (long long)length,
                 (long long)self->info.depth);
    PyMem_Free(grid);
    return NULL;
  }
  Call call;
  swiftkan_model *refined = NULL;
  if (core_begin(&call, self, x, n, avoid, y_th) == 0)
    CORE_CALL(call, swiftkan_refine(self->handle, grid, call.views[0].buf, n, &call.evaluation, &refined, call.message));
  PyMem_Free(grid);
  if (core_end(&call) == 0)
    return core_model_wrap(Py_TYPE(object), refined);
  if (refined != NULL) /* a function of the user's failed meanwhile */
    swiftkan_destroy(refined);
  return NULL;
}

PyObject *core_model_initialize_from(PyObject *object, PyObject *args, PyObject *keywords)
{
  static char *names[] = {"parent", "x", "n", "avoid_singularities", "y_th", NULL};
  Model *self = (Model *)object;
  PyObject *parent, *x;
  long long n;
  int avoid;
  double y_th;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!OLpd:initialize_from", names, Py_TYPE(object), &parent, &x, &n,
                                   &avoid, &y_th))
    return NULL;

  Call call;
  if (core_begin(&call, self, x, n, avoid, y_th) == 0)
    CORE_CALL(call, swiftkan_initialize_from(self->handle, ((Model *)parent)->handle, call.views[0].buf, n,
                                              &call.evaluation, call.message));
  return core_end_none(&call);
}
