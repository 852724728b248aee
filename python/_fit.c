/*
 * _fit.c: Model.fit: options, callbacks and results of training.
 *
 * What it must get right first: training runs without the GIL, and its callbacks, on the same thread, take it for as long
 * as they touch Python. An exception in a callback (KeyboardInterrupt is one: poll looks for signals) cancels the training
 * and stays set until fit returns; no further Python code runs in between. What a callback is given are copies that Python
 * owns, so that an array kept beyond the callback is never a view of freed memory.
 */
#include "_core.h"

#include <stddef.h>

/* ---- Options ----------------------------------------------------------------------------------------------- */

/* The scalar fields of swiftkan_fit_options, by their names. kind: 'i' int32, 'u' uint32, 'q' int64, 'd' double. */
typedef struct {
  const char *name;
  char kind;
  size_t offset;
} Field;

#define FIELD(name, kind) {#name, kind, offsetof(swiftkan_fit_options, name)}

static const Field fields[] = {
    FIELD(optimizer, 'i'),       FIELD(update_grid, 'i'),      FIELD(steps, 'q'),
    FIELD(batch, 'q'),           FIELD(epochs, 'i'),           FIELD(seed, 'u'),
    FIELD(grid_update_num, 'q'), FIELD(start_grid_update_step, 'q'), FIELD(stop_grid_update_step, 'q'),
    FIELD(grid_margin, 'd'),     FIELD(grid_curvature, 'i'), FIELD(continued, 'i'),
    FIELD(lr, 'd'),              FIELD(beta1, 'd'),            FIELD(beta2, 'd'),
    FIELD(eps, 'd'),             FIELD(weight_decay, 'd'),     FIELD(momentum, 'd'),
    FIELD(history_size, 'q'),    FIELD(max_iter, 'q'),         FIELD(max_eval, 'q'),
    FIELD(tolerance_grad, 'd'),  FIELD(tolerance_change, 'd'), FIELD(tolerance_ys, 'd'),
    FIELD(patience, 'q'),        FIELD(min_delta, 'd'),
};

enum { FIELD_COUNT = sizeof fields / sizeof fields[0] };

static int set_field(swiftkan_fit_options *options, const Field *field, PyObject *value)
{
  char *address = (char *)options + field->offset;
  if (field->kind == 'd') {
    double number = PyFloat_AsDouble(value);
    if (number == -1.0 && PyErr_Occurred() != NULL)
      return -1;
    memcpy(address, &number, sizeof number);
    return 0;
  }

  int overflow = 0;
  long long integer = PyLong_AsLongLongAndOverflow(value, &overflow); /* takes bool and numpy.int64, refuses 2.5 */
  if (integer == -1 && PyErr_Occurred() != NULL)
    return -1;
  long long low = INT64_MIN, high = INT64_MAX;
  if (field->kind == 'i') {
    low = INT32_MIN;
    high = INT32_MAX;
  } else if (field->kind == 'u') {
    low = 0;
    high = UINT32_MAX;
  }
  if (overflow != 0 || integer < low || integer > high) {
    PyErr_Format(PyExc_ValueError, "options['%s'] is %R; it must be from %lld to %lld", field->name, value, low, high);
    return -1;
  }
  if (field->kind == 'q') {
    int64_t number = integer;
    memcpy(address, &number, sizeof number);
  } else {
    uint32_t number = (uint32_t)integer; /* two's complement: the bits of the int32_t, too */
    memcpy(address, &number, sizeof number);
  }
  return 0;
}

/* Says which key of the dict is not an option. */
static void refuse_unknown(PyObject *dict)
{
  PyObject *key, *value;
  Py_ssize_t position = 0;
  while (PyDict_Next(dict, &position, &key, &value)) {
    int known = PyUnicode_Check(key) && PyUnicode_CompareWithASCIIString(key, "lr_factor") == 0;
    for (size_t i = 0; i < FIELD_COUNT && !known; i++)
      known = PyUnicode_Check(key) && PyUnicode_CompareWithASCIIString(key, fields[i].name) == 0;
    if (!known) {
      PyErr_Format(PyExc_ValueError, "options has an unknown key %R", key);
      return;
    }
  }
  PyErr_SetString(PyExc_ValueError, "options changed while it was read");
}

