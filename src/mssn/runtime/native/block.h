/* A cascading block, row by row, and the picture it starts from. Part of kernels.h. */

/* A row of the head, 3x3 from the picture; `rgb` is the first value above to the left. Nine values a row are taken
   `STEP` at a time, a tenth one times 0. */
#define HEAD(P, DONE)                                                                                           \
    {                                                                                                           \
        vf sum[P][2];                                                                                           \
        UNROLL for (int p = 0; p < P; p++) UNROLL for (int r = 0; r < 2; r++) sum[p][r] =                       \
            NAME(loadf)(bias + n + r * LANES);                                                                  \
        for (int y = 0; y < 3; y++)                                                                             \
            for (int k = 0; k < (8 + STEP) / STEP; k++) {                                                       \
                const el *from = rgb + y * stride + 3 * i + k * STEP;                                           \
                const el *at = head + ((ptrdiff_t)(y * ((8 + STEP) / STEP) + k) * C + n) * STEP;                \
                vf b[2];                                                                                        \
                UNROLL for (int r = 0; r < 2; r++) b[r] = NAME(weights)(at + r * LANES * STEP);                 \
                UNROLL for (int p = 0; p < P; p++) UNROLL for (int r = 0; r < 2; r++) sum[p][r] =               \
                    NAME(product)(sum[p][r], b[r], from + 3 * p);                                               \
            }                                                                                                   \
        UNROLL for (int p = 0; p < P; p++) {                                                                    \
            ptrdiff_t at = (i + p) * C + n;                                                                     \
            vf v = sum[p][0], w = sum[p][1];                                                                    \
            DONE;                                                                                               \
        }                                                                                                       \
    }

INLINE void NAME(head)(const el *rgb, ptrdiff_t stride, ptrdiff_t width, const el *head, const float *bias,
                       const float *add, float *out, el *copy, int C) {
#define DONE                                                                        \
    if (add) v = v + NAME(loadf)(add + at), w = w + NAME(loadf)(add + at + LANES);  \
    if (out) NAME(storef)(out + at, v), NAME(storef)(out + at + LANES, w);          \
    COPY
    for (int n = 0; n < C; n += 2 * LANES) ROW(PIXELS_NARROW, HEAD(PIXELS_NARROW, DONE), HEAD(1, DONE))
#undef DONE
}

/* A stored row: as floats, and as elements where those are others. */
INLINE void NAME(take)(const el *in, ptrdiff_t length, float *x, el *copy) {
    for (ptrdiff_t i = 0; i < length; i += LANES) NAME(storef)(x + i, NAME(load)(in + i));
#ifdef HALF
    __builtin_memcpy(copy, in, length * sizeof(el));
#else
    (void)copy;
#endif
}

INLINE void NAME(zero)(void *p, ptrdiff_t bytes) { __builtin_memset(p, 0, bytes); }

/* What a block has in hand of one strip. */
typedef struct {
    const Block *block;
    ptrdiff_t rows, width;           /* of the strip, what is computed in vain at its rims included */
    ptrdiff_t begin, end, skip, keep; /* rows to write; columns to leave out, to write */
    const el *rgb;                   /* the picture above to the left of the strip's first pixel */
    ptrdiff_t rgb_stride, out_stride;
    el *out;                         /* where the strip's first pixel would be written */
    float *x;                        /* of each unit: its input, two rows (the newest and the one before) */
    el *copy, *wide, *filtered;      /* that input as elements, one row; expanded, three rows; one row */
    ptrdiff_t columns;               /* room of a row */
} NAME(Strip);
#define Strip NAME(Strip)

