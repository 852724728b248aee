/*
 * _core.h: what the C files of swiftkan._core share.
 *
 * The extension wraps swiftkan.h for CPython and adds nothing of its own: Python objects come in, are checked, go
 * through one C call without the GIL, and go out. What it must get right first:
 *   1. No argument, and no callback, crashes the interpreter: every buffer's type, layout, alignment and length is
 *      checked before its address is given away, and is held until the call has returned.
 *   2. The GIL is never held while a call waits for a model's lock, and always held where Python is touched.
 *   3. Every path gives back every reference and every buffer.
 * Only the stable ABI of Python 3.11 is used, and no header of NumPy: one build serves every later Python and any
 * NumPy, old or new, because both sides speak the buffer protocol.
 */
#ifndef SWIFTKAN_CORE_H
#define SWIFTKAN_CORE_H

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000
#include <Python.h>

#include <stdint.h>
#include <string.h>

#include "swiftkan.h"

/* ---- _core.c ----------------------------------------------------------------------------------------------- */

/* Sets the Python exception for a status that is an error and returns -1; returns 0 for OK. */
int core_check(swiftkan_status status, const char *message);

/* The engine's message as a str; bytes that are not UTF-8 are replaced. */
PyObject *core_message(const char *message);

/* ---- _symbolic.c ------------------------------------------------------------------------------------------- */

/* Raises the exception that a function written in Python left behind during this thread's call: -1, or 0 if there is none. */
int core_raise_pending(void);
void core_drop_pending(void);

/* For the engine's long calls: looks for signals, and for an exception in a function of the user's, which also ends the call. */
int32_t core_poll(void *context);

extern const char core_function_add_doc[], core_symbolic_fit_doc[];
PyObject *core_function_add(PyObject *module, PyObject *args, PyObject *keywords);
PyObject *core_symbolic_fit(PyObject *module, PyObject *args, PyObject *keywords);

/* ---- _buffer.c --------------------------------------------------------------------------------------------- */

enum { CORE_READ = 0, CORE_WRITE = 1, CORE_OPTIONAL = 2 }; /* CORE_OPTIONAL: None is allowed and gives view->buf NULL */

/*
 * Fills *view with the buffer of `object`: C-contiguous, aligned, of elements `format` ('d', 'f', or 'q' for int64), and
 * `count` of them unless count is negative. `name` is the argument's, for the exception. The caller releases the view, also
 * after a failure (it is empty then). Returns 0, or -1 with an exception.
 */
int core_buffer(PyObject *object, Py_buffer *view, const char *name, char format, int mode, int64_t count);

/* As core_buffer, for a buffer of either float type; *format receives 'd' or 'f'. */
int core_buffer_real(PyObject *object, Py_buffer *view, const char *name, char *format, int mode, int64_t count);

/* Releases `count` views; empty ones are allowed. */
void core_release(Py_buffer *views, int count);

/* The number of elements of a view. */
int64_t core_items(const Py_buffer *view);

/* *product = n * m; a negative n or an overflow is a ValueError that names n. */
int core_product(int64_t n, int64_t m, const char *name, int64_t *product);

/* An int64 array (PyMem_Free it) from a sequence of integers, its length in *count; NULL with an exception. */
int64_t *core_integers(PyObject *sequence, const char *name, int64_t *count);

/* ---- _model.c ---------------------------------------------------------------------------------------------- */

/* A network. The engine's state never moves, so a buffer that Python holds needs a reference and nothing else. */
typedef struct {
  PyObject_HEAD
  swiftkan_model *handle;
  swiftkan_info info;       /* what never changes during the model's life */
  Py_ssize_t shape, stride; /* of exported buffers, which point here */
  char format[2];           /* "d" or "f" */
} Model;

extern PyType_Spec core_model_spec;

/* A Model that owns `handle`; destroys it and returns NULL with an exception on failure. */
PyObject *core_model_wrap(PyTypeObject *type, swiftkan_model *handle);

/* ---- _evaluate.c, _gradient.c, _jacobian.c, _grid.c, _fit.c: the methods of Model that compute --------------------------- */

/*
 * A call of the engine with samples x. Every such method goes
 *   core_begin → core_buffer for its other arrays → CORE_CALL → core_end or core_end_none,
 * leaving out what comes before the end as soon as one step has failed.
 */
typedef struct {
  Py_buffer views[4]; /* x, and the others */
  swiftkan_evaluation evaluation;
  swiftkan_status status;
  int made; /* has the engine been called */
  char message[SWIFTKAN_MESSAGE_SIZE];
} Call;

/* Of a call with n samples: one with many can be interrupted. */
swiftkan_evaluation core_evaluation(int avoid_singularities, double y_th, long long n);

/* Empties *call and takes the buffer of x (n, D); -1 with an exception. core_end must follow in either case. */
int core_begin(Call *call, const Model *self, PyObject *x, long long n, int avoid_singularities, double y_th);

/* Calls the engine without the GIL. */
#define CORE_CALL(call, expression)                                                                                    \
  do {                                                                                                                 \
    Py_BEGIN_ALLOW_THREADS                                                                                             \
    (call).status = (expression);                                                                                      \
    Py_END_ALLOW_THREADS                                                                                               \
    (call).made = 1;                                                                                                   \
  } while (0)

/* Gives the buffers back: 0, or -1 with the exception of the step that failed. */
int core_end(Call *call);

/* The same, as a method's result: None, or NULL. */
PyObject *core_end_none(Call *call);

/* Samples (x, y or labels, weight) and the buffers they live in. */
typedef struct {
  swiftkan_data data;
  Py_buffer views[4];
} Samples;

/* Fills *samples from a call's arguments; `where` goes before the argument's name in messages. */
int core_samples(const Model *model, Samples *samples, const char *where, long long n, PyObject *x, PyObject *y,
                 PyObject *labels, PyObject *weight);

/* Reads (loss, reg_metric, huber_delta, lamb, lamb_l1, lamb_entropy, lamb_coef, lamb_coefdiff). */
int core_objective(PyObject *tuple, swiftkan_objective *objective);

typedef PyObject *(*core_method)(PyObject *self, PyObject *args, PyObject *keywords);
#define CORE_METHOD(function) ((PyCFunction)(void (*)(void))(core_method)(function))

PyObject *core_model_forward(PyObject *self, PyObject *args, PyObject *keywords);
PyObject *core_model_activations(PyObject *self, PyObject *args, PyObject *keywords);
PyObject *core_model_statistics(PyObject *self, PyObject *args, PyObject *keywords);
PyObject *core_model_loss_gradient(PyObject *self, PyObject *args, PyObject *keywords);
PyObject *core_model_vjp(PyObject *self, PyObject *args, PyObject *keywords);
PyObject *core_model_regularization(PyObject *self, PyObject *args, PyObject *keywords);
PyObject *core_model_parameter_columns(PyObject *self, PyObject *args, PyObject *keywords);
PyObject *core_model_parameter_jacobian(PyObject *self, PyObject *args, PyObject *keywords);
PyObject *core_model_normal_matrix(PyObject *self, PyObject *args, PyObject *keywords);
PyObject *core_model_update_grid(PyObject *self, PyObject *args, PyObject *keywords);
PyObject *core_model_refine(PyObject *self, PyObject *args, PyObject *keywords);
PyObject *core_model_initialize_from(PyObject *self, PyObject *args, PyObject *keywords);
PyObject *core_model_fit(PyObject *self, PyObject *args, PyObject *keywords);

#endif