/* Reads the dict; *lr_factor receives the buffer that options->lr_factor points into. */
static int read_options(PyObject *dict, swiftkan_fit_options *options, Py_buffer *lr_factor)
{
  swiftkan_fit_options_init(options);
  if (!PyDict_Check(dict)) {
    PyErr_Format(PyExc_TypeError, "options must be a dict, not %R", (PyObject *)Py_TYPE(dict));
    return -1;
  }
  Py_ssize_t used = 0;
  for (size_t i = 0; i < FIELD_COUNT; i++) {
    PyObject *value = PyDict_GetItemString(dict, fields[i].name);
    if (value == NULL)
      continue;
    Py_INCREF(value); /* its __float__ or __index__ may change the dict */
    int failed = set_field(options, &fields[i], value);
    Py_DECREF(value);
    if (failed) {
      if (PyErr_ExceptionMatches(PyExc_TypeError)) {
        PyErr_Clear();
        PyErr_Format(PyExc_TypeError, "options['%s'] must be %s", fields[i].name,
                     fields[i].kind == 'd' ? "a number" : "an integer");
      }
      return -1;
    }
    used++;
  }
  if (options->steps < 0) {
    PyErr_Format(PyExc_ValueError, "options['steps'] is %lld; it must be 0 or more", (long long)options->steps);
    return -1;
  }
  PyObject *factor = PyDict_GetItemString(dict, "lr_factor");
  if (factor != NULL) {
    Py_INCREF(factor);
    int failed = core_buffer(factor, lr_factor, "options['lr_factor']", 'd', CORE_READ | CORE_OPTIONAL, options->steps);
    Py_DECREF(factor);
    if (failed)
      return -1;
    options->lr_factor = lr_factor->buf;
    used++;
  }
  if (used != PyDict_Size(dict)) {
    refuse_unknown(dict);
    return -1;
  }
  return 0;
}

/* ---- Callbacks --------------------------------------------------------------------------------------------- */

typedef struct {
  PyThreadState *thread; /* saved while training runs without the GIL */
  PyObject *poll, *step, *loss; /* borrowed from fit's arguments; NULL for None */
  int64_t outputs;
  Py_ssize_t scalar_size;
  const char *scalar_format;
  int failed; /* an exception is set */
} Context;

/* Every callback begins with enter and ends with leave. After a failure no Python code runs, the exception stays. */
static int enter(Context *context)
{
  if (context->failed)
    return 0;
  PyEval_RestoreThread(context->thread);
  return 1;
}

static int32_t leave(Context *context, int32_t answer)
{
  context->failed = answer == SWIFTKAN_CANCEL;
  context->thread = PyEval_SaveThread();
  return answer;
}

/* What a callback's result (stolen; NULL after an exception) means: true stops. */
static int32_t answer_of(PyObject *result)
{
  int truth = result != NULL ? PyObject_IsTrue(result) : -1;
  Py_XDECREF(result);
  return truth < 0 ? SWIFTKAN_CANCEL : truth ? SWIFTKAN_STOP : SWIFTKAN_CONTINUE;
}

static int32_t on_poll(void *pointer, const swiftkan_progress *progress)
{
  (void)progress;
  Context *context = pointer;
  if (!enter(context))
    return SWIFTKAN_CANCEL;
  int32_t answer = PyErr_CheckSignals() < 0 ? SWIFTKAN_CANCEL : SWIFTKAN_CONTINUE;
  if (answer == SWIFTKAN_CONTINUE && context->poll != NULL)
    answer = answer_of(PyObject_CallNoArgs(context->poll));
  return leave(context, answer);
}

