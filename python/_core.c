/*
 * _core.c: the module swiftkan._core, its functions, and how a status becomes an exception.
 *
 * What it must get right: this is the one place where statuses are mapped, and the engine writes the messages; nothing
 * here says the same again in other words.
 */
#include "_core.h"

PyObject *core_message(const char *message)
{
  return PyUnicode_DecodeUTF8(message, (Py_ssize_t)strlen(message), "replace");
}

int core_check(swiftkan_status status, const char *message)
{
  PyObject *exception = NULL;
  if (core_raise_pending() < 0)
    return -1;
  switch (status) {
  case SWIFTKAN_OK: return 0;
  case SWIFTKAN_NO_MEMORY: exception = PyExc_MemoryError; break;
  case SWIFTKAN_INVALID: exception = PyExc_ValueError; break;
  case SWIFTKAN_CANCELLED:
  case SWIFTKAN_DIVERGED: /* only training ends so, and it reports them as results */
  case SWIFTKAN_INTERNAL: exception = PyExc_RuntimeError; break;
  }
  PyObject *text = core_message(message);
  if (text != NULL) {
    PyErr_SetObject(exception != NULL ? exception : PyExc_RuntimeError, text);
    Py_DECREF(text);
  }
  return -1;
}

/* ---- Functions of the module ------------------------------------------------------------------------------- */

PyDoc_STRVAR(functions_doc,
             "functions()\n--\n\n"
             "The names of the symbolic functions, a tuple; a function's place in it is its number.");

static PyObject *functions(PyObject *module, PyObject *unused)
{
  (void)module;
  (void)unused;
  int64_t count = swiftkan_function_count();
  PyObject *names = PyTuple_New((Py_ssize_t)count);
  for (int64_t i = 0; names != NULL && i < count; i++) {
    const char *name = swiftkan_function_name(i);
    PyObject *text = PyUnicode_FromString(name != NULL ? name : "");
    if (text == NULL || PyTuple_SetItem(names, (Py_ssize_t)i, text) < 0)
      Py_CLEAR(names);
  }
  return names;
}

PyDoc_STRVAR(function_evaluate_doc,
             "function_evaluate(function, x, y, dy, avoid_singularities, y_th)\n--\n\n"
             "Write f(x) into y and, unless dy is None, f'(x) into dy: arrays of one float type and one length.");

static PyObject *function_evaluate(PyObject *module, PyObject *args, PyObject *keywords)
{
  (void)module;
  static char *names[] = {"function", "x", "y", "dy", "avoid_singularities", "y_th", NULL};
  long long function;
  PyObject *x, *y, *dy;
  int avoid;
  double y_th;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "LOOOpd:function_evaluate", names, &function, &x, &y, &dy, &avoid,
                                   &y_th))
    return NULL;

  Py_buffer views[3] = {{0}};
  char format = 0, message[SWIFTKAN_MESSAGE_SIZE] = "";
  int failed = 1;
  if (core_buffer_real(x, &views[0], "x", &format, CORE_READ, -1) < 0)
    goto done;
  int64_t n = core_items(&views[0]);
  if (core_buffer(y, &views[1], "y", format, CORE_WRITE, n) < 0 ||
      core_buffer(dy, &views[2], "dy", format, CORE_WRITE | CORE_OPTIONAL, n) < 0)
    goto done;
  int32_t dtype = format == 'd' ? SWIFTKAN_FLOAT64 : SWIFTKAN_FLOAT32;
  swiftkan_status status;
  Py_BEGIN_ALLOW_THREADS
  status = swiftkan_function_evaluate(function, dtype, views[0].buf, n, avoid, y_th, views[1].buf, views[2].buf,
                                      message);
  Py_END_ALLOW_THREADS
  failed = core_check(status, message);

done:
  core_release(views, 3);
  if (failed)
    return NULL;
  Py_RETURN_NONE;
}

PyDoc_STRVAR(uniform_doc, "uniform(seed, skip, out)\n--\n\n"
                          "Fill out with torch's uniform numbers of this seed, leaving out the first `skip` draws.");

