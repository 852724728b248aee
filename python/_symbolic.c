/*
 * _symbolic.c: functions of the user's, written in Python, and the fit of functions to samples.
 *
 * What it must get right first: a Python function is called with the GIL on the thread that called the engine, also from
 * deep within a call that runs without the GIL; an exception in it is raised by that call when it returns, as is one that a
 * signal's handler raises during a fit. Until then the first exception is kept in the thread's own dict, no further function
 * runs, and values are NaN. The function gets copies that Python owns, so that an array kept beyond the call is never a view
 * of freed memory.
 */
#include "_core.h"

#define PENDING "swiftkan.pending"

/* ---- The exception that waits for the call's end ----------------------------------------------------------- */

static void keep_exception(void)
{
  PyObject *type, *value, *traceback, *dict = PyThreadState_GetDict();
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  if (value != NULL && traceback != NULL)
    PyException_SetTraceback(value, traceback);
  if (dict != NULL && value != NULL && PyDict_SetItemString(dict, PENDING, value) < 0)
    PyErr_Clear();
  Py_XDECREF(type);
  Py_XDECREF(value);
  Py_XDECREF(traceback);
}

static PyObject *pending(void)
{
  PyObject *dict = PyThreadState_GetDict();
  return dict != NULL ? PyDict_GetItemString(dict, PENDING) : NULL;
}

int core_raise_pending(void)
{
  PyObject *value = pending();
  if (value == NULL)
    return 0;
  Py_INCREF(value);
  PyDict_DelItemString(PyThreadState_GetDict(), PENDING);
  PyErr_SetObject((PyObject *)Py_TYPE(value), value);
  Py_DECREF(value);
  return -1;
}

void core_drop_pending(void)
{
  if (pending() != NULL)
    PyDict_DelItemString(PyThreadState_GetDict(), PENDING);
}

/* ---- A function of the user's ------------------------------------------------------------------------------ */

/* A bytearray of `size` zeros and a memoryview of it as elements `format`. */
static int make_output(Py_ssize_t size, const char *format, PyObject **bytes, PyObject **view)
{
  *bytes = PyByteArray_FromStringAndSize(NULL, size);
  if (*bytes == NULL)
    return -1;
  memset(PyByteArray_AsString(*bytes), 0, (size_t)size);
  PyObject *plain = PyMemoryView_FromObject(*bytes);
  *view = plain != NULL ? PyObject_CallMethod(plain, "cast", "s", format) : NULL;
  Py_XDECREF(plain);
  return *view != NULL ? 0 : -1;
}

static int call(PyObject *function, int32_t dtype, const void *x, int64_t n, int32_t avoid, double y_th, void *y, void *dy)
{
  const char *format = dtype == SWIFTKAN_FLOAT64 ? "d" : "f";
  const Py_ssize_t size = (Py_ssize_t)n * dtype; /* the dtype's number is its size; the array exists in memory */
  PyObject *bytes[2] = {NULL, NULL}, *views[2] = {NULL, NULL}, *x_bytes = NULL, *x_plain = NULL, *x_view = NULL;
  PyObject *result = NULL;
  int failed = -1;
  if ((x_bytes = PyBytes_FromStringAndSize(x, size)) == NULL || (x_plain = PyMemoryView_FromObject(x_bytes)) == NULL ||
      (x_view = PyObject_CallMethod(x_plain, "cast", "s", format)) == NULL ||
      make_output(size, format, &bytes[0], &views[0]) < 0)
    goto done;
  if (dy == NULL)
    views[1] = Py_NewRef(Py_None);
  else if (make_output(size, format, &bytes[1], &views[1]) < 0)
    goto done;
  result = PyObject_CallFunction(function, "OOOOd", x_view, views[0], views[1], avoid ? Py_True : Py_False, y_th);
  if (result == NULL)
    goto done;
  for (int i = 0; i < 2; i++) {
    if (bytes[i] == NULL)
      continue;
    if (PyByteArray_Size(bytes[i]) != size) {
      PyErr_SetString(PyExc_ValueError, "the function changed the size of its results; it may only fill them");
      goto done;
    }
    memcpy(i == 0 ? y : dy, PyByteArray_AsString(bytes[i]), (size_t)size);
  }
  failed = 0;

done:
  Py_XDECREF(result);
  for (int i = 0; i < 2; i++) {
    Py_XDECREF(views[i]);
    Py_XDECREF(bytes[i]);
  }
  Py_XDECREF(x_view);
  Py_XDECREF(x_plain);
  Py_XDECREF(x_bytes);
  return failed;
}

