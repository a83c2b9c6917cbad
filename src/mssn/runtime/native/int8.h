/* A cascading block whose units compute in int8, row by row. Included by kernels.c once for each set of
   instructions that has VNNI. LANES: whole numbers in a register. FLOAT(x): the same set's kernels in float32.

   What goes into a convolution is bytes 0..255, four of which an instruction multiplies with four weights and
   adds up. Sums become floats, are multiplied by a factor for each channel, and rounded to the next bytes;
   that cuts off what is below 0, which is the positive part that a unit asks for. */

#include "whole.h"

/* Sums of P pixels of a 1x1 convolution, K -> N: R registers from column n on. Rows have room for the last group. */
#define SUMS(P, R, START)                                                                                       \
    vi sum[P][R];                                                                                               \
    UNROLL for (int p = 0; p < P; p++) UNROLL for (int r = 0; r < R; r++) sum[p][r] = START;                    \
    for (int k = 0; k < K / 4; k++) {                                                                           \
        vi b[R];                                                                                                \
        UNROLL for (int r = 0; r < R; r++) b[r] = NAME(loadi)(weights + ((ptrdiff_t)k * N + n + r * LANES) * 4);\
        UNROLL for (int p = 0; p < P; p++) {                                                                    \
            vi a = NAME(four)(x + (i + p) * K + 4 * k);                                                         \
            UNROLL for (int r = 0; r < R; r++) sum[p][r] = NAME(dot)(sum[p][r], a, b[r]);                       \
        }                                                                                                       \
    }

/* The widening of a unit. `start`: what makes up for the level that stands for 0. */
INLINE void NAME(expand)(const uint8_t *x, ptrdiff_t width, const int8_t *weights, const int32_t *start,
                         const float *factors, uint8_t *out, int K, int N) {
    for (int n = 0; n < N; n += 4 * LANES)
        for (ptrdiff_t i = 0; i < width; i += PIXELS) {
            SUMS(PIXELS, 4, NAME(loadi)(start + n + r * LANES))
            vf f[4];
            UNROLL for (int r = 0; r < 4; r++) f[r] = FLOAT(loadf)(factors + n + r * LANES);
            UNROLL for (int p = 0; p < PIXELS; p++) {
                vf v[4];
                UNROLL for (int r = 0; r < 4; r++) v[r] = NAME(floats)(sum[p][r]) * f[r];
                NAME(storei)(out + (i + p) * N + n, NAME(mixed)(v[0], v[1], v[2], v[3]));
            }
        }
}

/* A row of 3x3 filters, one for each channel. Rows have a pixel of zeros on both sides. */
INLINE void NAME(depthwise)(const uint8_t *above, const uint8_t *here, const uint8_t *below, ptrdiff_t width,
                            const int8_t *weights, const float *factors, uint8_t *out, int E) {
    for (int c = 0; c < E; c += 4 * LANES) {
        vi w[3][4], done[4], begun[4], v[4]; /* sums of the pixel at hand, of the next one */
        vf f[4];
        UNROLL for (int r = 0; r < 4; r++) {
            UNROLL for (int k = 0; k < 3; k++) w[k][r] = NAME(loadi)(weights + (k * E + c + r * LANES) * 4);
            f[r] = FLOAT(loadf)(factors + c + r * LANES);
        }
#define COLUMN(at) NAME(upright)(NAME(loadi)(above + (at)), NAME(loadi)(here + (at)), NAME(loadi)(below + (at)), v)
        COLUMN(c - E);
        UNROLL for (int r = 0; r < 4; r++) done[r] = NAME(dot)(NAME(zeros)(), v[r], w[0][r]);
        COLUMN(c);
        UNROLL for (int r = 0; r < 4; r++) {
            done[r] = NAME(dot)(done[r], v[r], w[1][r]);
            begun[r] = NAME(dot)(NAME(zeros)(), v[r], w[0][r]);
        }
        for (ptrdiff_t i = 0; i < width; i++) {
            vf result[4];
            COLUMN((i + 1) * E + c);
            UNROLL for (int r = 0; r < 4; r++) {
                result[r] = NAME(floats)(NAME(dot)(done[r], v[r], w[2][r])) * f[r];
                done[r] = NAME(dot)(begun[r], v[r], w[1][r]);
                begun[r] = NAME(dot)(NAME(zeros)(), v[r], w[0][r]);
            }
            NAME(storei)(out + i * E + c, NAME(mixed)(result[0], result[1], result[2], result[3]));
        }
#undef COLUMN
    }
}

/* The narrowing of a unit, added to its input: `bytes`, or `input` where sums are kept in float32. Out come
   `levels` where they are not null, and `sums` where they are not. */
