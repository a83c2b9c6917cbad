/* The registers, and the three layers of a unit. Part of kernels.h. */

#define el ELEMENT

#if LANES == 16
#define vf __m512
#define PIXELS_WIDE 6    /* times 4 registers of results */
#define PIXELS_NARROW 12 /* times 2 */
#define PIXELS_ONE 24
#define WIDE 4
INLINE vf NAME(max0)(vf a) { return _mm512_max_ps(a, _mm512_setzero_ps()); }
INLINE vf NAME(fma)(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
INLINE vf NAME(min)(vf a, vf b) { return _mm512_min_ps(a, b); }
INLINE vf NAME(all)(float a) { return _mm512_set1_ps(a); }
INLINE vf NAME(loadf)(const float *p) { return _mm512_loadu_ps(p); }
INLINE void NAME(storef)(float *p, vf a) { _mm512_storeu_ps(p, a); }
#elif LANES == 4
typedef float NAME(four) __attribute__((vector_size(16)));
#define vf NAME(four)
/* Four pixels by two registers: engines of WebAssembly keep 8 sums and what they load in 15 registers, no more. */
#define PIXELS_WIDE 4
#define PIXELS_NARROW 4
#define PIXELS_ONE 6
#define WIDE 2
INLINE vf NAME(all)(float a) { return (vf){a, a, a, a}; }
#ifdef __wasm__
INLINE vf NAME(max0)(vf a) { return __builtin_wasm_pmax_f32x4(NAME(all)(0), a); }
INLINE vf NAME(min)(vf a, vf b) { return __builtin_wasm_pmin_f32x4(a, b); }
#else
INLINE vf NAME(max0)(vf a) { return __builtin_elementwise_max(a, NAME(all)(0)); }
INLINE vf NAME(min)(vf a, vf b) { return __builtin_elementwise_min(a, b); }
#endif
#ifndef __wasm__
INLINE vf NAME(fma)(vf a, vf b, vf c) { return __builtin_elementwise_fma(a, b, c); }
#elif defined __wasm_relaxed_simd__
INLINE vf NAME(fma)(vf a, vf b, vf c) { return __builtin_wasm_relaxed_madd_f32x4(a, b, c); }
#else
INLINE vf NAME(fma)(vf a, vf b, vf c) { return a * b + c; }
#endif
INLINE vf NAME(loadf)(const float *p) {
    vf a;
    __builtin_memcpy(&a, p, sizeof a);
    return a;
}
INLINE void NAME(storef)(float *p, vf a) { __builtin_memcpy(p, &a, sizeof a); }
#else
#define vf __m256
#define PIXELS_WIDE 6
#define PIXELS_NARROW 6
#define PIXELS_ONE 12
#define WIDE 2
INLINE vf NAME(max0)(vf a) { return _mm256_max_ps(a, _mm256_setzero_ps()); }
INLINE vf NAME(fma)(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
INLINE vf NAME(min)(vf a, vf b) { return _mm256_min_ps(a, b); }
INLINE vf NAME(all)(float a) { return _mm256_set1_ps(a); }
INLINE vf NAME(loadf)(const float *p) { return _mm256_loadu_ps(p); }
INLINE void NAME(storef)(float *p, vf a) { _mm256_storeu_ps(p, a); }
#endif

#ifdef HALF
#define COPY NAME(store2)(copy + at, v, w) /* what is done with the results v and w, once more as elements */
#define STEP 2 /* products an instruction takes along K */
INLINE vf NAME(weights)(const el *p) { return (vf)_mm512_loadu_si512(p); }
INLINE vf NAME(product)(vf sum, vf weights, const el *x) {
    int32_t pair;
    __builtin_memcpy(&pair, x, 4);
    return _mm512_dpbf16_ps(sum, (__m512bh)weights, (__m512bh)_mm512_set1_epi32(pair));
}
/* Two registers as 32 elements side by side. */
INLINE void NAME(store2)(el *p, vf a, vf b) { _mm512_storeu_si512(p, (__m512i)_mm512_cvtne2ps_pbh(b, a)); }
/* 32 elements as two registers: those at even places, those at odd ones. So channels inside a unit change their
   order at each layer, and the weights are packed in that order. */
INLINE void NAME(load2)(const el *p, vf *even, vf *odd) {
    __m512i both = _mm512_loadu_si512(p);
    *even = (vf)_mm512_slli_epi32(both, 16);
    *odd = (vf)_mm512_and_si512(both, _mm512_set1_epi32((int)0xffff0000));
}
INLINE vf NAME(load)(const el *p) {
    return (vf)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)p)), 16);
}
#else
#define COPY (void)copy
#define STEP 1
INLINE vf NAME(weights)(const el *p) { return NAME(loadf)(p); }
INLINE vf NAME(product)(vf sum, vf weights, const el *x) { return NAME(fma)(weights, NAME(all)(*x), sum); }
INLINE void NAME(store2)(el *p, vf a, vf b) { NAME(storef)(p, a), NAME(storef)(p + LANES, b); }
INLINE void NAME(load2)(const el *p, vf *a, vf *b) { *a = NAME(loadf)(p), *b = NAME(loadf)(p + LANES); }
INLINE vf NAME(load)(const el *p) { return NAME(loadf)(p); }
#endif

