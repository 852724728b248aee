/* SwiftPM wants one source file in a C target; the interface is include/swiftkan.h, its functions are Swift. */
#include "swiftkan.h"