#define PROJECT(P, R)                                                                                           \
    for (int n = 0; n < N; n += R * LANES)                                                                      \
        for (ptrdiff_t i = 0; i < width; i += P) {                                                              \
            SUMS(P, R, NAME(zeros)())                                                                           \
            vf f[R], v[P * R];                                                                                  \
            UNROLL for (int r = 0; r < R; r++) f[r] = FLOAT(loadf)(factors + n + r * LANES);                    \
            UNROLL for (int p = 0; p < P; p++) UNROLL for (int r = 0; r < R; r++) {                             \
                ptrdiff_t at = (i + p) * N + n + r * LANES;                                                     \
                vf before = input ? FLOAT(loadf)(input + at) : FLOAT(fma)(NAME(bytes)(bytes + at), own, rest);  \
                vf done = FLOAT(fma)(NAME(floats)(sum[p][r]), f[r], before);                                    \
                if (sums) FLOAT(storef)(sums + at, done);                                                       \
                v[p * R + r] = input ? FLOAT(fma)(done, steps, zero) : done;                                    \
            }                                                                                                   \
            if (levels)                                                                                         \
                UNROLL for (int q = 0; q < P * R; q += 4)                                                       \
                    NAME(storei)(levels + (i + q / R) * N + n, NAME(line)(v[q], v[q + 1], v[q + 2], v[q + 3])); \
        }

INLINE void NAME(project)(const uint8_t *x, ptrdiff_t width, const int8_t *weights, const float *factors,
                          const Levels *unit, const Levels *next, const uint8_t *bytes, const float *input,
                          uint8_t *levels, float *sums, int K, int N) {
    vf own = FLOAT(all)(unit->own), rest = FLOAT(all)(unit->rest);
    vf steps = FLOAT(all)(next->steps), zero = FLOAT(all)(next->zero);
    if (N == 2 * LANES) {
        PROJECT(2 * PIXELS, 2)
    } else {
        PROJECT(PIXELS, 4)
    }
}

/* A row of sums as levels. */
INLINE void NAME(levels)(const float *x, ptrdiff_t length, const Levels *unit, uint8_t *out) {
    vf steps = FLOAT(all)(unit->steps), zero = FLOAT(all)(unit->zero);
    for (ptrdiff_t i = 0; i < length; i += 4 * LANES) {
        vf v[4];
        UNROLL for (int r = 0; r < 4; r++) v[r] = FLOAT(fma)(FLOAT(loadf)(x + i + r * LANES), steps, zero);
        NAME(storei)(out + i, NAME(line)(v[0], v[1], v[2], v[3]));
    }
}

/* What a block has in hand of one strip. */
typedef struct {
    const Block *block;
    ptrdiff_t rows, width, begin, end, skip, keep; /* as in block.h */
    const float *rgb;
    ptrdiff_t rgb_stride, out_stride;
    char *out;                 /* where the strip's first pixel would be written: levels, or floats */
    float *x;                  /* of each unit: its input, two rows (the newest and the one before) */
    uint8_t *bytes;            /* the same as levels */
    uint8_t *wide, *filtered;  /* expanded, three rows; one row */
    ptrdiff_t columns;         /* room of a row */
} NAME(Strip);
#define Strip NAME(Strip)

#define INTO(...)                                                                                               \
    NAME(project)(s->filtered, width, unit->project, unit->projected, &unit->levels, &unit[more].levels, __VA_ARGS__)

