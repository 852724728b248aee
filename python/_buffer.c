/*
 * _buffer.c: Python arguments to C arrays.
 *
 * What it must get right: an address leaves this file only after the element type, the layout, the alignment, the
 * writability and the number of elements have been checked; a message names the argument, what it was, and what is
 * allowed.
 */
#include "_core.h"

static const char *format_name(char format)
{
  switch (format) {
  case 'd': return "float64";
  case 'f': return "float32";
  default: return "int64";
  }
}

/* The kind of a buffer's elements: 'd', 'f', 'q', or 0 for any other. */
static char format_kind(const Py_buffer *view)
{
  const char *format = view->format;
  if (format == NULL)
    return 0;
  /* "@" and "=" are this machine's byte order; "<" is so on a little-endian one (ctypes writes it). */
  if (*format == '@' || *format == '=' || (*format == (PY_BIG_ENDIAN ? '>' : '<')))
    format++;
  if (format[0] == '\0' || format[1] != '\0')
    return 0;
  switch (*format) {
  case 'd': return view->itemsize == 8 ? 'd' : 0;
  case 'f': return view->itemsize == 4 ? 'f' : 0;
  case 'l': /* NumPy's int64 is "l" where long has 64 bits, "q" elsewhere */
  case 'q': return view->itemsize == 8 ? 'q' : 0;
  default: return 0;
  }
}

/* Takes the buffer and checks all but type and count. */
static int take(PyObject *object, Py_buffer *view, const char *name, int mode)
{
  if (!PyObject_CheckBuffer(object)) {
    PyErr_Format(PyExc_TypeError, "%s must be an array (an object with a buffer), not %R", name,
                 (PyObject *)Py_TYPE(object));
    return -1;
  }
  int flags = PyBUF_FORMAT | PyBUF_STRIDES | ((mode & CORE_WRITE) ? PyBUF_WRITABLE : 0);
  if (PyObject_GetBuffer(object, view, flags) < 0) {
    view->obj = NULL;
    /* An exporter's own words ("buffer source array is read-only") do not name the argument. */
    if (PyErr_ExceptionMatches(PyExc_BufferError) || PyErr_ExceptionMatches(PyExc_ValueError)) {
      PyErr_Clear();
      PyErr_Format(PyExc_ValueError, "%s must be a %sC-contiguous array", name,
                   (mode & CORE_WRITE) ? "writable, " : "");
    }
    return -1;
  }
  if (!PyBuffer_IsContiguous(view, 'C')) {
    PyErr_Format(PyExc_ValueError, "%s must be a C-contiguous array; this one has gaps or another order", name);
    return -1;
  }
  /* Only the elements' own alignment is asked for; an empty array has no element to align. */
  if (view->len > 0 && (uintptr_t)view->buf % (uintptr_t)view->itemsize != 0) {
    PyErr_Format(PyExc_ValueError, "%s must be an aligned array; its data begin at an address that is no multiple of %zd",
                 name, view->itemsize);
    return -1;
  }
  return 0;
}

static int check_count(const Py_buffer *view, const char *name, int64_t count)
{
  if (count < 0 || core_items(view) == count)
    return 0;
  PyErr_Format(PyExc_ValueError, "%s has %lld elements; it must have %lld", name, (long long)core_items(view),
               (long long)count);
  return -1;
}

int core_buffer(PyObject *object, Py_buffer *view, const char *name, char format, int mode, int64_t count)
{
  memset(view, 0, sizeof *view);
  if (object == Py_None && (mode & CORE_OPTIONAL))
    return 0;
  if (take(object, view, name, mode) < 0)
    goto failed;
  if (format_kind(view) != format) {
    PyErr_Format(PyExc_ValueError, "%s has elements of type '%s'; they must be %s ('%c')", name,
                 view->format != NULL ? view->format : "B", format_name(format), format);
    goto failed;
  }
  if (check_count(view, name, count) < 0)
    goto failed;
  return 0;

failed:
  core_release(view, 1);
  return -1;
}

int core_buffer_real(PyObject *object, Py_buffer *view, const char *name, char *format, int mode, int64_t count)
{
  memset(view, 0, sizeof *view);
  if (take(object, view, name, mode) < 0)
    goto failed;
  *format = format_kind(view);
  if (*format != 'd' && *format != 'f') {
    PyErr_Format(PyExc_ValueError, "%s has elements of type '%s'; they must be float64 ('d') or float32 ('f')", name,
                 view->format != NULL ? view->format : "B");
    goto failed;
  }
  if (check_count(view, name, count) < 0)
    goto failed;
  return 0;

failed:
  core_release(view, 1);
  return -1;
}

void core_release(Py_buffer *views, int count)
{
  for (int i = 0; i < count; i++) {
    if (views[i].obj != NULL)
      PyBuffer_Release(&views[i]);
    memset(&views[i], 0, sizeof views[i]);
  }
}

int64_t core_items(const Py_buffer *view)
{
  return view->itemsize > 0 ? (int64_t)(view->len / view->itemsize) : 0;
}

int core_product(int64_t n, int64_t m, const char *name, int64_t *product)
{
  if (n < 0) {
    PyErr_Format(PyExc_ValueError, "%s is %lld; it must be 0 or more", name, (long long)n);
    return -1;
  }
  if (__builtin_mul_overflow(n, m, product) || *product > PY_SSIZE_T_MAX / 8) {
    PyErr_Format(PyExc_ValueError, "%s is %lld; %lld times %lld elements are more than memory can hold", name, (long long)n,
                 (long long)n, (long long)m);
    return -1;
  }
  return 0;
}

int64_t *core_integers(PyObject *sequence, const char *name, int64_t *count)
{
  if (!PySequence_Check(sequence)) {
    PyErr_Format(PyExc_TypeError, "%s must be a sequence of integers, not %R", name, (PyObject *)Py_TYPE(sequence));
    return NULL;
  }
  Py_ssize_t size = PySequence_Size(sequence);
  if (size < 0)
    return NULL;
  int64_t *values = size > PY_SSIZE_T_MAX / 8 ? NULL : PyMem_Malloc(size > 0 ? (size_t)size * sizeof *values : 1);
  if (values == NULL) {
    PyErr_NoMemory();
    return NULL;
  }
  for (Py_ssize_t i = 0; i < size; i++) {
    PyObject *item = PySequence_GetItem(sequence, i);
    PyObject *integer = item != NULL ? PyNumber_Index(item) : NULL; /* refuses 2.5, takes numpy.int64 */
    if (integer == NULL && item != NULL && PyErr_ExceptionMatches(PyExc_TypeError)) {
      PyErr_Clear();
      PyErr_Format(PyExc_TypeError, "%s[%zd] is %R; it must be an integer", name, i, item);
    }
    int overflow = 0;
    values[i] = integer != NULL ? PyLong_AsLongLongAndOverflow(integer, &overflow) : -1;
    if (overflow != 0)
      PyErr_Format(PyExc_ValueError, "%s[%zd] is %R; it must fit into 64 bits", name, i, integer);
    Py_XDECREF(integer);
    Py_XDECREF(item);
    if (PyErr_Occurred() != NULL) {
      PyMem_Free(values);
      return NULL;
    }
  }
  *count = (int64_t)size;
  return values;
}
