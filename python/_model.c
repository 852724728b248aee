/*
 * _model.c: the type swiftkan._core.Model: making a network, its life, its memory as a buffer, its description.
 * The methods that compute are in _evaluate.c, _gradient.c, _jacobian.c, _grid.c and _fit.c.
 *
 * What it must get right: one handle a Model, made in tp_new and destroyed in tp_dealloc, so that a Model without a
 * handle does not exist; and no array that C reads is longer than what Python gave.
 */
#include "_core.h"

/* ---- Making ------------------------------------------------------------------------------------------------ */

PyObject *core_model_wrap(PyTypeObject *type, swiftkan_model *handle)
{
  char message[SWIFTKAN_MESSAGE_SIZE] = "";
  swiftkan_info info;
  if (core_check(swiftkan_info_get(handle, &info, message), message) < 0) { /* ours alone yet: the lock is free */
    swiftkan_destroy(handle);
    return NULL;
  }
  Model *self = (Model *)PyType_GenericAlloc(type, 0);
  if (self == NULL) {
    swiftkan_destroy(handle);
    return NULL;
  }
  self->handle = handle;
  self->info = info;
  self->shape = (Py_ssize_t)info.state_count;
  self->stride = (Py_ssize_t)info.dtype;
  self->format[0] = info.dtype == SWIFTKAN_FLOAT64 ? 'd' : 'f';
  self->format[1] = '\0';
  return (PyObject *)self;
}

static int same_length(const char *name, int64_t length, const char *meaning, int64_t wanted)
{
  if (length == wanted)
    return 0;
  PyErr_Format(PyExc_ValueError, "%s has %lld numbers; it must have %lld, %s", name, (long long)length,
               (long long)wanted, meaning);
  return -1;
}

/* The lengths that swiftkan_create cannot see. */
static int check_lengths(const int64_t length[5], const int64_t *n_mult)
{
  int64_t depth = length[3], nodes = 0;
  if (depth < 1) {
    PyErr_SetString(PyExc_ValueError, "grid is empty; it must have a number of intervals for each layer");
    return -1;
  }
  if (same_length("n_sum", length[0], "one for each level (the layers and one more)", depth + 1) < 0 ||
      same_length("n_mult", length[1], "one for each level (the layers and one more)", depth + 1) < 0 ||
      same_length("k", length[4], "one for each layer, as grid has", depth) < 0)
    return -1;
  for (int64_t l = 0; l <= depth; l++)
    if (n_mult[l] < 0 || __builtin_add_overflow(nodes, n_mult[l], &nodes)) {
      PyErr_Format(PyExc_ValueError, "n_mult[%lld] is %lld; it must be a number of nodes, 0 or more", (long long)l,
                   (long long)n_mult[l]);
      return -1;
    }
  return same_length("mult_arity", length[2], "one for each multiplication node", nodes);
}

static PyObject *model_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
  static char *names[] = {"dtype",         "base_fun",         "n_sum",    "n_mult",     "mult_arity",
                          "grid",          "k",                "noise_scale", "scale_base_mu", "scale_base_sigma",
                          "grid_eps",      "grid_range",       "affine_trainable", "sp_trainable", "sb_trainable",
                          "sparse_init",   "symbolic_enabled", "seed",     NULL};
  static const char *const sequence_names[5] = {"n_sum", "n_mult", "mult_arity", "grid", "k"};
  PyObject *sequences[5];
  long long seed;
  int dtype, base_fun, affine, sp, sb, sparse, symbolic;
  swiftkan_settings settings;
  swiftkan_settings_init(&settings);
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "$iiOOOOOdddd(dd)pppppL:Model", names, &dtype, &base_fun,
                                   &sequences[0], &sequences[1], &sequences[2], &sequences[3], &sequences[4],
                                   &settings.noise_scale, &settings.scale_base_mu, &settings.scale_base_sigma,
                                   &settings.grid_eps, &settings.grid_range[0], &settings.grid_range[1], &affine, &sp,
                                   &sb, &sparse, &symbolic, &seed))
    return NULL;
  if (seed < 0 || seed > (long long)UINT32_MAX) {
    PyErr_Format(PyExc_ValueError, "seed is %lld; it must be from 0 to 4294967295", seed);
    return NULL;
  }

  PyObject *result = NULL;
  int64_t *values[5] = {NULL}, length[5] = {0};
  for (int i = 0; i < 5; i++)
    if ((values[i] = core_integers(sequences[i], sequence_names[i], &length[i])) == NULL)
      goto done;
  if (check_lengths(length, values[1]) < 0)
    goto done;
  settings.dtype = dtype;
  settings.base_fun = base_fun;
  settings.depth = length[3];
  settings.n_sum = values[0];
  settings.n_mult = values[1];
  settings.mult_arity = length[2] > 0 ? values[2] : NULL;
  settings.grid = values[3];
  settings.k = values[4];
  settings.affine_trainable = affine;
  settings.sp_trainable = sp;
  settings.sb_trainable = sb;
  settings.sparse_init = sparse;
  settings.symbolic_enabled = symbolic;
  settings.seed = (uint32_t)seed;

  swiftkan_model *handle = NULL;
  swiftkan_status status;
  char message[SWIFTKAN_MESSAGE_SIZE] = "";
  Py_BEGIN_ALLOW_THREADS
  status = swiftkan_create(&settings, &handle, message);
  Py_END_ALLOW_THREADS
  if (core_check(status, message) == 0)
    result = core_model_wrap(type, handle);

