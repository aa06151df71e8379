/* The trunk of the three-module transformer on a processor, in float32: forward, backward, cached decoding.

   The same arithmetic as `three_module.py`, whose PyTorch code is the reference that the tests hold this against. What
   it saves is not arithmetic but everything around it: at width 64 a layer's products take a fifth of the time that
   PyTorch's elementwise passes, copies and calls do. Sequences are packed, not padded; a block of them goes through all
   layers while its activations lie in the caches.

   Every sum is taken in one fixed order, so that results repeat bit by bit on one kind of processor. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__AVX512F__)
#define LANES 16
#define TILE_ROWS 6
#define TILE_VECS 4
#elif defined(__AVX__)
#define LANES 8
#define TILE_ROWS 4
#define TILE_VECS 2
#else
#define LANES 4
#define TILE_ROWS 4
#define TILE_VECS 4
#endif

typedef float vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef float eight __attribute__((vector_size(32), aligned(4), may_alias));
typedef int32_t ivec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

#define INLINE static inline __attribute__((always_inline))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define PADDED(n) (((n) + 15) / 16 * 16)

INLINE vec load(const float *p) { return *(const vec *)p; }
INLINE void store(float *p, vec x) { *(vec *)p = x; }
INLINE vec splat(float x) { return (vec){} + x; }
INLINE vec where(ivec mask, vec a, vec b) { return (vec)(((ivec)a & mask) | ((ivec)b & ~mask)); }
INLINE vec larger(vec a, vec b) { return where(a > b, a, b); } /* b where either is NaN */

typedef float half __attribute__((vector_size(2 * LANES), aligned(4), may_alias));

INLINE float sum_of(vec x) {
    half h = *(half *)&x + *((half *)&x + 1);
    float total = 0;
    for (int i = 0; i < LANES / 4; i++) total += h[i] + h[i + LANES / 4];
    return total;
}

INLINE float largest_of(vec x) {
    float *p = (float *)&x;
    for (int n = LANES / 2; n; n /= 2)
        for (int i = 0; i < n; i++) p[i] = MAX(p[i], p[i + n]);
    return p[0];
}

/* e^x for x at most 88, to about two units in the last place; 0 below -87; NaN of NaN. */
INLINE vec exp_of(vec x) {
    ivec tiny = x < -87.0f;
    x = larger(splat(-87.0f), x);
    vec shifted = x * 1.44269504f + 12582912.0f; /* 1.5 * 2^23: adding it rounds to a whole number */
    vec n = shifted - 12582912.0f;
    vec r = x - n * 0.693359375f + n * 2.12194440e-4f;
    vec p = splat(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    ivec exponent = (__builtin_convertvector(n, ivec) + 127) << 23;
    vec power = (vec)exponent;
    return where(tiny, splat(0.0f), p * power);
}

/* Transposes a square. */
INLINE void turn(vec t[LANES]) {
#if defined(__clang__)
    float from[LANES][LANES];
    memcpy(from, t, sizeof from);
    for (int i = 0; i < LANES; i++)
        for (int j = 0; j < LANES; j++) ((float *)&t[i])[j] = from[j][i];
#else
#pragma GCC unroll 4
    for (int s = LANES / 2; s; s /= 2) { /* squares of s by s change places, within ever smaller ones */
        ivec low, high;
        for (int l = 0; l < LANES; l++) {
            low[l] = l & s ? LANES + l - s : l;
            high[l] = l & s ? LANES + l : l + s;
        }
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++)
            if (!(i & s)) {
                vec a = t[i], b = t[i + s];
                t[i] = __builtin_shuffle(a, b, low);
                t[i + s] = __builtin_shuffle(a, b, high);
            }
    }
#endif
}

INLINE void load_turned(vec t[LANES], const float *rows, long step, long m) {
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++) t[i] = i < m ? load(rows + i * step) : splat(0);
    turn(t);
}

INLINE void store_turned(vec t[LANES], float *rows, long step, long m) {
    turn(t);
    for (int i = 0; i < m; i++) store(rows + i * step, t[i]);
}

/* Whether lane i counts among `first` and those after it. */
INLINE ivec from_lane(long first) {
    ivec lane;
    for (int i = 0; i < LANES; i++) lane[i] = i;
    return lane >= (int32_t)first;
}

/* ---- Products ---------------------------------------------------------------------------------------------------- */