/* Give unit `u` row `row` of its input; row == rows: nothing follows. */
#define FEED(C, E)                                                                                              \
    static void NAME(feed_##C##_##E)(const Strip *s, int u, ptrdiff_t row) {                                    \
        const Block *b = s->block;                                                                              \
        ptrdiff_t width = s->width, room = s->columns, line = (room + 2) * E;                                   \
        float *x = s->x + (ptrdiff_t)u * 2 * room * C;                                                          \
        uint8_t *bytes = s->bytes + (ptrdiff_t)u * 2 * room * C;                                                \
        if (u == b->units) {                                                                                    \
            if (row < s->begin || row >= s->end) return;                                                        \
            const float *sum = x + (row & 1) * room * C + s->skip * C;                                          \
            ptrdiff_t at = row * s->out_stride + s->skip * C;                                                   \
            float *out = b->next ? x + (~row & 1) * room * C : (float *)s->out + at;                            \
            FLOAT(head)(s->rgb + row * s->rgb_stride + 3 * s->skip, s->rgb_stride, s->keep, b->last,            \
                        b->last_bias, sum, out, NULL, C);                                                       \
            if (!b->next) return;                                                                               \
            NAME(levels)(out, s->keep * C, b->next, bytes);                                                     \
            __builtin_memcpy(s->out + at, bytes, s->keep * C);                                                  \
            return;                                                                                             \
        }                                                                                                       \
        const Unit_##C##_##E *unit = (const Unit_##C##_##E *)b->weights + u;                                    \
        uint8_t *wide = s->wide + u * 3 * line + E, *new = wide + (row % 3) * line;                             \
        if (row == 0) FLOAT(zero)(wide + 2 * line - E, (width + 2) * E);                                        \
        if (row < s->rows)                                                                                      \
            NAME(expand)(bytes + (row & 1) * room * C, width, unit->expand, unit->start, unit->expanded, new,   \
                         C, E);                                                                                 \
        else FLOAT(zero)(new, width * E);                                                                       \
        FLOAT(zero)(new - E, E);                                                                                \
        FLOAT(zero)(new + width * E, E);                                                                        \
        if (row == 0) return;                                                                                   \
        uint8_t *above = wide + ((row + 1) % 3) * line, *here = wide + ((row + 2) % 3) * line;                  \
        NAME(depthwise)(above, here, new, width, unit->depthwise, unit->filtered, s->filtered, E);              \
        ptrdiff_t half = ((row - 1) & 1) * room * C, then = 2 * room * C + half;                                \
        int more = u + 1 < b->units;                                                                            \
        if (b->levels && more) INTO(bytes + half, NULL, bytes + then, NULL, E, C);                              \
        else if (b->levels) INTO(bytes + half, NULL, NULL, x + then, E, C);                                     \
        else if (more) INTO(NULL, x + half, bytes + then, x + then, E, C);                                      \
        else INTO(NULL, x + half, NULL, x + then, E, C);                                                        \
        NAME(feed_##C##_##E)(s, u + 1, row - 1);                                                                \
        if (row == s->rows && more) NAME(feed_##C##_##E)(s, u + 1, row);                                        \
    }
FEED(32, 64)
FEED(64, 128)
FEED(64, 256)

/* Bytes of memory that `block` needs to work in. */
ptrdiff_t NAME(room)(const Block *b) {
    ptrdiff_t columns = STRIP + 2 * b->units + 2 * PIXELS, C = b->channels, E = b->expanded;
    return (b->units + 1) * (2 * columns * C * 5 + 3 * (columns + 2) * E) + columns * E + 256;
}

/* Rows [first, last) of a block's result. `in`, `out`: H x W x C, bytes or floats, with a frame of one pixel; `rgb`:
   H x W x 3 as `frame` makes it; `memory`: `room` bytes. */
void NAME(block)(const Block *b, const char *in, char *out, const float *rgb, ptrdiff_t height, ptrdiff_t width,
                 ptrdiff_t first, ptrdiff_t last, void *memory) {
    ptrdiff_t C = b->channels, E = b->expanded, U = b->units, room = STRIP + 2 * U + 2 * PIXELS;
    ptrdiff_t in_size = b->levels ? 1 : 4, out_size = b->next ? 1 : 4;
    const Levels *levels = b->weights;
    Strip s;
    s.block = b;
    s.rgb_stride = (width + 4) * 3, s.out_stride = (width + 2) * C, s.columns = room;
    s.x = (float *)((char *)memory + (-(uintptr_t)memory & 63));
    s.bytes = (uint8_t *)(s.x + (U + 1) * 2 * room * C);
    s.wide = s.bytes + (U + 1) * 2 * room * C;
    s.filtered = s.wide + U * 3 * (room + 2) * E;
    ptrdiff_t top = first < U ? 0 : first - U, bottom = last + U > height ? height : last + U;
    if (!b->next) { /* the frame of the result */
        if (first == 0) FLOAT(zero)(out, s.out_stride * 4);
        if (last == height) FLOAT(zero)(out + (height + 1) * s.out_stride * 4, s.out_stride * 4);
        for (ptrdiff_t row = first + 1; row <= last; row++) {
            FLOAT(zero)(out + row * s.out_stride * 4, C * 4);
            FLOAT(zero)(out + (row * s.out_stride + (width + 1) * C) * 4, C * 4);
        }
    }
    ptrdiff_t strips = (width + STRIP - 1) / STRIP;
    for (ptrdiff_t k = 0; k < strips; k++) {
        ptrdiff_t begin = width * k / strips, end = width * (k + 1) / strips;
        ptrdiff_t left = begin < U ? 0 : begin - U, right = end + U > width ? width : end + U;
        s.rows = bottom - top, s.width = right - left;
        s.begin = first - top, s.end = last - top, s.skip = begin - left, s.keep = end - begin;
        s.rgb = rgb + (top + 1) * s.rgb_stride + 3 * (left + 1);
        ptrdiff_t at = (top + 1) * s.out_stride + (left + 1) * C;
        s.out = out + at * out_size;
        for (ptrdiff_t row = 0; row <= s.rows; row++) {
            ptrdiff_t half = (row & 1) * room * C;
            const char *from = in + (at + row * s.out_stride) * in_size;
            if (row < s.rows && b->first)
                FLOAT(head)(s.rgb + row * s.rgb_stride, s.rgb_stride, s.width, b->first, b->first_bias, NULL,
                            s.x + half, NULL, C);
            else if (row < s.rows)
                __builtin_memcpy(b->levels ? (void *)(s.bytes + half) : s.x + half, from, s.width * C * in_size);
            if (row < s.rows && (b->first || !b->levels))
                NAME(levels)(s.x + half, s.width * C, levels, s.bytes + half);
            if (C == 32) NAME(feed_32_64)(&s, 0, row);
            else if (E == 128) NAME(feed_64_128)(&s, 0, row);
            else NAME(feed_64_256)(&s, 0, row);
        }
    }
}

#undef Strip
#undef vi
#undef vf
#undef PIXELS
#undef SUMS
#undef PROJECT
#undef INTO
#undef FEED