done:
  for (int i = 0; i < 5; i++)
    PyMem_Free(values[i]);
  return result;
}

static void model_dealloc(PyObject *object)
{
  PyTypeObject *type = Py_TYPE(object);
  swiftkan_destroy(((Model *)object)->handle);
  ((freefunc)PyType_GetSlot(type, Py_tp_free))(object);
  Py_DECREF(type); /* an instance of a heap type holds its type */
}

/* A new object of the same type from what `make` makes of this one's model. */
static PyObject *made_from(PyObject *self, swiftkan_status (*make)(swiftkan_model *, swiftkan_model **, char *))
{
  swiftkan_model *made = NULL;
  swiftkan_status status;
  char message[SWIFTKAN_MESSAGE_SIZE] = "";
  Py_BEGIN_ALLOW_THREADS
  status = make(((Model *)self)->handle, &made, message);
  Py_END_ALLOW_THREADS
  return core_check(status, message) < 0 ? NULL : core_model_wrap(Py_TYPE(self), made);
}

static PyObject *model_copy(PyObject *self, PyObject *unused)
{
  (void)unused;
  return made_from(self, swiftkan_copy);
}

static PyObject *model_compile(PyObject *self, PyObject *unused)
{
  (void)unused;
  return made_from(self, swiftkan_compile);
}

/* ---- Its memory -------------------------------------------------------------------------------------------- */

static int model_getbuffer(PyObject *object, Py_buffer *view, int flags)
{
  Model *self = (Model *)object;
  view->buf = self->info.state;
  view->obj = Py_NewRef(object);
  view->len = self->shape * self->stride;
  view->itemsize = self->stride;
  view->readonly = 0;
  view->ndim = 1;
  view->format = (flags & PyBUF_FORMAT) == PyBUF_FORMAT ? self->format : NULL;
  view->shape = (flags & PyBUF_ND) == PyBUF_ND ? &self->shape : NULL;
  view->strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? &self->stride : NULL;
  view->suboffsets = NULL;
  view->internal = NULL;
  return 0;
}

/* ---- Its description --------------------------------------------------------------------------------------- */

static PyObject *model_info(PyObject *object, PyObject *unused)
{
  (void)unused;
  const swiftkan_info *info = &((Model *)object)->info;
  return Py_BuildValue("{s:i,s:i,s:L,s:L,s:L,s:L,s:L}", "dtype", (int)info->dtype, "base_fun", (int)info->base_fun,
                       "depth", (long long)info->depth, "input_count", (long long)info->input_count, "output_count",
                       (long long)info->output_count, "parameter_count", (long long)info->parameter_count,
                       "state_count", (long long)info->state_count);
}

static PyObject *block_tuple(const swiftkan_block *block)
{
  PyObject *shape = PyTuple_New(block->ndim);
  for (int32_t axis = 0; shape != NULL && axis < block->ndim; axis++) {
    PyObject *size = PyLong_FromLongLong(block->shape[axis]);
    if (size == NULL || PyTuple_SetItem(shape, axis, size) < 0)
      Py_CLEAR(shape);
  }
  if (shape == NULL)
    return NULL;
  return Py_BuildValue("(sLNO)", block->name, (long long)block->offset, shape, block->trainable ? Py_True : Py_False);
}

static PyObject *model_blocks(PyObject *object, PyObject *unused)
{
  (void)unused;
  Model *self = (Model *)object;
  int64_t count = self->info.block_count;
  swiftkan_block *blocks = PyMem_Calloc((size_t)count + 1, sizeof *blocks);
  if (blocks == NULL)
    return PyErr_NoMemory();
  swiftkan_status status = SWIFTKAN_OK;
  char message[SWIFTKAN_MESSAGE_SIZE] = "";
  Py_BEGIN_ALLOW_THREADS
  for (int64_t i = 0; i < count && status == SWIFTKAN_OK; i++)
    status = swiftkan_block_get(self->handle, i, &blocks[i], message);
  Py_END_ALLOW_THREADS
  PyObject *list = core_check(status, message) < 0 ? NULL : PyList_New((Py_ssize_t)count);
  for (int64_t i = 0; list != NULL && i < count; i++) {
    PyObject *tuple = block_tuple(&blocks[i]);
    if (tuple == NULL || PyList_SetItem(list, (Py_ssize_t)i, tuple) < 0)
      Py_CLEAR(list);
  }
  PyMem_Free(blocks);
  return list;
}