/* Groups of `step` pixels of a row; the last one overlaps the one before, rather than pixels alone. */
#define ROW(step, MANY, ONE)                                      \
    {                                                             \
        ptrdiff_t i = 0;                                          \
        if (width < step)                                         \
            for (; i < width; i++) ONE                            \
        else                                                      \
            for (; i < width; i += step) {                        \
                if (i + step > width) i = width - step;           \
                MANY                                              \
            }                                                     \
    }

/* P pixels of a 1x1 convolution, K -> N: R registers of results from column n on. */
#define MIX(P, R, DONE)                                                                                         \
    {                                                                                                           \
        vf sum[P][R];                                                                                           \
        UNROLL for (int p = 0; p < P; p++) UNROLL for (int r = 0; r < R; r++) sum[p][r] = NAME(all)(0);         \
        for (int k = 0; k < K / STEP; k++) {                                                                    \
            vf b[R];                                                                                            \
            UNROLL for (int r = 0; r < R; r++) b[r] =                                                           \
                NAME(weights)(weights + ((ptrdiff_t)k * N + n + r * LANES) * STEP);                             \
            UNROLL for (int p = 0; p < P; p++) UNROLL for (int r = 0; r < R; r++) sum[p][r] =                   \
                NAME(product)(sum[p][r], b[r], x + (i + p) * K + k * STEP);                                     \
        }                                                                                                       \
        UNROLL for (int p = 0; p < P; p++) UNROLL for (int r = 0; r < R; r += 2) {                              \
            ptrdiff_t at = (i + p) * N + n + r * LANES;                                                         \
            vf v = sum[p][r], w = sum[p][r + 1];                                                                \
            DONE;                                                                                               \
        }                                                                                                       \
    }

/* The widening of a unit, positive part. */
INLINE void NAME(expand)(const el *x, ptrdiff_t width, const el *weights, el *out, int K, int N) {
#define DONE NAME(store2)(out + at, NAME(max0)(v), NAME(max0)(w))
    for (int n = 0; n < N; n += WIDE * LANES) ROW(PIXELS_WIDE, MIX(PIXELS_WIDE, WIDE, DONE), MIX(1, WIDE, DONE))
#undef DONE
}

/* The narrowing of a unit, added to its input; float, and once more as elements where those are others. */
INLINE void NAME(project)(const el *x, ptrdiff_t width, const el *weights, const float *input, float *out, el *copy,
                          int K, int N) {
#define DONE                                  \
    v = v + NAME(loadf)(input + at);          \
    w = w + NAME(loadf)(input + at + LANES);  \
    NAME(storef)(out + at, v);                \
    NAME(storef)(out + at + LANES, w);        \
    COPY
    for (int n = 0; n < N; n += 2 * LANES) ROW(PIXELS_NARROW, MIX(PIXELS_NARROW, 2, DONE), MIX(1, 2, DONE))
#undef DONE
}

