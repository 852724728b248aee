/* The package manager wants a file to compile; all of it is in the header. */
#include "cvector.h"

typedef int swiftkan_cvector_is_a_header;