static int32_t on_step(void *pointer, const swiftkan_progress *progress)
{
  Context *context = pointer;
  if (!enter(context))
    return SWIFTKAN_CANCEL;
  return leave(context, answer_of(PyObject_CallFunction(context->step, "LLddd", (long long)progress->step,
                                                        (long long)progress->steps, progress->train_loss,
                                                        progress->test_loss, progress->reg)));
}

/* A memoryview of `owner` (stolen, may be NULL) as elements `format`, of shape (rows, columns), or (rows) if columns is 0. */
static PyObject *shaped_view(PyObject *owner, const char *format, int64_t rows, int64_t columns)
{
  PyObject *bytes = owner != NULL ? PyMemoryView_FromObject(owner) : NULL;
  Py_XDECREF(owner);
  if (bytes == NULL)
    return NULL;
  PyObject *view = columns > 0 ? PyObject_CallMethod(bytes, "cast", "s(LL)", format, (long long)rows, (long long)columns)
                               : PyObject_CallMethod(bytes, "cast", "s", format);
  Py_DECREF(bytes);
  return view;
}

static int32_t on_loss(void *pointer, int32_t is_test, const void *prediction, const int64_t *index, int64_t rows,
                       double *value, void *grad)
{
  Context *context = pointer;
  if (!enter(context))
    return SWIFTKAN_CANCEL;

  int32_t answer = SWIFTKAN_CANCEL;
  const Py_ssize_t size = (Py_ssize_t)(rows * context->outputs) * context->scalar_size; /* exists in memory */
  PyObject *index_view = NULL, *grad_bytes = NULL, *grad_view = NULL, *result = NULL;
  PyObject *prediction_view = shaped_view(PyBytes_FromStringAndSize(prediction, size), context->scalar_format, rows,
                                          context->outputs);
  if (prediction_view == NULL)
    goto done;
  if (index != NULL)
    index_view = shaped_view(PyBytes_FromStringAndSize((const char *)index, (Py_ssize_t)rows * 8), "q", rows, 0);
  else
    index_view = Py_NewRef(Py_None);
  if (index_view == NULL)
    goto done;
  if (grad != NULL) {
    grad_bytes = PyByteArray_FromStringAndSize(NULL, size);
    if (grad_bytes == NULL)
      goto done;
    memset(PyByteArray_AsString(grad_bytes), 0, (size_t)size);
    grad_view = shaped_view(Py_NewRef(grad_bytes), context->scalar_format, rows, context->outputs);
  } else {
    grad_view = Py_NewRef(Py_None);
  }
  if (grad_view == NULL)
    goto done;

  result = PyObject_CallFunction(context->loss, "OOOLO", is_test ? Py_True : Py_False, prediction_view, index_view,
                                 (long long)rows, grad_view);
  if (result == NULL)
    goto done;
  *value = PyFloat_AsDouble(result);
  if (*value == -1.0 && PyErr_Occurred() != NULL)
    goto done;
  if (grad != NULL) {
    if (PyByteArray_Size(grad_bytes) != size) { /* released and resized by the callback */
      PyErr_SetString(PyExc_ValueError, "loss changed the size of grad; it may only fill it");
      goto done;
    }
    memcpy(grad, PyByteArray_AsString(grad_bytes), (size_t)size);
  }
  answer = SWIFTKAN_CONTINUE;

done:
  Py_XDECREF(result);
  Py_XDECREF(grad_view);
  Py_XDECREF(grad_bytes);
  Py_XDECREF(index_view);
  Py_XDECREF(prediction_view);
  return leave(context, answer);
}

static int take_callable(PyObject *object, const char *name, PyObject **callable)
{
  *callable = object == Py_None ? NULL : object;
  if (*callable == NULL || PyCallable_Check(object))
    return 0;
  PyErr_Format(PyExc_TypeError, "%s must be callable or None, not %R", name, (PyObject *)Py_TYPE(object));
  return -1;
}

/* ---- Training ---------------------------------------------------------------------------------------------- */