static PyObject *model_flags(PyObject *object, PyObject *unused)
{
  (void)unused;
  swiftkan_flags flags;
  swiftkan_status status;
  char message[SWIFTKAN_MESSAGE_SIZE] = "";
  Py_BEGIN_ALLOW_THREADS
  status = swiftkan_flags_get(((Model *)object)->handle, &flags, message);
  Py_END_ALLOW_THREADS
  if (core_check(status, message) < 0)
    return NULL;
  return Py_BuildValue("{s:O,s:O,s:O,s:O,s:d}", "affine_trainable", flags.affine_trainable ? Py_True : Py_False,
                       "sp_trainable", flags.sp_trainable ? Py_True : Py_False, "sb_trainable",
                       flags.sb_trainable ? Py_True : Py_False, "symbolic_enabled",
                       flags.symbolic_enabled ? Py_True : Py_False, "grid_eps", flags.grid_eps);
}

static PyObject *model_set_flags(PyObject *object, PyObject *args, PyObject *keywords)
{
  static char *names[] = {"affine_trainable", "sp_trainable", "sb_trainable", "symbolic_enabled", "grid_eps", NULL};
  int affine, sp, sb, symbolic;
  double grid_eps;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "$ppppd:set_flags", names, &affine, &sp, &sb, &symbolic, &grid_eps))
    return NULL;
  swiftkan_flags flags = {affine, sp, sb, symbolic, grid_eps};
  swiftkan_status status;
  char message[SWIFTKAN_MESSAGE_SIZE] = "";
  Py_BEGIN_ALLOW_THREADS
  status = swiftkan_flags_set(((Model *)object)->handle, &flags, message);
  Py_END_ALLOW_THREADS
  if (core_check(status, message) < 0)
    return NULL;
  Py_RETURN_NONE;
}

/* ---- Symbolic edges ---------------------------------------------------------------------------------------- */

static PyObject *model_symbolic_get(PyObject *object, PyObject *args, PyObject *keywords)
{
  static char *names[] = {"l", "i", "j", NULL};
  long long l, i, j;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "LLL:symbolic_get", names, &l, &i, &j))
    return NULL;
  int64_t function = 0;
  swiftkan_status status;
  char message[SWIFTKAN_MESSAGE_SIZE] = "";
  Py_BEGIN_ALLOW_THREADS
  status = swiftkan_symbolic_get(((Model *)object)->handle, l, i, j, &function, message);
  Py_END_ALLOW_THREADS
  return core_check(status, message) < 0 ? NULL : PyLong_FromLongLong(function);
}

static PyObject *model_symbolic_set(PyObject *object, PyObject *args, PyObject *keywords)
{
  static char *names[] = {"l", "i", "j", "function", NULL};
  long long l, i, j, function;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "LLLL:symbolic_set", names, &l, &i, &j, &function))
    return NULL;
  swiftkan_status status;
  char message[SWIFTKAN_MESSAGE_SIZE] = "";
  Py_BEGIN_ALLOW_THREADS
  status = swiftkan_symbolic_set(((Model *)object)->handle, l, i, j, function, message);
  Py_END_ALLOW_THREADS
  if (core_check(status, message) < 0)
    return NULL;
  Py_RETURN_NONE;
}

static PyObject *model_statistics_count(PyObject *object, PyObject *unused)
{
  (void)unused;
  int64_t count;
  Py_BEGIN_ALLOW_THREADS
  count = swiftkan_statistics_count(((Model *)object)->handle);
  Py_END_ALLOW_THREADS
  return PyLong_FromLongLong(count);
}

/* ---- The type ---------------------------------------------------------------------------------------------- */

#define WITH_KEYWORDS(name, function, doc) {name, CORE_METHOD(function), METH_VARARGS | METH_KEYWORDS, PyDoc_STR(doc)}