static PyObject *uniform(PyObject *module, PyObject *args, PyObject *keywords)
{
  (void)module;
  static char *names[] = {"seed", "skip", "out", NULL};
  long long seed, skip;
  PyObject *out;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "LLO:uniform", names, &seed, &skip, &out))
    return NULL;
  if (seed < 0 || seed > (long long)UINT32_MAX) {
    PyErr_Format(PyExc_ValueError, "seed is %lld; it must be from 0 to 4294967295", seed);
    return NULL;
  }
  Py_buffer view = {0};
  char format = 0, message[SWIFTKAN_MESSAGE_SIZE] = "";
  if (core_buffer_real(out, &view, "out", &format, CORE_WRITE, -1) < 0)
    return NULL;
  swiftkan_status status;
  Py_BEGIN_ALLOW_THREADS
  status = swiftkan_uniform((uint32_t)seed, skip, format == 'd' ? SWIFTKAN_FLOAT64 : SWIFTKAN_FLOAT32, core_items(&view),
                            view.buf, message);
  Py_END_ALLOW_THREADS
  int failed = core_check(status, message);
  core_release(&view, 1);
  if (failed)
    return NULL;
  Py_RETURN_NONE;
}

PyDoc_STRVAR(set_num_threads_doc, "set_num_threads(n)\n--\n\nHow many threads a call may use, the caller's included.");

static PyObject *set_num_threads(PyObject *module, PyObject *args, PyObject *keywords)
{
  (void)module;
  static char *names[] = {"n", NULL};
  long long n;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "L:set_num_threads", names, &n))
    return NULL;
  char message[SWIFTKAN_MESSAGE_SIZE] = "";
  swiftkan_status status;
  Py_BEGIN_ALLOW_THREADS
  status = swiftkan_set_num_threads(n, message);
  Py_END_ALLOW_THREADS
  if (core_check(status, message) < 0)
    return NULL;
  Py_RETURN_NONE;
}

PyDoc_STRVAR(get_num_threads_doc, "get_num_threads()\n--\n\nHow many threads a call may use.");

static PyObject *get_num_threads(PyObject *module, PyObject *unused)
{
  (void)module;
  (void)unused;
  int64_t threads;
  Py_BEGIN_ALLOW_THREADS
  threads = swiftkan_get_num_threads();
  Py_END_ALLOW_THREADS
  return PyLong_FromLongLong(threads);
}

static PyMethodDef module_methods[] = {
    {"functions", functions, METH_NOARGS, functions_doc},
    {"function_evaluate", CORE_METHOD(function_evaluate), METH_VARARGS | METH_KEYWORDS, function_evaluate_doc},
    {"function_add", CORE_METHOD(core_function_add), METH_VARARGS | METH_KEYWORDS, core_function_add_doc},
    {"symbolic_fit", CORE_METHOD(core_symbolic_fit), METH_VARARGS | METH_KEYWORDS, core_symbolic_fit_doc},
    {"uniform", CORE_METHOD(uniform), METH_VARARGS | METH_KEYWORDS, uniform_doc},
    {"set_num_threads", CORE_METHOD(set_num_threads), METH_VARARGS | METH_KEYWORDS, set_num_threads_doc},
    {"get_num_threads", get_num_threads, METH_NOARGS, get_num_threads_doc},
    {NULL, NULL, 0, NULL},
};

/* ---- The module -------------------------------------------------------------------------------------------- */

static int module_exec(PyObject *module)
{
  if (swiftkan_abi() != SWIFTKAN_ABI) {
    PyErr_Format(PyExc_ImportError, "swiftkan._core was compiled for interface %d, but its engine has interface %d",
                 SWIFTKAN_ABI, (int)swiftkan_abi());
    return -1;
  }
  if (PyModule_AddIntConstant(module, "ABI", SWIFTKAN_ABI) < 0)
    return -1;
  PyObject *type = PyType_FromModuleAndSpec(module, &core_model_spec, NULL);
  if (type == NULL)
    return -1;
  int failed = PyModule_AddObjectRef(module, "Model", type);
  Py_DECREF(type);
  return failed;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, (void *)module_exec},
    {0, NULL},
};

PyDoc_STRVAR(module_doc, "The engine of swiftkan behind the buffer protocol. Use the package swiftkan instead of this module.");

static struct PyModuleDef module_definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "swiftkan._core",
    .m_doc = module_doc,
    .m_size = 0,
    .m_methods = module_methods,
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__core(void);

PyMODINIT_FUNC PyInit__core(void) { return PyModuleDef_Init(&module_definition); }