/* Reads a tuple (n, x, y, labels, weight). */
static int read_samples(const Model *self, Samples *samples, const char *where, PyObject *tuple)
{
  PyObject *x, *y, *labels, *weight;
  long long n;
  if (!PyTuple_Check(tuple)) {
    PyErr_Format(PyExc_TypeError, "%s must be a tuple (n, x, y, labels, weight), not %R", where,
                 (PyObject *)Py_TYPE(tuple));
    return -1;
  }
  if (!PyArg_ParseTuple(tuple, "LOOOO;train and test must be (n, x, y, labels, weight)", &n, &x, &y, &labels, &weight))
    return -1;
  char prefix[16];
  PyOS_snprintf(prefix, sizeof prefix, "%s ", where);
  return core_samples(self, samples, prefix, n, x, y, labels, weight);
}

PyObject *core_model_fit(PyObject *object, PyObject *args, PyObject *keywords)
{
  static char *names[] = {"train", "test", "options", "objective", "avoid_singularities", "y_th", "poll",
                          "step",  "loss", "train_loss", "test_loss", "reg", NULL};
  Model *self = (Model *)object;
  PyObject *train_tuple, *test_tuple, *dict, *objective, *poll, *step, *loss, *history[3];
  int avoid;
  double y_th;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "OOOOpdOOOOOO:fit", names, &train_tuple, &test_tuple, &dict, &objective,
                                   &avoid, &y_th, &poll, &step, &loss, &history[0], &history[1], &history[2]))
    return NULL;

  static const char *const history_names[3] = {"train_loss", "test_loss", "reg"};
  PyObject *result = NULL;
  Samples train = {0}, test = {0};
  Py_buffer views[4] = {{0}}; /* lr_factor and the three histories */
  swiftkan_fit_options options;
  Context context = {.outputs = self->info.output_count, .scalar_size = self->stride, .scalar_format = self->format};
  if (take_callable(poll, "poll", &context.poll) < 0 || take_callable(step, "step", &context.step) < 0 ||
      take_callable(loss, "loss", &context.loss) < 0)
    return NULL;
  if (read_options(dict, &options, &views[0]) < 0 || core_objective(objective, &options.objective) < 0 ||
      read_samples(self, &train, "train", train_tuple) < 0)
    goto done;
  if (test_tuple != Py_None && read_samples(self, &test, "test", test_tuple) < 0)
    goto done;
  for (int i = 0; i < 3; i++)
    if (core_buffer(history[i], &views[1 + i], history_names[i], 'd', CORE_WRITE, options.steps) < 0)
      goto done;
  options.evaluation = core_evaluation(avoid, y_th, 0);

  const swiftkan_callbacks callbacks = {.context = &context,
                                        .poll = on_poll,
                                        .step = context.step != NULL ? on_step : NULL,
                                        .loss = context.loss != NULL ? on_loss : NULL};
  swiftkan_fit_report report = {.train_loss = views[1].buf, .test_loss = views[2].buf, .reg = views[3].buf};
  char message[SWIFTKAN_MESSAGE_SIZE] = "";
  context.thread = PyEval_SaveThread();
  swiftkan_status status = swiftkan_fit(self->handle, &train.data, test_tuple != Py_None ? &test.data : NULL, &options,
                                        &callbacks, &report, message);
  PyEval_RestoreThread(context.thread);

  if (context.failed) { /* the callback's exception is set; it comes before that of a symbolic function */
    core_drop_pending();
    goto done;
  }
  if (core_raise_pending() < 0)
    goto done;
  if (status != SWIFTKAN_CANCELLED && status != SWIFTKAN_DIVERGED && core_check(status, message) < 0)
    goto done;
  result = Py_BuildValue("{s:i,s:N,s:L,s:L,s:L,s:i}", "status", (int)status, "message", core_message(message), "steps",
                         (long long)report.steps, "best_step", (long long)report.best_step, "evaluations",
                         (long long)report.evaluations, "reason", (int)report.reason);

done:
  core_release(views, 4);
  core_release(test.views, 4);
  core_release(train.views, 4);
  return result;
}