static int32_t on_evaluate(void *context, int32_t dtype, const void *x, int64_t n, int32_t avoid, double y_th, void *y,
                           void *dy)
{
  PyGILState_STATE gil = PyGILState_Ensure();
  int failed = pending() != NULL || call(context, dtype, x, n, avoid, y_th, y, dy) < 0;
  if (PyErr_Occurred() != NULL)
    keep_exception();
  PyGILState_Release(gil);
  return failed;
}

const char core_function_add_doc[] =
    "function_add(name, function)\n--\n\n"
    "Add a symbolic function for the life of the process and return its number.\n\n"
    "function(x, y, dy, avoid_singularities, y_th) fills the memoryviews y and, unless it is None, dy.";

PyObject *core_function_add(PyObject *module, PyObject *args, PyObject *keywords)
{
  (void)module;
  static char *names[] = {"name", "function", NULL};
  const char *name;
  PyObject *function;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "sO:function_add", names, &name, &function))
    return NULL;
  if (!PyCallable_Check(function)) {
    PyErr_Format(PyExc_TypeError, "function must be callable, not %R", (PyObject *)Py_TYPE(function));
    return NULL;
  }
  int64_t number;
  char message[SWIFTKAN_MESSAGE_SIZE] = "";
  if (core_check(swiftkan_function_add(name, on_evaluate, function, &number, message), message) < 0)
    return NULL;
  Py_INCREF(function); /* the engine keeps it for ever */
  return PyLong_FromLongLong(number);
}

/* ---- Interruption ------------------------------------------------------------------------------------------ */

int32_t core_poll(void *context)
{
  (void)context;
  PyGILState_STATE gil = PyGILState_Ensure();
  if (pending() == NULL && PyErr_CheckSignals() < 0)
    keep_exception();
  int32_t answer = pending() != NULL ? SWIFTKAN_CANCEL : SWIFTKAN_CONTINUE;
  PyGILState_Release(gil);
  return answer;
}

/* ---- The fit ----------------------------------------------------------------------------------------------- */

const char core_symbolic_fit_doc[] =
    "symbolic_fit(functions, x, y, a_range, b_range)\n--\n\n"
    "Fit c*f(a*x + b) + d to the float64 samples (x, y) for each function number: a list of (a, b, c, d, r2).\n\n"
    "It looks for signals; what their handlers raise ends it.";

PyObject *core_symbolic_fit(PyObject *module, PyObject *args, PyObject *keywords)
{
  (void)module;
  static char *names[] = {"functions", "x", "y", "a_range", "b_range", NULL};
  PyObject *sequence, *x, *y, *list = NULL;
  double a_range[2], b_range[2];
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "OOO(dd)(dd):symbolic_fit", names, &sequence, &x, &y, &a_range[0],
                                   &a_range[1], &b_range[0], &b_range[1]))
    return NULL;
  Py_buffer views[2] = {{0}};
  int64_t count;
  int64_t *functions = core_integers(sequence, "functions", &count);
  if (functions == NULL)
    return NULL;
  double *results = PyMem_Malloc((size_t)(count > 0 ? count : 1) * 5 * sizeof *results);
  if (results == NULL) {
    PyErr_NoMemory();
    goto done;
  }
  if (core_buffer(x, &views[0], "x", 'd', CORE_READ, -1) < 0 ||
      core_buffer(y, &views[1], "y", 'd', CORE_READ, core_items(&views[0])) < 0)
    goto done;
  char message[SWIFTKAN_MESSAGE_SIZE] = "";
  swiftkan_status status;
  Py_BEGIN_ALLOW_THREADS
  status = swiftkan_symbolic_fit(functions, count, views[0].buf, views[1].buf, core_items(&views[0]), a_range, b_range,
                                 core_poll, NULL, results, results + 4 * count, message);
  Py_END_ALLOW_THREADS
  if (core_check(status, message) < 0)
    goto done;
  list = PyList_New((Py_ssize_t)count);
  for (int64_t i = 0; list != NULL && i < count; i++) {
    const double *affine = results + 4 * i;
    PyObject *item = Py_BuildValue("(ddddd)", affine[0], affine[1], affine[2], affine[3], results[4 * count + i]);
    if (item == NULL || PyList_SetItem(list, (Py_ssize_t)i, item) < 0)
      Py_CLEAR(list);
  }

done:
  core_release(views, 2);
  PyMem_Free(results);
  PyMem_Free(functions);
  return list;
}
