/*
 * _cpuid.c: the module swiftkan._cpuid, which says what instruction sets the processor and the system have, and for which of them
 * _core has a build.
 *
 * What it must get right: it runs on any processor, so it is compiled without any option that assumes one; and it counts an
 * instruction set only if the system saves its registers, which the compiler's builtin looks up.
 */
#define Py_LIMITED_API 0x030b0000
#include <Python.h>

PyDoc_STRVAR(level_doc, "level()\n--\n\n"
                        "The x86-64 level of this processor, 1 to 4 (x86-64 psABI, table 3.1); 0 on another kind.");

static PyObject *level(PyObject *module, PyObject *unused)
{
  (void)module;
  (void)unused;
  long found = 0;
#if defined(__x86_64__)
  __builtin_cpu_init();
  found = 1;
  if (__builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("ssse3"))
    found = 2;
  if (found == 2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
      __builtin_cpu_supports("bmi2"))
    found = 3;
  if (found == 3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    found = 4;
#endif
  return PyLong_FromLong(found);
}

#ifndef SWIFTKAN_BUILDS
#define SWIFTKAN_BUILDS "" /* setup.py says */
#endif

PyDoc_STRVAR(builds_doc, "builds()\n--\n\n"
                         "The instruction sets that _core has builds for, the oldest first, with spaces between; '' if there is one build only.");

static PyObject *builds(PyObject *module, PyObject *unused)
{
  (void)module;
  (void)unused;
  return PyUnicode_FromString(SWIFTKAN_BUILDS);
}

static PyMethodDef methods[] = {
    {"level", level, METH_NOARGS, level_doc}, {"builds", builds, METH_NOARGS, builds_doc}, {NULL, NULL, 0, NULL}};
static PyModuleDef_Slot slots[] = {{0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "swiftkan._cpuid", NULL, 0, methods, slots, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__cpuid(void) { return PyModuleDef_Init(&definition); }