static PyMethodDef model_methods[] = {
    {"info", model_info, METH_NOARGS, PyDoc_STR("info()\n--\n\nCounts, dtype and base function, a dict.")},
    {"blocks", model_blocks, METH_NOARGS,
     PyDoc_STR("blocks()\n--\n\nThe named parts of the state: (name, offset, shape, trainable).")},
    {"flags", model_flags, METH_NOARGS, PyDoc_STR("flags()\n--\n\nThe settings that may change, a dict.")},
    WITH_KEYWORDS("set_flags", model_set_flags,
                  "set_flags(*, affine_trainable, sp_trainable, sb_trainable, symbolic_enabled, grid_eps)\n--\n\n"
                  "Change the settings that flags() gives."),
    {"copy", model_copy, METH_NOARGS, PyDoc_STR("copy()\n--\n\nAn independent Model.")},
    {"compile", model_compile, METH_NOARGS,
     PyDoc_STR("compile()\n--\n\nA copy for evaluating only, which has taken over its numbers once.")},
    WITH_KEYWORDS("symbolic_get", model_symbolic_get,
                  "symbolic_get(l, i, j)\n--\n\nThe number of the function on an edge."),
    WITH_KEYWORDS("symbolic_set", model_symbolic_set,
                  "symbolic_set(l, i, j, function)\n--\n\nPut a function on an edge."),
    {"statistics_count", model_statistics_count, METH_NOARGS,
     PyDoc_STR("statistics_count()\n--\n\nHow many numbers statistics() writes.")},
    WITH_KEYWORDS("forward", core_model_forward,
                  "forward(x, y, avoid_singularities, y_th)\n--\n\nWrite the outputs at x into y."),
    WITH_KEYWORDS("activations", core_model_activations,
                  "activations(x, n, kind, l, out, avoid_singularities, y_th)\n--\n\n"
                  "Write one kind of activation of layer l into out."),
    WITH_KEYWORDS("statistics", core_model_statistics,
                  "statistics(x, n, avoid_singularities, y_th, out)\n--\n\n"
                  "Write means and standard deviations over the samples into out."),
    WITH_KEYWORDS("loss_gradient", core_model_loss_gradient,
                  "loss_gradient(x, n, y, labels, weight, objective, grad, grad_x, avoid_singularities, y_th)\n--\n\n"
                  "(loss, regularisation), with the gradients written into grad and grad_x."),
    WITH_KEYWORDS("vjp", core_model_vjp,
                  "vjp(x, n, grad_output, grad, grad_x, avoid_singularities, y_th)\n--\n\n"
                  "The vector-Jacobian product."),
    WITH_KEYWORDS("regularization", core_model_regularization,
                  "regularization(x, n, objective, grad, avoid_singularities, y_th)\n--\n\n"
                  "The regularisation alone, with its gradient written into grad."),
    WITH_KEYWORDS("parameter_columns", core_model_parameter_columns,
                  "parameter_columns(index)\n--\n\n"
                  "How many parameters Levenberg-Marquardt moves; their places in the state into index unless it is None."),
    WITH_KEYWORDS("parameter_jacobian", core_model_parameter_jacobian,
                  "parameter_jacobian(x, n, jacobian, avoid_singularities, y_th)\n--\n\n"
                  "Write the outputs' derivatives with respect to those parameters into jacobian."),
    WITH_KEYWORDS("normal_matrix", core_model_normal_matrix,
                  "normal_matrix(x, n, weight, count, matrix, avoid_singularities, y_th)\n--\n\n"
                  "Write the weighted sum of J'J over the samples into matrix."),
    WITH_KEYWORDS("update_grid", core_model_update_grid,
                  "update_grid(x, n, avoid_singularities, y_th, margin=0.0, curvature=False)\n--\n\nMove the knots to the samples."),
    WITH_KEYWORDS("refine", core_model_refine,
                  "refine(grid, x, n, avoid_singularities, y_th)\n--\n\nA Model of the same function on another grid."),
    WITH_KEYWORDS("initialize_from", core_model_initialize_from,
                  "initialize_from(parent, x, n, avoid_singularities, y_th)\n--\n\nTake the function of another Model."),
    WITH_KEYWORDS("fit", core_model_fit,
                  "fit(train, test, options, objective, avoid_singularities, y_th, poll, step, loss, train_loss, "
                  "test_loss, reg)\n--\n\nTrain; a dict of how it ended."),
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(model_doc,
             "Model(*, dtype, base_fun, n_sum, n_mult, mult_arity, grid, k, noise_scale, scale_base_mu, "
             "scale_base_sigma, grid_eps, grid_range, affine_trainable, sp_trainable, sb_trainable, sparse_init, "
             "symbolic_enabled, seed)\n--\n\nOne network. Its buffer is its whole state, and writable.");

static PyType_Slot model_slots[] = {
    {Py_tp_doc, (void *)model_doc},
    {Py_tp_new, (void *)model_new},
    {Py_tp_dealloc, (void *)model_dealloc},
    {Py_tp_methods, (void *)model_methods},
    {Py_bf_getbuffer, (void *)model_getbuffer},
    {0, NULL},
};

PyType_Spec core_model_spec = {
    .name = "swiftkan._core.Model",
    .basicsize = sizeof(Model),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = model_slots,
};
