/* The registers of whole numbers. Part of int8.h. */

#if LANES == 16
#define vi __m512i
#define vf __m512
#define PIXELS 6 /* times 4 registers of results */
INLINE vi NAME(dot)(vi sum, vi bytes, vi weights) { return _mm512_dpbusd_epi32(sum, bytes, weights); }
INLINE vi NAME(four)(const uint8_t *p) {
    int32_t four;
    __builtin_memcpy(&four, p, 4);
    return _mm512_set1_epi32(four);
}
INLINE vi NAME(loadi)(const void *p) { return _mm512_loadu_si512(p); }
INLINE void NAME(storei)(void *p, vi a) { _mm512_storeu_si512(p, a); }
INLINE vi NAME(zeros)(void) { return _mm512_setzero_si512(); }
INLINE vf NAME(floats)(vi a) { return _mm512_cvtepi32_ps(a); }
INLINE vf NAME(bytes)(const uint8_t *p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const void *)p)));
}
/* Four registers of floats as bytes, nearest; four values of each side by side, 16 to a part of 128 bits. */
INLINE vi NAME(mixed)(vf a, vf b, vf c, vf d) {
    return _mm512_packus_epi16(_mm512_packs_epi32(_mm512_cvtps_epi32(a), _mm512_cvtps_epi32(b)),
                               _mm512_packs_epi32(_mm512_cvtps_epi32(c), _mm512_cvtps_epi32(d)));
}
/* The same one register after another. */
INLINE vi NAME(line)(vf a, vf b, vf c, vf d) {
    vi order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_permutexvar_epi32(order, NAME(mixed)(a, b, c, d));
}
/* Bytes of three rows side by side, with a 0: what `mixed` takes back. */
INLINE void NAME(upright)(vi a, vi b, vi c, vi *out) {
    vi zero = NAME(zeros)();
    vi low = _mm512_unpacklo_epi8(a, b), high = _mm512_unpackhi_epi8(a, b);
    vi rest = _mm512_unpacklo_epi8(c, zero), last = _mm512_unpackhi_epi8(c, zero);
    out[0] = _mm512_unpacklo_epi16(low, rest), out[1] = _mm512_unpackhi_epi16(low, rest);
    out[2] = _mm512_unpacklo_epi16(high, last), out[3] = _mm512_unpackhi_epi16(high, last);
}
#else
#define vi __m256i
#define vf __m256
#define PIXELS 3
INLINE vi NAME(dot)(vi sum, vi bytes, vi weights) { return DOT(sum, bytes, weights); }
INLINE vi NAME(four)(const uint8_t *p) {
    int32_t four;
    __builtin_memcpy(&four, p, 4);
    return _mm256_set1_epi32(four);
}
INLINE vi NAME(loadi)(const void *p) { return _mm256_loadu_si256(p); }
INLINE void NAME(storei)(void *p, vi a) { _mm256_storeu_si256(p, a); }
INLINE vi NAME(zeros)(void) { return _mm256_setzero_si256(); }
INLINE vf NAME(floats)(vi a) { return _mm256_cvtepi32_ps(a); }
INLINE vf NAME(bytes)(const uint8_t *p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)p)));
}
INLINE vi NAME(mixed)(vf a, vf b, vf c, vf d) {
    return _mm256_packus_epi16(_mm256_packs_epi32(_mm256_cvtps_epi32(a), _mm256_cvtps_epi32(b)),
                               _mm256_packs_epi32(_mm256_cvtps_epi32(c), _mm256_cvtps_epi32(d)));
}
INLINE vi NAME(line)(vf a, vf b, vf c, vf d) {
    return _mm256_permutevar8x32_epi32(NAME(mixed)(a, b, c, d), _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}
INLINE void NAME(upright)(vi a, vi b, vi c, vi *out) {
    vi zero = NAME(zeros)();
    vi low = _mm256_unpacklo_epi8(a, b), high = _mm256_unpackhi_epi8(a, b);
    vi rest = _mm256_unpacklo_epi8(c, zero), last = _mm256_unpackhi_epi8(c, zero);
    out[0] = _mm256_unpacklo_epi16(low, rest), out[1] = _mm256_unpackhi_epi16(low, rest);
    out[2] = _mm256_unpacklo_epi16(high, last), out[3] = _mm256_unpackhi_epi16(high, last);
}
#endif
