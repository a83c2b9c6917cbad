/* The cascading blocks and the tail of an MSSN for x86-64, once for each set of instructions, or for WebAssembly.

   Nothing here allocates, starts threads or needs a C library. `mssn/runtime/native/` calls it: it packs the
   weights, gives the memory, and divides the rows of a picture among threads. In a browser `web/src/network/` does.

   A block is computed row by row: a row of its input passes all units before the next one is read, so that
   what lies between two layers, two thirds of all memory traffic, never leaves the processor's caches. */

#ifdef __x86_64__
#include <immintrin.h>
#endif
#include <stddef.h>
#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLL _Pragma("unroll")
#define TARGET_BEGIN(isa) _Pragma(TEXT(clang attribute push(__attribute__((target(isa))), apply_to = function)))
#define TARGET_END _Pragma("clang attribute pop")
#else
#define UNROLL _Pragma("GCC unroll 32")
#define TARGET_BEGIN(isa) _Pragma("GCC push_options") _Pragma(TEXT(GCC target(isa)))
#define TARGET_END _Pragma("GCC pop_options")
#endif
#define TEXT(...) #__VA_ARGS__

enum { STRIP = 320 }; /* columns at a time: the rows that a block has in hand stay in the processor's caches */

/* How sums become the levels 0..255 that a unit of int8 takes: x * steps + zero, rounded. Of levels, x * own + rest
   is what the unit adds its result to: levels of the next unit, or sums where it is a block's last. */
typedef struct {
    float steps, zero, own, rest;
} Levels;

/* One cascading block and the share of the source that joins its result. */
typedef struct {
    int32_t channels, expanded, units;
    int32_t levels;          /* of int8: whether its input and the sums of its units are levels, not floats */
    const void *weights;     /* of each unit: expand C x E, depthwise 9 x E float, project E x C; packed. Or `Unit` */
    const void *first, *last; /* heads, packed rows of 9 values x C; `first` makes the input, else null */
    const float *first_bias, *last_bias;
    const Levels *next;      /* of int8: what makes levels of the result; null: it stays floats */
} Block;

/* The last layers: 3x3 from the features, 5x5 from the picture. */
typedef struct {
    int32_t channels, scale, outputs; /* outputs: 3 * scale * scale, rounded up to 16 */
    const void *features;             /* 9 * C x outputs, packed */
    const float *picture;             /* 76 x outputs: 25 pixels x RGB, bias */
} Tail;

typedef uint16_t bf16;

/* A unit of int8. Weights of four inputs, or of the three rows of a filter and a 0, lie side by side. Channels of
   `expand`, `start`, `expanded`, `depthwise` and `filtered` are in the order of registers, see `mixed` of whole.h. */
#define UNIT(C, E)              \
    typedef struct {            \
        Levels levels;          \
        int8_t expand[C * E];   \
        int32_t start[E];       \
        float expanded[E];      \
        int8_t depthwise[12 * E]; \
        float filtered[E];      \
        int8_t project[E * C];  \
        float projected[C];     \
    } Unit_##C##_##E;
UNIT(32, 64)
UNIT(64, 128)
UNIT(64, 256)

#define JOIN(a, b) JOIN_(a, b)
#define JOIN_(a, b) a##b

#ifdef __x86_64__
#define LANES 16
TARGET_BEGIN("avx512f,avx512bw,avx512vl,avx512dq,fma,avx2")
#define NAME(x) JOIN(x, _avx512)
#define ELEMENT float
#include "kernels.h"
#undef NAME
#undef ELEMENT
TARGET_END

TARGET_BEGIN("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,avx2")
#define NAME(x) JOIN(x, _int8_avx512vnni)
#define FLOAT(x) JOIN(x, _avx512)
#include "int8.h"
#undef NAME
#undef FLOAT
TARGET_END

TARGET_BEGIN("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma,avx2")
#define NAME(x) JOIN(x, _avx512bf16)
#define ELEMENT bf16
#define HALF 1
#include "kernels.h"
#undef NAME
#undef ELEMENT
#undef HALF
TARGET_END
#undef LANES

#define LANES 8
TARGET_BEGIN("avx2,fma")
#define NAME(x) JOIN(x, _avx2)
#define ELEMENT float
#include "kernels.h"
#undef NAME
TARGET_END

#define FLOAT(x) JOIN(x, _avx2)
TARGET_BEGIN("avx2,fma,avxvnni")
#define NAME(x) JOIN(x, _int8_avxvnni)
#define DOT(sum, bytes, weights) _mm256_dpbusd_avx_epi32(sum, bytes, weights)
#include "int8.h"
#undef NAME
#undef DOT
TARGET_END

TARGET_BEGIN("avx2,fma")
#define NAME(x) JOIN(x, _int8_avx2)
/* Two products fit 16 bits together, for weights have 7 bits. */
#define DOT(sum, bytes, weights) \
    _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(bytes, weights), _mm256_set1_epi16(1)))
#include "int8.h"
TARGET_END

#include <cpuid.h>

/* What this processor and its system know: 0 none of the above, 1 avx2, 2 avxvnni, 3 avx512, 4 avx512vnni, 5
   avx512bf16, too. */
int32_t mssn_instructions(void) {
    uint32_t a, b, c, d, more, rest, low, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_FMA) || !(c & bit_OSXSAVE)) return 0;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    if ((low & 0x6) != 0x6 || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & bit_AVX2)) return 0;
    if (!__get_cpuid_count(7, 1, &more, &rest, &rest, &rest)) more = 0;
    uint32_t wanted = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31; /* AVX512 F, DQ, BW, VL */
    if ((low & 0xe6) != 0xe6 || (b & wanted) != wanted) return more & 1u << 4 ? 2 : 1; /* AVX-VNNI */
    if (!(c & 1u << 11)) return 3; /* AVX512 VNNI */
    return more & 1u << 5 ? 5 : 4; /* AVX512 BF16 */
}

#else /* by vectors of the compiler */
#define LANES 4
#define NAME(x) JOIN(x, _v128)
#define ELEMENT float
#include "kernels.h"
#endif
