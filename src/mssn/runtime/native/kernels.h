/* Included by kernels.c once for each set of instructions. LANES: floats in a register. ELEMENT: what features
   are stored in. HALF: it is bfloat16, and products are taken two at a time. */

#include "unit.h"

#include "block.h"

#include "tail.h"

#undef Strip
#undef el
#undef vf
#undef STEP
#undef COPY
#undef PIXELS_WIDE
#undef PIXELS_NARROW
#undef PIXELS_ONE
#undef WIDE
#undef MIX
#undef HEAD
#undef FEED
#undef LAST
#undef ROW