/* c[rows, LANES * vecs] (+)= a b, with a[i, p] at a[i * ra + p * ca] and b[p, :] at b + p * ldb. */
INLINE void tile(const int rows, const int vecs, const float *a, long ra, long ca, const float *b, long ldb, float *c,
                 long ldc, long depth, int add) {
    vec sum[TILE_ROWS][TILE_VECS];
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 8
        for (int v = 0; v < vecs; v++) sum[i][v] = add ? load(c + i * ldc + v * LANES) : splat(0);
    for (long p = 0; p < depth; p++) {
        vec row[TILE_VECS];
#pragma GCC unroll 8
        for (int v = 0; v < vecs; v++) row[v] = load(b + p * ldb + v * LANES);
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++) {
            vec one = splat(a[i * ra + p * ca]);
#pragma GCC unroll 8
            for (int v = 0; v < vecs; v++) sum[i][v] += one * row[v];
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 8
        for (int v = 0; v < vecs; v++) store(c + i * ldc + v * LANES, sum[i][v]);
}

#define ROWS_CASES(vecs)                                                                            \
    switch (rows) {                                                                                 \
        case 1: tile(1, vecs, a, ra, ca, b, ldb, c, ldc, depth, add); break;                        \
        case 2: tile(2, vecs, a, ra, ca, b, ldb, c, ldc, depth, add); break;                        \
        case 3: tile(3, vecs, a, ra, ca, b, ldb, c, ldc, depth, add); break;                        \
        case 4: tile(4, vecs, a, ra, ca, b, ldb, c, ldc, depth, add); break;                        \
        case 5: tile(MIN(5, TILE_ROWS), vecs, a, ra, ca, b, ldb, c, ldc, depth, add); break;        \
        default: tile(TILE_ROWS, vecs, a, ra, ca, b, ldb, c, ldc, depth, add);                      \
    }

static void tile_of(int rows, int vecs, const float *a, long ra, long ca, const float *b, long ldb, float *c, long ldc,
                    long depth, int add) {
    switch (vecs) {
        case 1: ROWS_CASES(1) break;
        case 2: ROWS_CASES(2) break;
        case 3: ROWS_CASES(MIN(3, TILE_VECS)) break;
        default: ROWS_CASES(TILE_VECS)
    }
}

#define DEPTH 128 /* rows of b that are gone through at a time: they stay in the first cache */
#define COLUMNS (TILE_VECS * LANES)

/* c[m, n] (+)= a[m, k] b[k, n]; n is a multiple of LANES. */
static void product(const float *a, long ra, long ca, const float *b, long ldb, float *c, long ldc, long m, long n,
                    long k, int add) {
    for (long p = 0; p < k || p == 0; p += DEPTH, add = 1) {
        long depth = MIN(DEPTH, k - p);
        for (long j = 0; j < n; j += COLUMNS) {
            int vecs = (int)(MIN(COLUMNS, n - j) / LANES);
            for (long i = 0; i < m; i += TILE_ROWS)
                tile_of((int)MIN(TILE_ROWS, m - i), vecs, a + i * ra + p * ca, ra, ca, b + p * ldb + j, ldb,
                        c + i * ldc + j, ldc, depth, add);
        }
    }
}

/* ---- The network ------------------------------------------------------------------------------------------------ */

typedef struct {
    long width, layers, heads, key_heads, head, feed_forward, vocab;
    const float *cos, *sin; /* [context, head / 2] */
} Sizes;

/* Weights of a layer [out, in], and transposed [in, out]. */
typedef struct {
    const float *attention_norm, *qkv, *qkv_t, *out, *out_t, *feed_forward_norm, *up, *up_t, *down, *down_t;
} Layer;

typedef struct {
    const float *embedding, *norm;
    const Layer *layers;
} Weights;

INLINE long qkv_of(const Sizes *z) { return (z->heads + 2 * z->key_heads) * z->head; }
INLINE long mixed_of(const Sizes *z) { return z->heads * z->head; }

static float *floats(long n) {
    void *p = NULL;
    if (posix_memalign(&p, 64, (size_t)(MAX(n, 16) + 16) * sizeof(float))) abort();
    return p;
}

/* y = (x - mean) / deviation * gain for each of m rows; the mean and 1 / deviation of each go to stats [m, 2]. */
static void normalise(const float *x, const float *gain, float *y, float *stats, long m, long width) {
    for (long t = 0; t < m; t++, x += width, y += width) {
        vec sum = {}, squares = {};
        for (long i = 0; i < width; i += LANES) sum += load(x + i);
        float mean = sum_of(sum) / (float)width;
        for (long i = 0; i < width; i += LANES) {
            vec d = load(x + i) - mean;
            squares += d * d;
        }
        float inverse = 1.0f / sqrtf(sum_of(squares) / (float)width + 1e-5f);
        for (long i = 0; i < width; i += LANES) store(y + i, (load(x + i) - mean) * inverse * load(gain + i));
        if (stats) stats[2 * t] = mean, stats[2 * t + 1] = inverse;
    }
}

/* Adds the gradient of x to dx, and that of the gain to dgain. */
static void normalise_backward(const float *x, const float *gain, const float *stats, const float *dy, float *dx,
                               float *dgain, long m, long width) {
    for (long t = 0; t < m; t++, x += width, dy += width, dx += width) {
        float mean = stats[2 * t], inverse = stats[2 * t + 1];
        vec both = {}, with_x = {};
        for (long i = 0; i < width; i += LANES) {
            vec unit = (load(x + i) - mean) * inverse, d = load(dy + i);
            store(dgain + i, load(dgain + i) + d * unit);
            d *= load(gain + i);
            both += d;
            with_x += d * unit;
        }
        float a = sum_of(both) / (float)width, b = sum_of(with_x) / (float)width;
        for (long i = 0; i < width; i += LANES) {
            vec unit = (load(x + i) - mean) * inverse;
            store(dx + i, load(dx + i) + (load(dy + i) * load(gain + i) - a - unit * b) * inverse);
        }
    }
}

/* Turns queries and keys by their position, or back where `sign` is -1. */
static void rotate(const Sizes *z, float *qkv, const int32_t *positions, long m, float sign) {
    long across = z->head / 2, turned = z->heads + z->key_heads;
    for (long t = 0; t < m; t++, qkv += qkv_of(z)) {
        const float *cos = z->cos + positions[t] * across, *sin = z->sin + positions[t] * across;
        for (long h = 0; h < turned; h++) {
            float *first = qkv + h * z->head, *second = first + across;
            for (long i = 0; i < across; i += 8) {
                eight a = *(eight *)(first + i), b = *(eight *)(second + i);
                eight c = *(eight *)(cos + i), s = *(eight *)(sin + i) * sign;
                *(eight *)(first + i) = a * c - b * s;
                *(eight *)(second + i) = b * c + a * s;
            }
        }
    }
}

/* kt [head, stride] from keys [n, head] that lie `step` apart. */
static void transpose(const float *keys, long step, float *kt, long stride, long n, long head) {
    for (long t = 0; t < n; t++)
        for (long d = 0; d < head; d++) kt[d * stride + t] = keys[t * step + d];
}

/* p = e^((s - largest) scale) over the `seen` first of `count`, 0 beyond; returns their sum. */
INLINE float exponentials(float *s, long seen, long count, float scale, float *largest) {
    for (long j = seen / LANES * LANES; j < PADDED(seen); j += LANES) /* what is not seen */
        store(s + j, where(from_lane(seen - j), splat(-INFINITY), load(s + j)));
    vec top = splat(-INFINITY), sum = {};
    for (long j = 0; j < PADDED(seen); j += LANES) top = larger(top, load(s + j));
    float most = largest_of(top);
    for (long j = 0; j < PADDED(seen); j += LANES) {
        vec p = exp_of((load(s + j) - most) * scale);
        store(s + j, p);
        sum += p;
    }
    for (long j = PADDED(seen); j < count; j += LANES) store(s + j, splat(0));
    *largest = most;
    return sum_of(sum);
}

/* One key head's queries: n of them, whose first stands at position `start`, look at keys kt [head, stride] and values
   v, `step` apart, of all positions up to their own. mixed gets what each of the `sharing` query heads sees. */
static void attend(const Sizes *z, const float *q, long q_step, long n, long start, const float *kt, long stride,
                   const float *v, long step, float *mixed, long mixed_step, float *scores) {
    long head = z->head, sharing = z->heads / z->key_heads, rows = n;
    float scale = 1.0f / sqrtf((float)head);
    if (n == 1) rows = sharing, q_step = head, mixed_step = head; /* the heads take the place of the queries */
    for (long h = 0; h < (n == 1 ? 1 : sharing); h++, q += head, mixed += head) {
        for (long i = 0; i < rows; i += TILE_ROWS) {
            long block = MIN(TILE_ROWS, rows - i), reach = start + (n == 1 ? 1 : i + block), padded = PADDED(reach);
            float inverse[TILE_ROWS];
            product(q + i * q_step, q_step, 1, kt, stride, scores, padded, block, padded, head, 0);
            for (long k = 0; k < block; k++) {
                float most, total;
                total = exponentials(scores + k * padded, start + (n == 1 ? 1 : i + k + 1), padded, scale, &most);
                inverse[k] = 1.0f / total;
            }
            product(scores, padded, 1, v, step, mixed + i * mixed_step, mixed_step, block, head, reach, 0);
            for (long k = 0; k < block; k++)
                for (long d = 0; d < head; d += LANES) {
                    float *at = mixed + (i + k) * mixed_step + d;
                    store(at, load(at) * inverse[k]);
                }
        }
    }
}

/* out [n] (+)= the products of what each lane holds, t [LANES], with each of n rows that lie `step` apart. */
INLINE void dots(const vec t[LANES], const float *rows, long step, long n, vec *out, int add) {
    for (long j = 0; j < n; j++, rows += step) {
        vec even = add ? out[j] : splat(0), odd = {};
#pragma GCC unroll 16
        for (int d = 0; d < LANES; d += 2) {
            even += t[d] * rows[d];
            odd += t[d + 1] * rows[d + 1];
        }
        out[j] = even + odd;
    }
}

/* t [LANES] = the sum of n rows that lie `step` apart, weighted for each lane. */
INLINE void weigh(vec t[LANES], const vec *weights, const float *rows, long step, long n) {
#pragma GCC unroll 16
    for (int d = 0; d < LANES; d++) t[d] = splat(0);
    for (long j = 0; j < n; j++, rows += step) {
        vec weight = weights[j];
#pragma GCC unroll 16
        for (int d = 0; d < LANES; d++) t[d] += weight * rows[d];
    }
}

/* One head over a whole sequence of n: queries, keys and values lie `step` apart. LANES queries are taken at a time, one
   in each lane, so that no sum runs across lanes. stats, where wanted, gets the largest score of each query, and stats_step
   further on 1 / sum; weights [n, LANES] is scratch. */
static void attend_whole(const float *q, const float *k, const float *v, long step, long n, long head, float *mixed,
                         long mixed_step, float *stats, long stats_step, vec *weights) {
    float scale = 1.0f / sqrtf((float)head);
    for (long i = 0; i < n; i += LANES) {
        long m = MIN(LANES, n - i), reach = i + m;
        vec t[LANES], top = splat(-INFINITY), sum = {};
        for (long c = 0; c < head; c += LANES) {
            load_turned(t, q + i * step + c, step, m);
            dots(t, k + c, step, reach, weights, c > 0);
        }
        for (long j = i + 1; j < reach; j++) weights[j] = where(from_lane(j - i), weights[j], splat(-INFINITY));
        for (long j = 0; j < reach; j++) top = larger(top, weights[j]);
        for (long j = 0; j < reach; j++) {
            weights[j] = exp_of((weights[j] - top) * scale);
            sum += weights[j];
        }
        vec inverse = 1.0f / sum;
        for (long c = 0; c < head; c += LANES) {
            weigh(t, weights, v + c, step, reach);
#pragma GCC unroll 16
            for (int d = 0; d < LANES; d++) t[d] *= inverse;
            store_turned(t, mixed + i * mixed_step + c, mixed_step, m);
        }
        if (!stats) continue;
        memcpy(stats + i, &top, (size_t)m * sizeof(float));
        memcpy(stats + stats_step + i, &inverse, (size_t)m * sizeof(float));
    }
}

/* The gradients of `attend_whole`: that of q is written, those of k and v are added to. */
static void attend_whole_backward(const float *q, const float *k, const float *v, long step, long n, long head,
                                  const float *mixed, const float *dmixed, long mixed_step, const float *stats,
                                  long stats_step, float *dq, float *dk, float *dv, vec *weights, vec *dscores) {
    float scale = 1.0f / sqrtf((float)head);
    for (long i = 0; i < n; i += LANES) {
        long m = MIN(LANES, n - i), reach = i + m;
        vec t[LANES], other[LANES], inner = {}, top = {}, inverse = {};
        memcpy(&top, stats + i, (size_t)m * sizeof(float));
        memcpy(&inverse, stats + stats_step + i, (size_t)m * sizeof(float)); /* 0 in lanes without a query */
        for (long c = 0; c < head; c += LANES) {
            load_turned(t, q + i * step + c, step, m);
            dots(t, k + c, step, reach, weights, c > 0);
            load_turned(t, dmixed + i * mixed_step + c, mixed_step, m);
            dots(t, v + c, step, reach, dscores, c > 0);
            load_turned(other, mixed + i * mixed_step + c, mixed_step, m);
#pragma GCC unroll 16
            for (int d = 0; d < LANES; d++) inner += t[d] * other[d];
        }
        for (long j = 0; j < reach; j++) {
            vec weight = exp_of((weights[j] - top) * scale) * inverse;
            if (j > i) weight = where(from_lane(j - i), weight, splat(0));
            weights[j] = weight;
            dscores[j] = weight * (dscores[j] - inner) * scale;
        }
        for (long c = 0; c < head; c += LANES) {
            weigh(t, dscores, k + c, step, reach);
            store_turned(t, dq + i * step + c, step, m);
        }
        product((float *)dscores, LANES, 1, q + i * step, step, dk, step, reach, head, m, 1);
        product((float *)weights, LANES, 1, dmixed + i * mixed_step, mixed_step, dv, step, reach, head, m, 1);
    }
}

static void add_to(float *y, const float *x, long n) {
    for (long i = 0; i < n; i += LANES) store(y + i, load(y + i) + load(x + i));
}

static int all_zero(const float *x, long n) {
    ivec some = {};
    for (long i = 0; i < n; i += LANES) some |= load(x + i) != 0;
    for (int i = 0; i < LANES; i++)
        if (some[i]) return 0;
    return 1;
}

/* The feed-forward half of a layer on m rows of x; a [m, feed_forward] gets relu(up), normed and wide are scratch. */
static void feed_forward(const Sizes *z, const Layer *w, const float *x, float *next, float *a, float *stats,
                         float *normed, float *wide, long m) {
    long width = z->width, ff = z->feed_forward;
    normalise(x, w->feed_forward_norm, normed, stats, m, width);
    product(normed, width, 1, w->up_t, ff, a, ff, m, ff, width, 0);
    for (long i = 0; i < m * ff; i += LANES) {
        vec positive = larger(splat(0), load(a + i));
        store(a + i, positive);
        store(wide + i, positive * positive);
    }
    if (next != x) memcpy(next, x, (size_t)(m * width) * sizeof(float));
    product(wide, ff, 1, w->down_t, width, next, width, m, width, ff, 1);
}

/* ---- Whole sequences, and their gradients ------------------------------------------------------------------------ */

#define BLOCK 192 /* tokens that go through the layers together */

/* What a layer keeps of n tokens for the way back. */
typedef struct {
    float *x, *stats, *qkv, *attention, *mixed, *middle, *middle_stats, *a;
} Kept;

static long kept_floats(const Sizes *z) {
    return 2 * z->width + 4 + qkv_of(z) + 2 * z->heads + mixed_of(z) + z->feed_forward;
}

static Kept kept_of(const Sizes *z, float *at, long n) {
    Kept k;
    k.x = at, at += n * z->width;
    k.stats = at, at += n * 2;
    k.qkv = at, at += n * qkv_of(z);
    k.attention = at, at += n * 2 * z->heads;
    k.mixed = at, at += n * mixed_of(z);
    k.middle = at, at += n * z->width;
    k.middle_stats = at, at += n * 2;
    k.a = at;
    return k;
}

/* How many floats `goldenrule_forward` keeps of n tokens. */
long goldenrule_kept(const Sizes *z, long n) {
    return z->layers * n * kept_floats(z) + n * (z->width + 2);
}

/* Where the block ends that begins with sequence `first`: as many as have BLOCK tokens, at least one. */
static long block_end(const int32_t *lengths, long first, long count, long *tokens) {
    long last = first;
    *tokens = 0;
    while (last < count && (last == first || *tokens + lengths[last] <= BLOCK)) *tokens += lengths[last++];
    return last;
}

static long longest_of(const int32_t *lengths, long count) {
    long longest = 1;
    for (long s = 0; s < count; s++) longest = MAX(longest, lengths[s]);
    return longest;
}

/* Hidden states [count, room, width] of sequences [count, room], of which each has its length; what lies past it is left
   as it is. `kept` is NULL where no gradient is wanted. */
void goldenrule_forward(const Sizes *z, const Weights *w, const int64_t *ids, const int32_t *lengths, long count,
                        long room, float *hidden, float *kept) {
    long width = z->width, qkv = qkv_of(z), mix = mixed_of(z), head = z->head, sharing = z->heads / z->key_heads;
    long longest = longest_of(lengths, count), most = MAX(BLOCK, longest);
    float *normed = floats(most * width), *wide = floats(most * z->feed_forward), *own = kept ? NULL : floats(most * kept_floats(z)),
          *last = kept ? NULL : floats(most * (width + 2));
    vec *weights = (vec *)floats(longest * LANES);
    int32_t *positions = malloc((size_t)most * sizeof(int32_t));
    for (long s = 0, t = 0, tokens; s < count; t += tokens) {
        long end = block_end(lengths, s, count, &tokens);
        /* A block's activations lie together, layer by layer, then what the last norm reads. */
        float *at = kept ? kept + t * (z->layers * kept_floats(z) + width + 2) : own;
        Kept now = kept_of(z, at, tokens);
        for (long r = s, k = 0; r < end; r++)
            for (int32_t i = 0; i < lengths[r]; i++, k++) {
                positions[k] = i;
                memcpy(now.x + k * width, w->embedding + ids[r * room + i] * width, (size_t)width * sizeof(float));
            }
        for (long l = 0; l < z->layers; l++) {
            const Layer *layer = w->layers + l;
            normalise(now.x, layer->attention_norm, normed, now.stats, tokens, width);
            product(normed, width, 1, layer->qkv_t, qkv, now.qkv, qkv, tokens, qkv, width, 0);
            rotate(z, now.qkv, positions, tokens, 1);
            for (long r = s, first = 0; r < end; first += lengths[r++])
                for (long h = 0; h < z->heads; h++) {
                    const float *row = now.qkv + first * qkv, *key = row + mix + h / sharing * head;
                    attend_whole(row + h * head, key, key + z->key_heads * head, qkv, lengths[r], head,
                                 now.mixed + first * mix + h * head, mix, now.attention + 2 * h * tokens + first, tokens,
                                 weights);
                }
            memcpy(now.middle, now.x, (size_t)(tokens * width) * sizeof(float));
            product(now.mixed, mix, 1, layer->out_t, width, now.middle, width, tokens, width, mix, 1);
            float *next = now.x;
            if (kept) next = at + (l + 1) * tokens * kept_floats(z);
            else if (l + 1 == z->layers) next = last;
            feed_forward(z, layer, now.middle, next, now.a, now.middle_stats, normed, wide, tokens);
            if (kept && l + 1 < z->layers) now = kept_of(z, next, tokens);
            if (l + 1 < z->layers) continue;
            for (long r = s, k = 0; r < end; k += lengths[r++])
                normalise(next + k * width, w->norm, hidden + r * room * width, next + tokens * width + 2 * k, lengths[r],
                          width);
        }
        s = end;
    }
    free(normed), free(wide), free(weights), free(own), free(last), free(positions);
}

/* Gradients are added to these, [out, in] as the weights. */
typedef struct {
    float *attention_norm, *qkv, *out, *feed_forward_norm, *up, *down;
} LayerGradients;

/* Adds the gradients of all weights, given that of the hidden states. */
void goldenrule_backward(const Sizes *z, const Weights *w, const int64_t *ids, const int32_t *lengths, long count,
                         long room, const float *dhidden, const float *kept, float *dembedding, float *dnorm,
                         const LayerGradients *gradients) {
    long width = z->width, qkv = qkv_of(z), mix = mixed_of(z), ff = z->feed_forward, head = z->head;
    long sharing = z->heads / z->key_heads, longest = longest_of(lengths, count), most = MAX(BLOCK, longest);
    float *normed = floats(most * width), *dnormed = floats(most * width), *dx = floats(most * width),
          *wide = floats(most * ff), *dwide = floats(most * ff), *dqkv = floats(most * qkv),
          *dmixed = floats(most * mix);
    vec *weights = (vec *)floats(longest * LANES), *dscores = (vec *)floats(longest * LANES);
    int32_t *positions = malloc((size_t)most * sizeof(int32_t));
    for (long s = 0, t = 0, tokens; s < count; t += tokens) {
        long end = block_end(lengths, s, count, &tokens), before = s;
        s = end;
        int read = 0;
        for (long r = before; r < end && !read; r++) read = !all_zero(dhidden + r * room * width, lengths[r] * width);
        if (!read) continue; /* the loss has no part in any of these */
        for (long r = before, k = 0; r < end; r++)
            for (int32_t i = 0; i < lengths[r]; i++) positions[k++] = i;
        float *at = (float *)kept + t * (z->layers * kept_floats(z) + width + 2);
        const float *last = at + z->layers * tokens * kept_floats(z);
        memset(dx, 0, (size_t)(tokens * width) * sizeof(float));
        for (long r = before, k = 0; r < end; k += lengths[r++])
            normalise_backward(last + k * width, w->norm, last + tokens * width + 2 * k, dhidden + r * room * width,
                               dx + k * width, dnorm, lengths[r], width);
        for (long l = z->layers - 1; l >= 0; l--) {
            const Layer *layer = w->layers + l;
            const LayerGradients *d = gradients + l;
            Kept now = kept_of(z, at + l * tokens * kept_floats(z), tokens);
            /* Feed-forward: next = middle + down relu(up norm(middle))^2. */
            for (long i = 0; i < tokens * ff; i += LANES) store(wide + i, load(now.a + i) * load(now.a + i));
            product(dx, 1, width, wide, ff, d->down, ff, width, ff, tokens, 1);
            product(dx, width, 1, layer->down, ff, dwide, ff, tokens, ff, width, 0);
            for (long i = 0; i < tokens * ff; i += LANES)
                store(dwide + i, load(dwide + i) * (load(now.a + i) * 2.0f));
            normalise(now.middle, layer->feed_forward_norm, normed, NULL, tokens, width);
            product(dwide, 1, ff, normed, width, d->up, width, ff, width, tokens, 1);
            product(dwide, ff, 1, layer->up, width, dnormed, width, tokens, width, ff, 0);
            normalise_backward(now.middle, layer->feed_forward_norm, now.middle_stats, dnormed, dx,
                               d->feed_forward_norm, tokens, width);
            /* Attention: middle = x + out attention(qkv norm(x)). */
            product(dx, 1, width, now.mixed, mix, d->out, mix, width, mix, tokens, 1);
            product(dx, width, 1, layer->out, mix, dmixed, mix, tokens, mix, width, 0);
            memset(dqkv, 0, (size_t)(tokens * qkv) * sizeof(float));
            for (long r = before, first = 0; r < end; first += lengths[r++])
                for (long h = 0; h < z->heads; h++) {
                    long query = first * qkv + h * head, key = first * qkv + mix + h / sharing * head;
                    long value = key + z->key_heads * head, place = first * mix + h * head;
                    attend_whole_backward(now.qkv + query, now.qkv + key, now.qkv + value, qkv, lengths[r], head,
                                          now.mixed + place, dmixed + place, mix, now.attention + 2 * h * tokens + first,
                                          tokens, dqkv + query, dqkv + key, dqkv + value, weights, dscores);
                }
            rotate(z, dqkv, positions, tokens, -1);
            normalise(now.x, layer->attention_norm, normed, NULL, tokens, width);
            product(dqkv, 1, qkv, normed, width, d->qkv, width, qkv, width, tokens, 1);
            product(dqkv, qkv, 1, layer->qkv, width, dnormed, width, tokens, width, qkv, 0);
            normalise_backward(now.x, layer->attention_norm, now.stats, dnormed, dx, d->attention_norm, tokens, width);
        }
        for (long r = before, k = 0; r < end; r++)
            for (long i = 0; i < lengths[r]; i++, k++)
                add_to(dembedding + ids[r * room + i] * width, dx + k * width, width);
    }
    free(normed), free(dnormed), free(dx), free(wide), free(dwide), free(dqkv), free(dmixed);
    free(weights), free(dscores), free(positions);
}

/* ---- Decoding from a cache --------------------------------------------------------------------------------------- */

#define CHUNK 128 /* rows that decode together, at most: the weights are read once for all of them */

/* keys [layers, rows, key heads, head, capacity], values [layers, rows, key heads, capacity, head]; capacity is a
   multiple of 16. */
typedef struct {
    float *keys, *values;
    long rows, capacity;
} Cache;

typedef struct {
    float *x, *middle, *normed, *qkv, *mixed, *a, *wide, *scores;
    vec *weights;
    int32_t *positions;
} Scratch;

static Scratch scratch_of(const Sizes *z, long tokens, long capacity) {
    Scratch s = {
        .x = floats(tokens * z->width),
        .middle = floats(tokens * z->width),
        .normed = floats(tokens * z->width),
        .qkv = floats(tokens * qkv_of(z)),
        .mixed = floats(tokens * mixed_of(z)),
        .a = floats(tokens * z->feed_forward),
        .wide = floats(tokens * z->feed_forward),
        .scores = floats(TILE_ROWS * PADDED(capacity)),
        .weights = (vec *)floats(capacity * LANES),
        .positions = malloc((size_t)tokens * sizeof(int32_t)),
    };
    return s;
}

static void free_scratch(Scratch *s) {
    free(s->x), free(s->middle), free(s->normed), free(s->qkv), free(s->mixed), free(s->a), free(s->wide);
    free(s->scores), free(s->weights), free(s->positions);
}

/* Appends widths[r] ids to each of `count` rows that hold starts[r]; hidden [count, width] at the last of each. */
static void advance(const Sizes *z, const Weights *w, const Cache *cache, const int32_t *rows, const int32_t *starts,
                    const int32_t *widths, const int32_t *ids, long count, float *hidden, const Scratch *s) {
    long width = z->width, qkv = qkv_of(z), mix = mixed_of(z), head = z->head, tokens = 0;
    long sharing = z->heads / z->key_heads, capacity = cache->capacity;
    for (long r = 0; r < count; r++)
        for (int32_t i = 0; i < widths[r]; i++, tokens++) {
            s->positions[tokens] = starts[r] + i;
            memcpy(s->x + tokens * width, w->embedding + (long)ids[tokens] * width, (size_t)width * sizeof(float));
        }
    int one_each = tokens == count;
    for (long l = 0; l < z->layers; l++) {
        const Layer *layer = w->layers + l;
        long m = tokens;
        normalise(s->x, layer->attention_norm, s->normed, NULL, tokens, width);
        product(s->normed, width, 1, layer->qkv_t, qkv, s->qkv, qkv, tokens, qkv, width, 0);
        rotate(z, s->qkv, s->positions, tokens, 1);
        int last = l + 1 == z->layers && !one_each; /* where only each row's last token is asked for */
        if (last) m = count;
        for (long r = 0, t = 0; r < count; t += widths[r++]) {
            long n = last ? 1 : widths[r], at = last ? r : t;
            for (long g = 0; g < z->key_heads; g++) {
                long place = ((l * cache->rows + rows[r]) * z->key_heads + g) * head * capacity;
                float *kt = cache->keys + place, *v = cache->values + place;
                const float *key = s->qkv + t * qkv + mix + g * head, *value = key + z->key_heads * head;
                transpose(key, qkv, kt + starts[r], capacity, widths[r], head);
                for (long i = 0; i < widths[r]; i++)
                    memcpy(v + (starts[r] + i) * head, value + i * qkv, (size_t)head * sizeof(float));
                const float *q = s->qkv + (t + widths[r] - n) * qkv + g * sharing * head;
                float *mixed = s->mixed + at * mix + g * sharing * head;
                if (n > 1 && !starts[r])
                    for (long h = 0; h < sharing; h++)
                        attend_whole(q + h * head, key, value, qkv, n, head, mixed + h * head, mix, NULL, 0, s->weights);
                else
                    attend(z, q, qkv, n, starts[r] + widths[r] - n, kt, capacity, v, head, mixed, mix, s->scores);
            }
            if (last) memmove(s->x + r * width, s->x + (t + widths[r] - 1) * width, (size_t)width * sizeof(float));
        }
        memcpy(s->middle, s->x, (size_t)(m * width) * sizeof(float));
        product(s->mixed, mix, 1, layer->out_t, width, s->middle, width, m, width, mix, 1);
        feed_forward(z, layer, s->middle, s->x, s->a, NULL, s->normed, s->wide, m);
    }
    normalise(s->x, w->norm, hidden, NULL, count, width);
}

/* `advance` of all rows, some at a time. */
void goldenrule_extend(const Sizes *z, const Weights *w, const Cache *cache, const int32_t *rows, const int32_t *starts,
                       const int32_t *widths, const int32_t *ids, long count, float *hidden, long threads) {
    long blocks = 0, tokens, *first = malloc((size_t)(count + 1) * 2 * sizeof(long)), *place = first + count + 1;
    first[0] = place[0] = 0;
    for (long r = 0; r < count; blocks++) {
        r = first[blocks + 1] = block_end(widths, r, count, &tokens);
        place[blocks + 1] = place[blocks] + tokens;
    }
#pragma omp parallel for num_threads(threads) schedule(dynamic)
    for (long b = 0; b < blocks; b++) {
        long r = first[b];
        Scratch s = scratch_of(z, place[b + 1] - place[b], cache->capacity);
        advance(z, w, cache, rows + r, starts + r, widths + r, ids + place[b], first[b + 1] - r, hidden + r * z->width, &s);
        free_scratch(&s);
    }
    free(first);
}

/* How a message is sampled. Ids below `controls` are banned but `end`, and that too before `shortest` ids are said. */
typedef struct {
    const float *vocabulary; /* transposed: [width, padded]; the columns past the vocabulary count nothing */
    long padded, longest, shortest, end, controls;
    float temperature; /* 0: the likeliest */
} Sampling;

/* Draws an id from `logits` by a number from 0 to 1; gives its log-probability. */
static long choose(const Sizes *z, const Sampling *how, float *logits, float uniform, int may_end, float *logprob) {
    long vocab = z->vocab, best = may_end ? how->end : how->controls;
    float ending = may_end ? logits[how->end] : -INFINITY, largest, total = 0;
    for (long i = 0; i < how->controls; i++) logits[i] = -INFINITY;
    logits[how->end] = ending;
    int greedy = how->temperature == 0;
    if (greedy)
        for (long i = 0; i < vocab; i++) best = logits[i] > logits[best] ? i : best;
    total = exponentials(logits, vocab, how->padded, greedy ? 1.0f : 1.0f / how->temperature, &largest);
    if (!greedy) {
        float target = uniform * total, before = 0;
        for (long j = 0; j < how->padded; j += LANES) {
            float part = sum_of(load(logits + j));
            if (before + part > target || j + LANES >= how->padded) {
                for (long i = j; i < MIN(j + LANES, vocab); i++) {
                    if (logits[i] <= 0) continue;
                    best = i;
                    before += logits[i];
                    if (before > target) break;
                }
                break;
            }
            if (part > 0)
                for (long i = j; i < j + LANES; i++)
                    if (logits[i] > 0) best = i; /* what rounding takes beyond the end falls to the last that can be */
            before += part;
        }
    }
    *logprob = logf(logits[best] / total);
    return best;
}

static void sample_chunk(const Sizes *z, const Weights *w, const Cache *cache, const Sampling *how, const int32_t *rows,
                         const int32_t *lengths, long count, const float *hidden, const float *uniforms, int32_t *ids,
                         float *logprobs, int8_t *ended) {
    long width = z->width, left = count;
    Scratch s = scratch_of(z, count, cache->capacity);
    float *states = floats(count * width), *logits = floats(count * how->padded);
    int32_t *alive = malloc((size_t)count * 5 * sizeof(int32_t)), *row = alive + count, *start = row + count,
            *one = start + count, *said = one + count;
    memcpy(states, hidden, (size_t)(count * width) * sizeof(float));
    for (long r = 0; r < count; r++) alive[r] = (int32_t)r, one[r] = 1;
    for (long step = 0; left; step++) {
        product(states, width, 1, how->vocabulary, how->padded, logits, how->padded, left, how->padded, width, 0);
        long still = 0;
        for (long k = 0; k < left; k++) {
            long r = alive[k], at = r * how->longest + step;
            long id = choose(z, how, logits + k * how->padded, uniforms[at], step >= how->shortest, logprobs + at);
            if (id == how->end) ended[r] = 1;
            if (step + 1 == how->longest) id = how->end; /* cut: closed by an end that was not drawn */
            ids[at] = (int32_t)id;
            if (id == how->end) continue;
            alive[still] = (int32_t)r, row[still] = rows[r], start[still] = lengths[r] + (int32_t)step;
            said[still++] = (int32_t)id;
        }
        left = still;
        if (left) advance(z, w, cache, row, start, one, said, left, states, &s);
    }
    free_scratch(&s);
    free(states), free(logits), free(alive);
}

/* Samples a message for each of `count` rows from their hidden states: ids and logprobs [count, longest], and whether
   each ended by itself. All ids but the last of a row are appended to it. */
void goldenrule_sample(const Sizes *z, const Weights *w, const Cache *cache, const Sampling *how, const int32_t *rows,
                       const int32_t *lengths, long count, const float *hidden, const float *uniforms, int32_t *ids,
                       float *logprobs, int8_t *ended, long threads) {
    long chunk = MAX(1, MIN(CHUNK, (count + threads - 1) / threads));
#pragma omp parallel for num_threads(threads) schedule(dynamic)
    for (long r = 0; r < count; r += chunk)
        sample_chunk(z, w, cache, how, rows + r, lengths + r, MIN(chunk, count - r), hidden + r * z->width,
                     uniforms + r * how->longest, ids + r * how->longest, logprobs + r * how->longest, ended + r);
}
