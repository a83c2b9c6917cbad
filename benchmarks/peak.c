/* How many multiply-adds a core can do at best: sixteen sums in registers, nothing read from memory. */

#include <immintrin.h>
#include <stdint.h>

#define PEAK(name, isa, type, start, step)                                        \
    __attribute__((target(isa))) float name(int64_t rounds) {                     \
        type sum[16];                                                             \
        for (int k = 0; k < 16; k++) sum[k] = start;                              \
        for (int64_t round = 0; round < rounds; round++) {                        \
            _Pragma("unroll") for (int k = 0; k < 16; k++) sum[k] = step(sum[k]); \
            __asm__ volatile("" : "+v"(sum[0]));                                  \
        }                                                                         \
        float all = 0;                                                            \
        for (int k = 0; k < 16; k++) all += ((float *)&sum[k])[0];                \
        return all;                                                               \
    }

#define ONES _mm512_set1_ps(1.0f)
#define FP32(a) _mm512_fmadd_ps(ONES, ONES, a)
#define BF16(a) _mm512_dpbf16_ps(a, (__m512bh)ONES, (__m512bh)ONES)
#define INT8(a) _mm512_dpbusd_epi32(a, _mm512_set1_epi8(1), _mm512_set1_epi8(1))

PEAK(fp32, "avx512f", __m512, ONES, FP32)
PEAK(bf16, "avx512f,avx512bf16", __m512, ONES, BF16)
PEAK(int8, "avx512f,avx512vnni", __m512i, _mm512_set1_epi32(1), INT8)
