/* The declarations are in include/clapack.h. */
#include "clapack.h"