/* Give unit `unit` row `row` of its input, which lies in `x`; row == rows: nothing follows. */
#define FEED(C, E)                                                                                              \
    static void NAME(feed_##C##_##E)(const Strip *s, int unit, ptrdiff_t row) {                                 \
        const Block *b = s->block;                                                                              \
        ptrdiff_t width = s->width, room = s->columns;                                                          \
        float *x = s->x + (ptrdiff_t)unit * 2 * room * C;                                                       \
        el *copy = s->copy + (ptrdiff_t)unit * room * C;                                                        \
        if (unit == b->units) {                                                                                 \
            if (row < s->begin || row >= s->end) return;                                                        \
            const el *rgb = s->rgb + row * s->rgb_stride + 3 * s->skip;                                         \
            el *out = s->out + row * s->out_stride + s->skip * C;                                               \
            const float *sum = x + (row & 1) * room * C + s->skip * C;                                          \
            NAME(head)(rgb, s->rgb_stride, s->keep, b->last, b->last_bias, sum, NAME(floats)(out), out, C);     \
            return;                                                                                             \
        }                                                                                                       \
        const char *packed = (const char *)b->weights;                                                          \
        packed += (ptrdiff_t)unit * (2 * C * E * sizeof(el) + 9 * E * sizeof(float));                           \
        const el *expand = (const el *)packed, *project = (const el *)(packed + C * E * sizeof(el) + 9 * E * 4); \
        const float *depthwise = (const float *)(packed + C * E * sizeof(el));                                  \
        ptrdiff_t line = (room + 2) * E;                                                                        \
        el *wide = s->wide + unit * 3 * line + E, *new = wide + (row % 3) * line;                               \
        if (row == 0) NAME(zero)(wide + 2 * line - E, (width + 2) * E * sizeof(el));                            \
        if (row < s->rows) NAME(expand)(NAME(source)(x + (row & 1) * room * C, copy), width, expand, new, C, E); \
        else NAME(zero)(new, width * E * sizeof(el));                                                           \
        NAME(zero)(new - E, E * sizeof(el));                                                                    \
        NAME(zero)(new + width * E, E * sizeof(el));                                                            \
        if (row == 0) return;                                                                                   \
        el *above = wide + ((row + 1) % 3) * line, *here = wide + ((row + 2) % 3) * line;                       \
        NAME(depthwise)(above, here, new, width, depthwise, s->filtered, E);                                    \
        ptrdiff_t half = ((row - 1) & 1) * room * C;                                                            \
        NAME(project)(s->filtered, width, project, x + half, x + 2 * room * C + half, copy + room * C, E, C);   \
        NAME(feed_##C##_##E)(s, unit + 1, row - 1);                                                             \
        if (row == s->rows && unit + 1 < b->units) NAME(feed_##C##_##E)(s, unit + 1, row);                      \
    }
#ifdef HALF
INLINE float *NAME(floats)(el *p) { return (void)p, (float *)0; }
INLINE const el *NAME(source)(const float *x, const el *copy) { return (void)x, copy; }
#else
INLINE float *NAME(floats)(el *p) { return p; }
INLINE const el *NAME(source)(const float *x, const el *copy) { return (void)copy, x; }
#endif
FEED(32, 64)
FEED(64, 128)
FEED(64, 256)

/* Rows [first, last) of a picture, `bytes` or `floats`, H x W x 3, less the mean and with a frame of two pixels of
   zeros; `copy`, where it is not null: the same as elements. */
void NAME(frame)(const uint8_t *bytes, const float *floats, const float *mean, ptrdiff_t height, ptrdiff_t width,
                 ptrdiff_t first, ptrdiff_t last, float *out, el *copy) {
    ptrdiff_t line = 3 * (width + 4), from = first ? first + 2 : 0, to = last == height ? height + 4 : last + 2;
    for (ptrdiff_t row = from; row < to; row++) {
        float *to = out + row * line;
        if (row < 2 || row >= height + 2) NAME(zero)(to, line * sizeof(float));
        else {
            ptrdiff_t at = (row - 2) * width * 3;
            NAME(zero)(to, 6 * sizeof(float));
            NAME(zero)(to + 6 + 3 * width, 6 * sizeof(float));
            for (ptrdiff_t i = 0; i < width; i++)
                for (int c = 0; c < 3; c++) {
                    ptrdiff_t k = at + 3 * i + c;
                    to[6 + 3 * i + c] = (bytes ? bytes[k] / 255.0f : floats[k]) - mean[c];
                }
        }
#ifdef HALF
        ptrdiff_t i = 0;
        for (; i + 2 * LANES <= line; i += 2 * LANES)
            NAME(store2)(copy + row * line + i, NAME(loadf)(to + i), NAME(loadf)(to + i + LANES));
        for (; i < line; i++) { /* nearest, as above */
            uint32_t bits;
            __builtin_memcpy(&bits, to + i, 4);
            copy[row * line + i] = (el)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
        }
#else
        (void)copy;
#endif
    }
}

/* Bytes of memory that `block` needs to work in. */
ptrdiff_t NAME(room)(const Block *b) {
    ptrdiff_t columns = STRIP + 2 * b->units, C = b->channels, E = b->expanded;
    ptrdiff_t one = 2 * columns * C * 4 + columns * C * sizeof(el) + 3 * (columns + 2) * E * sizeof(el);
    return (b->units + 1) * one + columns * E * sizeof(el) + 64;
}

/* Rows [first, last) of a block's result. `in`, `out`: H x W x C with a frame of one pixel; `rgb`: H x W x 3
   as `frame` makes it; `memory`: `room` bytes. */
void NAME(block)(const Block *b, const el *in, el *out, const el *rgb, ptrdiff_t height, ptrdiff_t width,
                 ptrdiff_t first, ptrdiff_t last, void *memory) {
    ptrdiff_t C = b->channels, E = b->expanded, U = b->units, room = STRIP + 2 * U;
    Strip s;
    s.block = b;
    s.rgb_stride = (width + 4) * 3, s.out_stride = (width + 2) * C, s.columns = room;
    s.x = memory;
    s.copy = (el *)(s.x + (U + 1) * 2 * room * C);
    s.wide = s.copy + (U + 1) * room * C;
    s.filtered = s.wide + U * 3 * (room + 2) * E;
    ptrdiff_t top = first < U ? 0 : first - U, bottom = last + U > height ? height : last + U;
    /* The frame of the result. */
    if (first == 0) NAME(zero)(out, s.out_stride * sizeof(el));
    if (last == height) NAME(zero)(out + (height + 1) * s.out_stride, s.out_stride * sizeof(el));
    for (ptrdiff_t row = first + 1; row <= last; row++) {
        NAME(zero)(out + row * s.out_stride, C * sizeof(el));
        NAME(zero)(out + row * s.out_stride + (width + 1) * C, C * sizeof(el));
    }
    ptrdiff_t strips = (width + STRIP - 1) / STRIP;
    for (ptrdiff_t k = 0; k < strips; k++) {
        ptrdiff_t begin = width * k / strips, end = width * (k + 1) / strips;
        ptrdiff_t left = begin < U ? 0 : begin - U, right = end + U > width ? width : end + U;
        s.rows = bottom - top, s.width = right - left;
        s.begin = first - top, s.end = last - top, s.skip = begin - left, s.keep = end - begin;
        s.rgb = rgb + (top + 1) * s.rgb_stride + 3 * (left + 1);
        ptrdiff_t at = (top + 1) * s.out_stride + (left + 1) * C;
        s.out = out + at;
        for (ptrdiff_t row = 0; row <= s.rows; row++) {
            float *x = s.x + (row & 1) * room * C;
            if (row < s.rows && b->first)
                NAME(head)(s.rgb + row * s.rgb_stride, s.rgb_stride, s.width, b->first, b->first_bias, NULL, x, s.copy,
                           C);
            else if (row < s.rows)
                NAME(take)(in + at + row * s.out_stride, s.width * C, x, s.copy);
            if (C == 32) NAME(feed_32_64)(&s, 0, row);
            else if (E == 128) NAME(feed_64_128)(&s, 0, row);
            else NAME(feed_64_256)(&s, 0, row);
        }
    }
}