/* A row of 3x3 filters, one for each channel, positive part. Rows have a pixel of zeros on both sides. */
#if LANES == 16
INLINE void NAME(depthwise)(const el *above, const el *here, const el *below, ptrdiff_t width, const float *weights,
                            el *out, int E) {
    for (int c = 0; c < E; c += 2 * LANES) {
        const el *rows[3] = {above + c - E, here + c - E, below + c - E};
        vf w[2][9], done[2], begun[2]; /* sums of the pixel at hand, of the next one */
        UNROLL for (int s = 0; s < 2; s++) {
            UNROLL for (int k = 0; k < 9; k++) w[s][k] = NAME(loadf)(weights + k * E + c + s * LANES);
            done[s] = begun[s] = NAME(all)(0);
        }
        UNROLL for (int r = 0; r < 3; r++) {
            vf a[2], b[2];
            NAME(load2)(rows[r], a, a + 1);
            NAME(load2)(rows[r] + E, b, b + 1);
            UNROLL for (int s = 0; s < 2; s++) {
                done[s] = NAME(fma)(b[s], w[s][3 * r + 1], NAME(fma)(a[s], w[s][3 * r], done[s]));
                begun[s] = NAME(fma)(b[s], w[s][3 * r], begun[s]);
            }
        }
        for (ptrdiff_t i = 0; i < width; i++) {
            vf a[3][2], then[2];
            UNROLL for (int r = 0; r < 3; r++) NAME(load2)(rows[r] + (i + 2) * E, a[r], a[r] + 1);
            UNROLL for (int s = 0; s < 2; s++) {
                UNROLL for (int r = 0; r < 3; r++) {
                    done[s] = NAME(fma)(a[r][s], w[s][3 * r + 2], done[s]);
                    begun[s] = NAME(fma)(a[r][s], w[s][3 * r + 1], begun[s]);
                    then[s] = r ? NAME(fma)(a[r][s], w[s][3 * r], then[s]) : (vf)(a[r][s] * w[s][3 * r]);
                }
            }
            NAME(store2)(out + i * E + c, NAME(max0)(done[0]), NAME(max0)(done[1]));
            UNROLL for (int s = 0; s < 2; s++) done[s] = begun[s], begun[s] = then[s];
        }
    }
}
#else
INLINE void NAME(depthwise)(const el *above, const el *here, const el *below, ptrdiff_t width, const float *weights,
                            el *out, int E) {
    for (int c = 0; c < E; c += LANES) {
        const el *rows[3] = {above + c - E, here + c - E, below + c - E};
        vf w[9], done = NAME(all)(0), begun = done;
        UNROLL for (int k = 0; k < 9; k++) w[k] = NAME(loadf)(weights + k * E + c);
        UNROLL for (int r = 0; r < 3; r++) {
            vf a = NAME(loadf)(rows[r]), b = NAME(loadf)(rows[r] + E);
            done = NAME(fma)(b, w[3 * r + 1], NAME(fma)(a, w[3 * r], done));
            begun = NAME(fma)(b, w[3 * r], begun);
        }
        for (ptrdiff_t i = 0; i < width; i++) {
            vf then = NAME(all)(0);
            UNROLL for (int r = 0; r < 3; r++) {
                vf a = NAME(loadf)(rows[r] + (i + 2) * E);
                done = NAME(fma)(a, w[3 * r + 2], done);
                begun = NAME(fma)(a, w[3 * r + 1], begun);
                then = NAME(fma)(a, w[3 * r], then);
            }
            NAME(storef)(out + i * E + c, NAME(max0)(done));
            done = begun, begun = then;
        }
    }
}
#endif
