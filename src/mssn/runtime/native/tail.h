/* The last layers: features and picture to pixels. Part of kernels.h. */

/* P pixels of the last layers: one register of results from column n on. */
#define LAST(P)                                                                                                 \
    {                                                                                                           \
        vf sum[P];                                                                                              \
        UNROLL for (int p = 0; p < P; p++) sum[p] = NAME(loadf)(t->picture + 75 * N + n);                       \
        for (int y = 0; y < 3; y++)                                                                             \
            for (int k = 0; k < 3 * C / STEP; k++) {                                                            \
                ptrdiff_t from = (ptrdiff_t)(y * 3 * C / STEP + k) * N + n;                                     \
                vf b = NAME(weights)((const el *)t->features + from * STEP);                                    \
                UNROLL for (int p = 0; p < P; p++) sum[p] =                                                     \
                    NAME(product)(sum[p], b, x + y * line + (i + p) * C + k * STEP);                            \
            }                                                                                                   \
        for (int y = 0; y < 5; y++)                                                                             \
            for (int k = 0; k < 15; k++) {                                                                      \
                vf b = NAME(loadf)(t->picture + (15 * y + k) * N + n);                                          \
                const float *at = picture + y * picture_line + 3 * i + k;                                       \
                UNROLL for (int p = 0; p < P; p++) sum[p] = NAME(fma)(b, NAME(all)(at[3 * p]), sum[p]);         \
            }                                                                                                   \
        UNROLL for (int p = 0; p < P; p++) NAME(storef)(results + (i + p) * N + n, sum[p]);                     \
    }

/* Results as levels, rounded half up; each `run` of a pixel goes to a row of its own. */
INLINE void NAME(write)(float *results, ptrdiff_t count, int N, int run, int scale, uint8_t *out, ptrdiff_t large) {
    uint8_t levels[(10 * PIXELS_ONE + PIXELS_ONE) * 48];
    for (ptrdiff_t i = 0; i < count * N; i += LANES) {
        vf v = NAME(loadf)(results + i) * NAME(all)(255);
        NAME(storef)(results + i, NAME(min)(NAME(max0)(v + NAME(all)(0.5f)), NAME(all)(255)));
    }
    for (ptrdiff_t i = 0; i < count * N; i++) levels[i] = (uint8_t)(int32_t)results[i];
    for (int y = 0; y < scale; y++)
        for (ptrdiff_t i = 0; i < count; i++) {
            const uint8_t *from = levels + i * N + y * run;
            uint8_t *to = out + y * large + i * run;
            if (run == 6) __builtin_memcpy(to, from, 6);
            else if (run == 9) __builtin_memcpy(to, from, 9);
            else __builtin_memcpy(to, from, 12);
        }
}

/* Rows [first, last) of the picture, `bytes` or `floats`: scale*H x scale*W x 3. */
void NAME(tail)(const Tail *t, const el *in, const float *rgb, ptrdiff_t whole, ptrdiff_t first,
                ptrdiff_t last, uint8_t *bytes, float *floats) {
    enum { PART = 10 * PIXELS_ONE };
    int C = t->channels, N = t->outputs, run = 3 * t->scale;
    ptrdiff_t line = (whole + 2) * C, picture_line = (whole + 4) * 3;
    float results[(PART + PIXELS_ONE) * 48];
    for (ptrdiff_t row = first; row < last; row++)
        for (ptrdiff_t begin = 0; begin < whole; begin += PART) {
            ptrdiff_t count = begin + PART > whole ? whole - begin : PART, width = count;
            const el *x = in + row * line + begin * C;
            const float *picture = rgb + row * picture_line + 3 * begin;
            for (int n = 0; n < N; n += LANES) ROW(PIXELS_ONE, LAST(PIXELS_ONE), LAST(1))
            ptrdiff_t large = run * whole;
            if (floats)
                for (ptrdiff_t i = 0; i < count; i++)
                    for (int y = 0; y < t->scale; y++)
                        __builtin_memcpy(floats + (row * t->scale + y) * large + (begin + i) * run,
                                         results + i * N + y * run, run * sizeof(float));
            else
                NAME(write)(results, count, N, run, t->scale, bytes + row * t->scale * large + begin * run, large);
        }
}
