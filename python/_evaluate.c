/*
 * _evaluate.c: the methods of Model that give values: outputs, activations, statistics.
 *
 * What it must get right: each method reads its arguments, takes its buffers with the counts that n and the network
 * ask for, makes one C call without the GIL, and releases the buffers on every path. Shapes, as in swiftkan.h: n
 * samples, D inputs, O outputs.
 */
#include "_core.h"

swiftkan_evaluation core_evaluation(int avoid_singularities, double y_th, long long n)
{
  const int can_be_long = n > 64; /* the others are spared the cost */
  swiftkan_evaluation evaluation = {avoid_singularities, 0, y_th, can_be_long ? core_poll : NULL, NULL};
  return evaluation;
}

int core_begin(Call *call, const Model *self, PyObject *x, long long n, int avoid_singularities, double y_th)
{
  int64_t count;
  memset(call, 0, sizeof *call);
  call->evaluation = core_evaluation(avoid_singularities, y_th, n);
  if (core_product(n, self->info.input_count, "n", &count) < 0)
    return -1;
  return core_buffer(x, &call->views[0], "x", self->format[0], CORE_READ, count);
}

int core_end(Call *call)
{
  const int failed = !call->made || core_check(call->status, call->message) < 0;
  core_release(call->views, 4);
  return failed ? -1 : 0;
}

PyObject *core_end_none(Call *call)
{
  if (core_end(call) < 0)
    return NULL;
  Py_RETURN_NONE;
}

PyObject *core_model_forward(PyObject *object, PyObject *args, PyObject *keywords)
{
  static char *names[] = {"x", "y", "avoid_singularities", "y_th", NULL};
  Model *self = (Model *)object;
  PyObject *x, *y;
  int avoid;
  double y_th;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "OOpd:forward", names, &x, &y, &avoid, &y_th))
    return NULL;

  /* The number of samples is known from y alone. */
  Py_buffer view = {0};
  const int64_t outputs = self->info.output_count;
  if (core_buffer(y, &view, "y", self->format[0], CORE_WRITE, -1) < 0)
    return NULL;
  const int64_t items = core_items(&view), n = items / outputs;
  if (n * outputs != items) {
    core_release(&view, 1);
    PyErr_Format(PyExc_ValueError, "y has %lld elements; it must have a multiple of %lld, the outputs", (long long)items,
                 (long long)outputs);
    return NULL;
  }
  Call call;
  const int ready = core_begin(&call, self, x, n, avoid, y_th) == 0;
  call.views[1] = view;
  if (ready)
    CORE_CALL(call, swiftkan_forward(self->handle, call.views[0].buf, n, &call.evaluation, view.buf, call.message));
  return core_end_none(&call);
}

/* The number of scalars that an activation of layer l has; checked as far as the count needs it. */
static int activation_count(const Model *self, int kind, long long l, int64_t n, int64_t *count)
{
  const int64_t depth = self->info.depth;
  if (kind < SWIFTKAN_ACTS || kind > SWIFTKAN_POSTACTS_SYMBOLIC) {
    PyErr_Format(PyExc_ValueError, "kind is %d; it must be from 0 to %d", kind, (int)SWIFTKAN_POSTACTS_SYMBOLIC);
    return -1;
  }
  const int64_t last = kind == SWIFTKAN_ACTS ? depth : depth - 1;
  if (l < 0 || l > last) {
    PyErr_Format(PyExc_ValueError, "l is %lld; it must be from 0 to %lld", l, (long long)last);
    return -1;
  }
  if (kind == SWIFTKAN_ACTS && l == depth)
    return core_product(n, self->info.output_count, "n", count);

  /* The layer's sizes are in the shape (out, in) of its block "symbolic_fun.l.mask". */
  char wanted[48], message[SWIFTKAN_MESSAGE_SIZE] = "";
  PyOS_snprintf(wanted, sizeof wanted, "symbolic_fun.%lld.mask", l);
  swiftkan_block block;
  swiftkan_status status = SWIFTKAN_OK;
  int found = 0;
  Py_BEGIN_ALLOW_THREADS
  for (int64_t i = 0; i < self->info.block_count && status == SWIFTKAN_OK && !found; i++) {
    status = swiftkan_block_get(self->handle, i, &block, message);
    found = status == SWIFTKAN_OK && strcmp(block.name, wanted) == 0 && block.ndim == 2;
  }
  Py_END_ALLOW_THREADS
  if (core_check(status, message) < 0)
    return -1;
  if (!found) {
    PyErr_Format(PyExc_RuntimeError, "the model has no block %s; please report this error of swiftkan", wanted);
    return -1;
  }
  const int64_t out = block.shape[0], in = block.shape[1];
  switch (kind) {
  case SWIFTKAN_ACTS: return core_product(n, in, "n", count);
  case SWIFTKAN_ACTS_PREMULT: return core_product(n, out, "n", count);
  default: return core_product(n, out * in, "n", count); /* out·in scalars exist, so their number does */
  }
}

PyObject *core_model_activations(PyObject *object, PyObject *args, PyObject *keywords)
{
  static char *names[] = {"x", "n", "kind", "l", "out", "avoid_singularities", "y_th", NULL};
  Model *self = (Model *)object;
  PyObject *x, *out;
  long long n, l;
  int kind, avoid;
  double y_th;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "OLiLOpd:activations", names, &x, &n, &kind, &l, &out, &avoid, &y_th))
    return NULL;

  Call call;
  int64_t count;
  if (core_begin(&call, self, x, n, avoid, y_th) == 0 && activation_count(self, kind, l, n, &count) == 0 &&
      core_buffer(out, &call.views[1], "out", self->format[0], CORE_WRITE, count) == 0)
    CORE_CALL(call, swiftkan_activations(self->handle, call.views[0].buf, n, &call.evaluation, kind, l, call.views[1].buf,
                                         call.message));
  return core_end_none(&call);
}

PyObject *core_model_statistics(PyObject *object, PyObject *args, PyObject *keywords)
{
  static char *names[] = {"x", "n", "avoid_singularities", "y_th", "out", NULL};
  Model *self = (Model *)object;
  PyObject *x, *out;
  long long n;
  int avoid;
  double y_th;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "OLpdO:statistics", names, &x, &n, &avoid, &y_th, &out))
    return NULL;

  int64_t count;
  Py_BEGIN_ALLOW_THREADS
  count = swiftkan_statistics_count(self->handle);
  Py_END_ALLOW_THREADS
  Call call;
  if (core_begin(&call, self, x, n, avoid, y_th) == 0 && core_buffer(out, &call.views[1], "out", 'd', CORE_WRITE, count) == 0)
    CORE_CALL(call, swiftkan_statistics(self->handle, call.views[0].buf, n, &call.evaluation, call.views[1].buf,
                                        call.message));
  return core_end_none(&call);
}
